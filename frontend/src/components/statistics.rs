//! What an Envoy counts, in words, by topic.

use leptos::prelude::*;
use sidecarta_queries::api::graph::Health;
use sidecarta_queries::api::proxies::Statistic;

use crate::clock;
use crate::components::icon::{Icon, of_health};
use crate::format;
use crate::model::statistics::{Value, of_topic, reading, topics};
use crate::preferences::Preferences;
use crate::state::Zone;

/// Statistics under the headings of their topics, the bad ones first.
#[component]
pub(crate) fn StatisticList(
    /// The statistics.
    #[prop(into)]
    statistics: Signal<Vec<Statistic>>,
) -> impl IntoView {
    let topics = Memo::new(move |_| statistics.with(|statistics| topics(statistics)));
    view! {
        <div class="topics" data-testid="statistics">
            <For each=move || topics.get() key=Clone::clone let(topic)>
                <Topic topic statistics />
            </For>
        </div>
    }
}

#[component]
fn Topic(topic: String, statistics: Signal<Vec<Statistic>>) -> impl IntoView {
    let title = topic.clone();
    let of = topic.clone();
    let names = Memo::new(move |_| statistics.with(|statistics| of_topic(statistics, &of)));
    view! {
        <section class="topic">
            <h4>{title}</h4>
            <ul>
                <For each=move || names.get() key=Clone::clone let(name)>
                    <StatisticRow topic=topic.clone() name statistics />
                </For>
            </ul>
        </section>
    }
}

#[component]
fn StatisticRow(topic: String, name: String, statistics: Signal<Vec<Statistic>>) -> impl IntoView {
    let zone = expect_context::<Preferences>().zone;
    let envoy_name = name.clone();
    let statistic = Memo::new(move |_| {
        let this = |one: &&Statistic| one.topic == topic && one.name == name;
        statistics.with(|statistics| statistics.iter().find(this).cloned().unwrap_or_default())
    });
    let read = Memo::new(move |_| statistic.with(reading));
    let is_bad = Memo::new(move |_| statistic.with(|statistic| statistic.is_bad));
    let value = move || value_words(read.with(|read| read.value), zone.get());
    view! {
        <li class="statistic" class:is-bad=is_bad data-testid="statistic" data-bad=move || is_bad.get().to_string()>
            <span class="statistic-mark">
                <Show when=move || is_bad.get()>
                    <Icon path=of_health(Health::Degraded) />
                    <span class="sr-only">"To look at:"</span>
                </Show>
            </span>
            <span class="statistic-words">
                <span>{move || read.with(|read| read.meaning.clone())}</span>
                <code>{envoy_name}</code>
            </span>
            <span class="statistic-value num">{value}</span>
        </li>
    }
}

/// A value as it is written.
fn value_words(value: Value, zone: Zone) -> String {
    match value {
        Value::Count(count) if count < 0 => format!("−{}", format::count(count.unsigned_abs())),
        Value::Count(count) => format::count(count.unsigned_abs()),
        Value::Bytes(bytes) => format::bytes(bytes),
        Value::Seconds(seconds) => format::lasting(seconds as f64 * 1000.0),
        Value::Holds(0) => "no".to_owned(),
        Value::Holds(1) => "yes".to_owned(),
        Value::Holds(times) => format!("yes, {times} times"),
        Value::Date(seconds) => clock::date(seconds as f64 * 1000.0, zone),
    }
}
