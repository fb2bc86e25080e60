//! A stream of server-sent events that is closed when it is dropped.

use leptos::wasm_bindgen::JsCast;
use leptos::wasm_bindgen::closure::Closure;
use web_sys::{Event, EventSource, MessageEvent};

/// An open stream with the handlers that live as long as it does.
pub(super) struct Stream {
    source: EventSource,
    messages: Vec<Closure<dyn FnMut(MessageEvent)>>,
    breaks: Option<Closure<dyn FnMut(Event)>>,
}

impl Stream {
    /// Opens a stream. Nothing is opened where the browser refuses the address.
    pub(super) fn open(url: &str) -> Option<Self> {
        let source = EventSource::new(url).ok()?;
        Some(Self { source, messages: Vec::new(), breaks: None })
    }

    /// Calls `handle` with the data of every event of this name.
    pub(super) fn on(&mut self, name: &str, handle: impl Fn(&str) + 'static) {
        let closure = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            if let Some(data) = event.data().as_string() {
                handle(&data);
            }
        });
        let _ = self.source.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        self.messages.push(closure);
    }

    /// Calls `handle` when the stream breaks, with whether the browser has given it up.
    pub(super) fn on_break(&mut self, handle: impl Fn(bool) + 'static) {
        let source = self.source.clone();
        let closure = Closure::<dyn FnMut(Event)>::new(move |_| {
            handle(source.ready_state() == EventSource::CLOSED);
        });
        self.source.set_onerror(Some(closure.as_ref().unchecked_ref()));
        self.breaks = Some(closure);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.set_onerror(None);
        self.source.close();
    }
}
