//! What the parts of the trace page share.

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::ev;
use leptos::prelude::*;

use crate::model::trace::TraceModel;
use crate::model::trace::find::next_of;
use crate::model::trace::timeline::Stretch;
use crate::model::viewport::NARROW;
use crate::model::waterfall::{Folding, Rows};
use crate::page::Page;
use crate::state::TraceView;

/// The trace page's signals. Spans are named by their place in the trace.
#[derive(Clone, Copy)]
pub(super) struct TraceContext {
    /// The URL.
    pub(super) page: Page,
    /// What the viewer has opened and closed.
    pub(super) folding: RwSignal<Folding>,
    /// The rows of the waterfall.
    pub(super) rows: Memo<Arc<Rows>>,
    /// The window of time.
    pub(super) window: Memo<Stretch>,
    /// The span where the keyboard is.
    pub(super) cursor: RwSignal<Option<u32>>,
    /// The span whose details are open.
    pub(super) selected: Memo<Option<u32>>,
    /// Spans that hold what is looked for.
    pub(super) hits: Memo<Arc<Vec<u32>>>,
    /// Rows on which one of them is seen.
    pub(super) hit_rows: Memo<Arc<BTreeSet<usize>>>,
    /// The span that is to be brought into view; counted, so that one can be brought twice.
    pub(super) wanted: RwSignal<(u64, Option<u32>)>,
    /// Whether the window of the browser is narrow.
    pub(super) narrow: RwSignal<bool>,
    model: RwSignal<Option<Arc<TraceModel>>>,
    zoom: RwSignal<Option<Stretch>>,
}

impl TraceContext {
    /// Sets the signals up around a trace that is there.
    pub(super) fn provide(model: RwSignal<Option<Arc<TraceModel>>>) -> Self {
        let page = expect_context::<Page>();
        let of = move || model.get().unwrap_or_default();
        let folding = RwSignal::new(Folding::default());
        let rows = Memo::new(move |_| Arc::new(folding.with(|folding| Rows::of(&of(), folding))));
        let zoom = RwSignal::new(None);
        let window = Memo::new(move |_| zoom.get().unwrap_or_else(|| Stretch::whole(of().trace.duration_ns)));
        let select = Memo::new(move |_| page.state.with(|state| state.select.clone()));
        let selected = Memo::new(move |_| select.get().and_then(|id| of().find_id(&id)));
        let find = Memo::new(move |_| page.state.with(|state| state.find.clone()));
        let hits = Memo::new(move |_| Arc::new(of().holding(&find.get())));
        let hit_rows = Memo::new(move |_| {
            let rows = rows.get();
            Arc::new(hits.with(|hits| hits.iter().filter_map(|span| rows.row_of(*span)).collect()))
        });
        let narrow = RwSignal::new(is_narrow());
        let handle = window_event_listener(ev::resize, move |_| {
            if narrow.get_untracked() != is_narrow() {
                narrow.set(is_narrow());
            }
        });
        on_cleanup(move || handle.remove());
        let context = Self {
            page,
            folding,
            rows,
            window,
            cursor: RwSignal::new(None),
            selected,
            hits,
            hit_rows,
            wanted: RwSignal::new((0, None)),
            narrow,
            model,
            zoom,
        };
        // A link, or a click in another view, may select what is folded.
        Effect::new(move || {
            if let Some(span) = selected.get() {
                context.bring(span);
            }
        });
        provide_context(context);
        context
    }

    /// The trace, followed.
    pub(super) fn model(self) -> Arc<TraceModel> {
        self.model.get().unwrap_or_default()
    }

    /// The trace as it stands.
    pub(super) fn model_now(self) -> Arc<TraceModel> {
        self.model.get_untracked().unwrap_or_default()
    }

    /// The whole trace as a window of time.
    pub(super) fn whole(self) -> Stretch {
        Stretch::whole(self.model_now().trace.duration_ns)
    }

    /// Whether a part of the trace is looked at.
    pub(super) fn is_zoomed(self) -> bool {
        self.zoom.with(Option::is_some)
    }

    /// Looks at a window of time; the whole trace is no window.
    pub(super) fn look_at(self, window: Stretch) {
        self.zoom.set(Some(window).filter(|window| *window != self.whole()));
    }

    /// Looks at a span's time.
    pub(super) fn zoom_to(self, span: u32) {
        if let Some(span) = self.model_now().span(span) {
            let from = span.offset_ns as f64;
            self.look_at(Stretch::between(from, from + span.duration_ns as f64, self.whole()));
        }
    }

    /// Looks at the whole trace.
    pub(super) fn zoom_out(self) {
        self.zoom.set(None);
    }

    /// Goes nearer by a factor around a share of the window.
    pub(super) fn zoom_by(self, factor: f64, share: f64) {
        self.look_at(self.window.get_untracked().zoomed(factor, share, self.whole()));
    }

    /// Opens the details of a span. Not a step of the browser's history: the way back leads out of the trace.
    pub(super) fn select(self, span: u32) {
        let model = self.model_now();
        self.cursor.set(Some(span));
        self.page.replace(|state| state.select = model.span(span).map(|span| span.span_id.clone()));
    }

    /// Closes the details.
    pub(super) fn deselect(self) {
        self.page.replace(|state| state.select = None);
    }

    /// Opens what hides a span and brings its row into view, with the keyboard on it.
    pub(super) fn bring(self, span: u32) {
        let model = self.model_now();
        let mut folding = self.folding.get_untracked();
        folding.reveal(&model, span);
        if folding != self.folding.get_untracked() {
            self.folding.set(folding);
        }
        self.cursor.set(Some(span));
        self.want(span);
    }

    /// Brings a row into view.
    pub(super) fn want(self, span: u32) {
        self.wanted.update(|wanted| *wanted = (wanted.0 + 1, Some(span)));
    }

    /// Goes to the next (or last) of some spans after the one where the keyboard is. They stand in the order of the rows.
    pub(super) fn step(self, spans: &[u32], backwards: bool) {
        let model = self.model_now();
        let place = |span: u32| model.rank.get(span as usize).map(|place| *place as usize);
        let places: Vec<usize> = spans.iter().filter_map(|span| place(*span)).collect();
        let from = self.cursor.get_untracked().and_then(place);
        let next = next_of(&places, from, backwards).and_then(|place| model.order.get(place).copied());
        if let Some(next) = next {
            self.show(next);
        }
    }

    /// Shows a span in the waterfall or the flame graph, whichever is open; from the other views in the waterfall.
    pub(super) fn show(self, span: u32) {
        let has_rows = |view| matches!(view, TraceView::Waterfall | TraceView::Flame);
        if !self.page.state.with_untracked(|state| has_rows(state.trace_view)) {
            self.page.change(|state| state.trace_view = TraceView::Waterfall);
        }
        self.bring(span);
        if self.selected.with_untracked(Option::is_some) {
            self.select(span);
        }
    }
}

fn is_narrow() -> bool {
    window().inner_width().ok().and_then(|width| width.as_f64()).is_some_and(|width| width <= NARROW)
}
