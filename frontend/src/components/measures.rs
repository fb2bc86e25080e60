//! Numbers beside each other: tiles of the most important ones, and a table of what each source says.

use leptos::prelude::*;
use sidecarta_queries::api::graph::{Evidence, Quantile, Source};

use crate::components::sign::source_word;
use crate::format;

/// Bounds farther apart than this share of the estimate are shown: the number alone would be a false one.
const WIDE: f64 = 0.1;

/// The numbers that a node, an edge and a row of the services table have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measures {
    /// Requests in the range.
    pub(crate) requests: u64,
    /// Requests per second.
    pub(crate) rate: f64,
    /// Requests that failed.
    pub(crate) errors: u64,
    /// Share of the requests that failed.
    pub(crate) error_rate: f64,
    /// Median latency, ms.
    pub(crate) p50_ms: Option<f64>,
    /// 90th percentile, ms.
    pub(crate) p90_ms: Option<f64>,
    /// 99th percentile, ms.
    pub(crate) p99_ms: Option<f64>,
}

/// Tiles with rate, errors and latency.
#[component]
pub(crate) fn MeasureTiles(
    /// The numbers.
    #[prop(into)]
    measures: Signal<Measures>,
) -> impl IntoView {
    view! {
        <dl class="tiles">
            <Tile
                name="Rate"
                value=Signal::derive(move || format::rate(measures.get().rate))
                note=Signal::derive(move || format::plural(measures.get().requests, "request", "requests"))
            />
            <Tile
                name="Errors"
                value=Signal::derive(move || format::percent(measures.get().error_rate))
                note=Signal::derive(move || format!("{} failed", format::count(measures.get().errors)))
            />
            <Tile name="p50" value=Signal::derive(move || format::duration_or_dash(measures.get().p50_ms)) />
            <Tile name="p90" value=Signal::derive(move || format::duration_or_dash(measures.get().p90_ms)) />
            <Tile name="p99" value=Signal::derive(move || format::duration_or_dash(measures.get().p99_ms)) />
        </dl>
    }
}

#[component]
fn Tile(
    name: &'static str,
    #[prop(into)] value: Signal<String>,
    #[prop(into, optional)] note: Option<Signal<String>>,
) -> impl IntoView {
    view! {
        <div class="tile">
            <dt>{name}</dt>
            <dd class="num">{value}</dd>
            {note.map(|note| view! { <dd class="tile-note num">{note}</dd> })}
        </div>
    }
}

type Cell = fn(&Evidence) -> String;

/// The rows of the evidence table: what is shown, and how it is read out of one source's numbers.
const ROWS: [(&str, Cell); 11] = [
    ("Requests", |evidence| format::count(evidence.requests)),
    ("Errors", |evidence| format::count(evidence.errors)),
    ("Attempts", |evidence| format::count(evidence.attempts)),
    ("Retries", |evidence| format::count(evidence.retries)),
    ("Timeouts", |evidence| format::count(evidence.timeouts)),
    ("Connection failures", |evidence| format::count(evidence.connection_failures)),
    ("p50", |evidence| percentile(evidence.latency.as_ref(), |latency| latency.p50)),
    ("p90", |evidence| percentile(evidence.latency.as_ref(), |latency| latency.p90)),
    ("p99", |evidence| percentile(evidence.latency.as_ref(), |latency| latency.p99)),
    ("Coverage", |evidence| format::percent(evidence.coverage)),
    ("Reported by", |evidence| evidence.reporter.clone().unwrap_or_else(|| "–".to_owned())),
];

