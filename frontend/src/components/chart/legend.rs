//! The legend of a chart: names and signs, with the values under the crosshair.

use leptos::prelude::*;

use crate::model::tracks::{Shape, Track};

/// What stands in a legend: its name, its class, and how it is drawn.
pub(crate) type Entry = (&'static str, &'static str, Shape);

/// The sign of a track as it is drawn: a line with its dashes, a patterned square, a triangle.
pub(crate) fn sign((_, class, shape): Entry) -> AnyView {
    let (kind, d) = match shape {
        Shape::Bar => ("bar", "M4 0H18V10H4z"),
        Shape::Line => ("line", "M0 5H22"),
        Shape::Mark => ("mark", "M6 1h10l-5 8z"),
    };
    view! {
        <svg class="sign" viewBox="0 0 22 10" aria-hidden="true">
            <path class=format!("{kind} {class}") d=d />
        </svg>
    }
    .into_any()
}

/// Names with their signs and values: those under the crosshair, else those of the whole range. Entries that can be
/// switched off are buttons.
#[component]
pub(crate) fn Legend(
    /// What may be shown.
    #[prop(into)]
    entries: Signal<Vec<Entry>>,
    /// What is shown.
    tracks: Memo<Vec<Track>>,
    /// The step under the crosshair.
    #[prop(into)]
    step: Signal<Option<usize>>,
    /// When that is.
    #[prop(into)]
    when: Signal<String>,
    /// Switches an entry on or off.
    #[prop(optional)]
    toggle: Option<Callback<&'static str>>,
) -> impl IntoView {
    let entries = Memo::new(move |_| entries.get());
    let item = move |entry: Entry| {
        let name = entry.0;
        let shown = move || tracks.with(|tracks| tracks.iter().any(|track| track.name == name));
        let value = move || {
            let step = step.get();
            tracks.with(|tracks| {
                tracks.iter().find(|track| track.name == name).map(|track| track.text(step).to_owned())
            })
        };
        let words = move || (sign(entry), view! { <span>{name}</span> <strong class="num">{value}</strong> });
        match toggle.filter(|_| entry.2 == Shape::Line) {
            Some(toggle) => view! {
                <li>
                    <button
                        class="legend-entry"
                        aria-pressed=move || shown().to_string()
                        data-testid=format!("line-{name}")
                        on:click=move |_| toggle.run(name)
                    >
                        {words()}
                    </button>
                </li>
            }
            .into_any(),
            None => view! { <li class="legend-entry">{words()}</li> }.into_any(),
        }
    };
    view! {
        <div class="chart-legend">
            <span class="chart-when num" class:is-point=move || step.get().is_some()>{when}</span>
            <ul>{move || entries.get().into_iter().map(item).collect_view()}</ul>
        </div>
    }
    .into_any()
}
