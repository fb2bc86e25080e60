//! The versions of a service with their share of its traffic.

use leptos::prelude::*;
use sidecarta_queries::api::graph::VersionShare;

use crate::components::sign::HealthMark;
use crate::format;

/// The name of a version, also where it is not known.
pub(crate) fn version_name(version: &VersionShare) -> String {
    if version.version.is_empty() { "unknown".to_owned() } else { version.version.clone() }
}

/// A version's requests as a share of all versions' requests.
pub(crate) fn share(version: &VersionShare, all: &[VersionShare]) -> f64 {
    let total: u64 = all.iter().map(|version| version.requests).sum();
    if total == 0 { 0.0 } else { version.requests as f64 / total as f64 }
}

/// A table with a row for every version.
#[component]
pub(crate) fn VersionTable(
    /// The versions, most requests first.
    #[prop(into)]
    versions: Signal<Vec<VersionShare>>,
) -> impl IntoView {
    let names =
        move || versions.with(|versions| versions.iter().map(|one| one.version.clone()).collect::<Vec<_>>());
    view! {
        <div class="table-scroll">
            <table class="table table-compact" data-testid="versions">
                <thead>
                    <tr>
                        <th scope="col">"Version"</th>
                        <th scope="col">"Traffic"</th>
                        <th scope="col" class="end">"Errors"</th>
                        <th scope="col" class="end">"p50"</th>
                        <th scope="col" class="end">"p99"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=names key=Clone::clone let(name)>
                        <VersionRow name versions />
                    </For>
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn VersionRow(name: String, versions: Signal<Vec<VersionShare>>) -> impl IntoView {
    let row = Memo::new(move |_| {
        versions.with(|versions| {
            let version =
                versions.iter().find(|version| version.version == name).cloned().unwrap_or_default();
            (share(&version, versions), version)
        })
    });
    let version = move || row.get().1;
    view! {
        <tr>
            <th scope="row">
                <span class="cell-name">
                    <HealthMark health=Signal::derive(move || version().health) />
                    {move || version_name(&version())}
                </span>
            </th>
            <td>
                <span class="share">
                    <span class="share-bar">
                        <span style:width=move || format!("{:.1}%", row.get().0 * 100.0)></span>
                    </span>
                    <span class="num">{move || format::percent(row.get().0)}</span>
                </span>
            </td>
            <td class="end num">{move || format::percent(version().error_rate)}</td>
            <td class="end num">{move || format::duration_or_dash(version().p50_ms)}</td>
            <td class="end num">{move || format::duration_or_dash(version().p99_ms)}</td>
        </tr>
    }
}