/// What each source says, one column a source, best first.
#[component]
pub(crate) fn EvidenceTable(
    /// What each source says.
    #[prop(into)]
    evidence: Signal<Vec<Evidence>>,
) -> impl IntoView {
    let sources = Memo::new(move |_| {
        evidence.with(|evidence| evidence.iter().map(|one| one.source).collect::<Vec<Source>>())
    });
    let cell = move |index: usize, read: Cell| {
        evidence.with(|evidence| evidence.get(index).map(read).unwrap_or_default())
    };
    let table = move || {
        let sources = sources.get();
        if sources.is_empty() {
            return view! { <p class="muted">"No source has reported in this range."</p> }.into_any();
        }
        let heads =
            sources.iter().map(|source| view! { <th scope="col" class="end">{source_word(*source)}</th> });
        let rows = ROWS.map(|(name, read)| {
            let cells = (0..sources.len())
                .map(|index| view! { <td class="end num">{move || cell(index, read)}</td> });
            view! {
                <tr>
                    <th scope="row">{name}</th>
                    {cells.collect_view()}
                </tr>
            }
        });
        view! {
            <div class="table-scroll">
                <table class="table table-compact" data-testid="evidence">
                    <thead>
                        <tr>
                            <th scope="col">
                                <span class="sr-only">"Measure"</span>
                            </th>
                            {heads.collect_view()}
                        </tr>
                    </thead>
                    <tbody>{rows.into_iter().collect_view()}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    let coverage = move || evidence.with(|evidence| coverage_words(evidence));
    view! {
        {table}
        {move || coverage().map(|words| view! { <p class="muted small">{words}</p> })}
    }
}

/// What sources beside the best one saw of the same requests, where that is not all.
fn coverage_words(evidence: &[Evidence]) -> Option<String> {
    let (_, others) = evidence.split_first()?;
    let partial = others.iter().filter(|one| one.coverage > 0.0 && one.coverage < 0.995);
    let words: Vec<String> = partial
        .map(|one| format!("{} saw {}", source_word(one.source), format::percent(one.coverage)))
        .collect();
    (!words.is_empty()).then(|| format!("{} of these requests.", words.join(", ")))
}

/// A percentile of a latency that may not be known.
pub(crate) fn percentile<T>(latency: Option<&T>, of: impl Fn(&T) -> Quantile) -> String {
    latency.map_or_else(|| "–".to_owned(), |latency| quantile(of(latency)))
}

/// A percentile, or the range in which it lies where that is wide.
fn quantile(quantile: Quantile) -> String {
    match quantile.high_ms {
        None if quantile.low_ms <= 0.0 => "–".to_owned(),
        None => format!("≥ {}", format::duration(quantile.low_ms)),
        Some(high_ms) if high_ms - quantile.low_ms <= WIDE * quantile.ms => format::duration(quantile.ms),
        Some(high_ms) => format!("{} – {}", format::duration(quantile.low_ms), format::duration(high_ms)),
    }
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::api::graph::Latency;

    use super::*;

    fn text(low_ms: f64, ms: f64, high_ms: f64) -> String {
        quantile(Quantile { ms, low_ms, high_ms: Some(high_ms) }).replace('\u{202f}', " ")
    }

    #[test]
    fn wide_bounds_are_shown_as_a_range() {
        assert_eq!(text(99.0, 100.0, 101.0), "100 ms");
        assert_eq!(text(250.0, 480.0, 500.0), "250 ms – 500 ms");
        let unbounded = Quantile { ms: 10_000.0, low_ms: 10_000.0, high_ms: None };
        assert_eq!(quantile(unbounded).replace('\u{202f}', " "), "≥ 10 s");
    }

    #[test]
    fn what_others_saw_less_of_is_said() {
        let one = |source, coverage| Evidence {
            source,
            coverage,
            requests: 9,
            errors: 0,
            attempts: 9,
            retries: 0,
            timeouts: 0,
            connection_failures: 0,
            latency: None,
            reporter: None,
        };
        let evidence = [one(Source::CloudWatch, 1.0), one(Source::AccessLog, 1.0), one(Source::Xray, 0.048)];
        let words = coverage_words(&evidence).unwrap().replace('\u{202f}', " ");
        assert_eq!(words, "X-Ray saw 4.8 % of these requests.");
        assert_eq!(coverage_words(&evidence[..2]), None);
    }

    #[test]
    fn latency_of_nothing_is_not_zero() {
        assert_eq!(percentile(Some(&Latency::default()), |latency| latency.p50), "–");
        assert_eq!(percentile(None, |latency: &Latency| latency.p50), "–");
    }
}
