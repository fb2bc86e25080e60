//! The time range and the clock, set once and held on every page.

use leptos::ev;
use leptos::prelude::*;

use crate::clock;
use crate::components::icon::{CLOCK, Icon};
use crate::components::popover::Popover;
use crate::page::Page;
use crate::preferences::Preferences;
use crate::state::{DEFAULT_TO, PageState, Zone};

/// Ranges that end now: parameter, short and long name.
const PRESETS: [(&str, &str, &str); 8] = [
    ("-5m", "5 min", "Last 5 minutes"),
    ("-15m", "15 min", "Last 15 minutes"),
    ("-1h", "1 h", "Last hour"),
    ("-3h", "3 h", "Last 3 hours"),
    ("-6h", "6 h", "Last 6 hours"),
    ("-24h", "24 h", "Last 24 hours"),
    ("-7d", "7 d", "Last 7 days"),
    ("-30d", "30 d", "Last 30 days"),
];

/// A button that says the range, and the window in which it is chosen.
#[component]
pub(crate) fn TimePicker() -> impl IntoView {
    view! {
        <Popover
            label=range_and_zone
            test_id="time-picker"
            about="Time range"
            class="time-popover"
            draw=choices
        />
    }
    .into_any()
}

fn range_and_zone() -> AnyView {
    let page = expect_context::<Page>();
    let zone = expect_context::<Preferences>().zone;
    let label = move || page.state.with(|state| range_label(state, zone.get()));
    view! {
        <Icon path=CLOCK />
        <span class="time-label num">
            {label} <span class="muted">{move || clock::zone_label(zone.get())}</span>
        </span>
    }
    .into_any()
}

fn choices(open: RwSignal<bool>) -> AnyView {
    view! {
        <p class="menu-title">"Up to now"</p>
        <Presets />
        <hr class="menu-rule" />
        <p class="menu-title">"From … to"</p>
        <CustomRange open />
        <hr class="menu-rule" />
        <ZoneChoice />
    }
    .into_any()
}

#[component]
fn Presets() -> impl IntoView {
    let page = expect_context::<Page>();
    let presets = PRESETS.map(|(from, short, long)| {
        let pressed = move || page.state.with(|state| state.from == from && state.is_moving()).to_string();
        let choose = move |_| {
            page.change(|state| (state.from, state.to) = (from.to_owned(), DEFAULT_TO.to_owned()));
        };
        view! {
            <button
                class="btn"
                title=long
                aria-pressed=pressed
                data-closes
                on:click=choose
                data-testid=format!("range{from}")
            >
                {short}
            </button>
        }
    });
    view! { <div class="preset-grid">{presets.into_iter().collect_view()}</div> }
}

#[component]
fn CustomRange(open: RwSignal<bool>) -> impl IntoView {
    let page = expect_context::<Page>();
    let zone = expect_context::<Preferences>().zone;
    let (started, ended) = page.state.with_untracked(|state| {
        let now = clock::now_ms();
        let ended = clock::parse(&state.to).unwrap_or(now);
        (clock::parse(&state.from).unwrap_or(ended - 900_000.0), ended)
    });
    let from = RwSignal::new(clock::field_value(started, zone.get_untracked()));
    let to = RwSignal::new(clock::field_value(ended, zone.get_untracked()));
    let problem = RwSignal::new(None::<&'static str>);
    let apply = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let zone = zone.get_untracked();
        let times =
            clock::from_field(&from.get_untracked(), zone).zip(clock::from_field(&to.get_untracked(), zone));
        match times {
            None => problem.set(Some("Both times are needed.")),
            Some((from, to)) if from >= to => problem.set(Some("The start must lie before the end.")),
            Some((from, to)) => {
                page.change(|state| (state.from, state.to) = (from, to));
                open.set(false);
            }
        }
    };
    view! {
        <form class="custom-range" on:submit=apply>
            <label for="range-from">"From"</label>
            <span class="field">
                <input id="range-from" type="datetime-local" bind:value=from />
            </span>
            <label for="range-to">"To"</label>
            <span class="field">
                <input id="range-to" type="datetime-local" bind:value=to />
            </span>
            <Show when=move || problem.with(Option::is_some)>
                <p class="problem" role="alert">{move || problem.get()}</p>
            </Show>
            <button class="btn btn-primary" type="submit" data-testid="range-apply">
                "Show this range"
            </button>
        </form>
    }
}

#[component]
fn ZoneChoice() -> impl IntoView {
    let page = expect_context::<Page>();
    let preferences = expect_context::<Preferences>();
    let choice = move |zone: Zone, test_id: &'static str| {
        let name = if zone == Zone::Utc {
            "UTC".to_owned()
        } else {
            format!("Local ({})", clock::zone_label(Zone::Local))
        };
        view! {
            <button
                aria-pressed=move || (preferences.zone.get() == zone).to_string()
                on:click=move |_| preferences.choose_zone(zone, page)
                data-testid=test_id
            >
                {name}
            </button>
        }
    };
    view! {
        <div class="tz-row">
            <span>"Clock"</span>
            <div class="segmented" role="group" aria-label="Clock">
                {choice(Zone::Local, "tz-local")} {choice(Zone::Utc, "tz-utc")}
            </div>
        </div>
    }
}

/// The range in words.
pub(crate) fn range_label(state: &PageState, zone: Zone) -> String {
    if state.is_moving() {
        let preset = PRESETS.iter().find(|(from, ..)| *from == state.from);
        return preset.map_or_else(
            || format!("Since {}", clock::rewritten(&state.from, zone)),
            |(.., long)| (*long).to_owned(),
        );
    }
    let (from, to) = (clock::rewritten(&state.from, zone), clock::rewritten(&state.to, zone));
    let (from, to) = (shortened(&from), shortened(&to));
    // A range within a day names the day once.
    let same_day = from.get(..10).is_some_and(|day| to.starts_with(day));
    if same_day { format!("{from} – {}", &to[11.min(to.len())..]) } else { format!("{from} – {to}") }
}

/// A time without its seconds.
fn shortened(time: &str) -> &str {
    if time.len() == 19 { &time[..16] } else { time }
}
