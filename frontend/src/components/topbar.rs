//! The bar above every page: search, time, live and theme.

use leptos::prelude::*;

use crate::components::icon::{Icon, MOON, PAUSE, PLAY, SEARCH, SUN, SYSTEM};
use crate::components::palette::PaletteOpen;
use crate::components::sidebar::Brand;
use crate::components::time_picker::TimePicker;
use crate::live::{Connection, Live};
use crate::preferences::{Preferences, Theme};

/// The bar above every page.
#[component]
pub(crate) fn Topbar() -> impl IntoView {
    let PaletteOpen(open) = expect_context::<PaletteOpen>();
    view! {
        <header class="topbar">
            <Brand />
            <button
                class="btn search-open"
                on:click=move |_| open.set(true)
                data-testid="search-open"
                aria-label="Search services, calls, pages and trace ids"
                aria-keyshortcuts="/ Control+K"
            >
                <Icon path=SEARCH />
                <span>"Search"</span>
                <kbd>"/"</kbd>
            </button>
            <div class="topbar-space"></div>
            <LiveToggle />
            <TimePicker />
            <ThemeToggle />
        </header>
    }
}

/// Says how the numbers come, and stops or starts them.
#[component]
fn LiveToggle() -> impl IntoView {
    let live = expect_context::<Live>();
    let word = move || match live.connection.get() {
        Connection::Connecting => "Connecting",
        Connection::Live => "Live",
        Connection::Reconnecting => "Reconnecting",
        Connection::Paused => "Paused",
        Connection::Fixed => "Fixed range",
    };
    let state = move || match live.connection.get() {
        Connection::Connecting => "connecting",
        Connection::Live => "live",
        Connection::Reconnecting => "reconnecting",
        Connection::Paused => "paused",
        Connection::Fixed => "fixed",
    };
    let fixed = Memo::new(move |_| live.connection.get() == Connection::Fixed);
    let title = move || match (fixed.get(), live.paused.get()) {
        (true, _) => "This range has ended: its numbers do not move",
        (false, true) => "Resume live updates",
        (false, false) => "Pause live updates",
    };
    view! {
        <button
            class="btn connection"
            data-state=state
            data-testid="live-toggle"
            title=title
            disabled=fixed
            on:click=move |_| live.paused.update(|paused| *paused = !*paused)
        >
            <span class="pulse"></span>
            <span class="word" role="status">{word}</span>
            <Show when=move || !fixed.get()>
                <Icon path=Signal::derive(move || if live.paused.get() { PLAY } else { PAUSE }) />
            </Show>
            <span class="sr-only">{title}</span>
        </button>
    }
}

/// Goes round light, dark and the system's choice.
#[component]
fn ThemeToggle() -> impl IntoView {
    let theme = expect_context::<Preferences>().theme;
    let icon = Signal::derive(move || match theme.get() {
        Theme::System => SYSTEM,
        Theme::Light => SUN,
        Theme::Dark => MOON,
    });
    let label = move || format!("Theme: {}. Switch to {}.", theme.get().word(), theme.get().next().word());
    view! {
        <button
            class="btn btn-icon"
            data-testid="theme-toggle"
            title=label
            aria-label=label
            on:click=move |_| theme.update(|theme| *theme = theme.next())
        >
            <Icon path=icon />
        </button>
    }
}
