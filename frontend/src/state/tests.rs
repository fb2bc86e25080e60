use proptest::prelude::*;

use super::*;
use crate::chart::scale::Curve;

#[test]
fn the_default_state_needs_no_query() {
    assert_eq!(PageState::default().query(), "");
    assert_eq!(PageState::parse(""), PageState::default());
    assert_eq!(PageState::parse("?"), PageState::default());
}

#[test]
fn what_cannot_be_read_keeps_its_default() {
    let state = PageState::parse("?from=&group=planet&depth=many&min_rate=-4&tz=mars&other=1&unhealthy=yes");
    assert_eq!(state, PageState::default());
}

#[test]
fn a_depth_stays_within_its_bounds() {
    assert_eq!(PageState::parse("depth=0").depth, 1);
    assert_eq!(PageState::parse("depth=200").depth, MAX_DEPTH);
}

#[test]
fn other_pages_take_the_time_range_along_and_nothing_else() {
    let state = PageState::parse("from=-6h&tz=utc&focus=service%3Aorders&find=pay&select=x&group=version");
    assert_eq!(state.carried_query(), "?from=-6h&tz=utc");
    assert_eq!(state.service_link("a b/ü"), "/services/a%20b%2F%C3%BC?from=-6h&tz=utc");
    assert_eq!(
        state.proxy_link("sidecar~10.0.0.1~a/b?c#d"),
        "/proxies/sidecar%7E10.0.0.1%7Ea%2Fb%3Fc%23d?from=-6h&tz=utc"
    );
}

#[test]
fn a_call_leads_to_the_routes_that_it_uses() {
    let state = PageState::parse("from=-6h&select=x&route=y");
    assert_eq!(
        state.routes_link("orders", Some("service:web@v1")),
        "/services/orders?from=-6h&caller=service%3Aweb%40v1"
    );
    assert_eq!(state.routes_link("a b", None), "/services/a%20b?from=-6h");
}

#[test]
fn a_node_leads_to_its_page_and_a_client_to_the_map() {
    let state = PageState::default();
    assert_eq!(state.node_link("database:shop@17"), "/services/shop");
    assert_eq!(state.node_link("client:client"), "/?focus=client%3Aclient&depth=1&select=client%3Aclient");
}

#[test]
fn the_statistics_of_an_edge_are_asked_for_in_the_grouping_of_the_map() {
    let state = PageState::parse("group=version&focus=service:web&find=x");
    assert_eq!(
        state.edge_parameters("service:web@v1", "service:orders@v2"),
        "source=service%3Aweb%40v1&target=service%3Aorders%40v2&from=-15m&to=now&group=version"
    );
}

#[test]
fn the_server_is_asked_for_the_range_even_if_it_is_the_default() {
    let state = PageState::parse("find=pay&select=service:web&focus=service:web&depth=2&min_rate=0.5");
    assert_eq!(state.graph_parameters(), "from=-15m&to=now&focus=service%3Aweb&depth=2&min_rate=0.5");
    assert_eq!(state.range_parameters(), "from=-15m&to=now");
}

#[test]
fn a_view_of_a_trace_is_known_by_its_name() {
    for (view, name) in TraceView::NAMES {
        let state = PageState { trace_view: view, ..PageState::default() };
        assert_eq!(PageState::parse(&format!("view={name}")), state);
        assert_eq!(PageState::parse(&state.query()), state);
    }
    assert_eq!(PageState::parse("view=table").trace_view, TraceView::Waterfall);
}

#[test]
fn a_search_for_traces_is_asked_for_and_linked_to() {
    let state = PageState::parse("q=service%3Dweb+error&order=slowest&from=-1h&view=scatter&tz=utc&find=x");
    assert_eq!(state.traces.query, "service=web error");
    assert_eq!(state.traces_parameters(50), "q=service%3Dweb+error&order=slowest&limit=50&from=-1h&to=now");
    assert_eq!(state.traces_link("status>=500"), "/traces?from=-1h&q=status%3E%3D500&tz=utc");
    assert_eq!(state.trace_link("0af7", Some("b7ad")), "/traces/0af7?from=-1h&select=b7ad&tz=utc");
    assert_eq!(state.carried_query(), "?from=-1h&tz=utc");
    assert_eq!(state.complete_parameters("a b", 2), "q=a+b&cursor=2&from=-1h&to=now");
}

#[test]
fn a_comparison_is_asked_for_with_both_ranges() {
    let traces = TraceSearch {
        selection: "error".to_owned(),
        baseline: "not error".to_owned(),
        baseline_from: Some("-30m".to_owned()),
        baseline_to: Some("-15m".to_owned()),
        ..TraceSearch::default()
    };
    let link = PageState::default().compare_link(traces);
    assert_eq!(
        link,
        "/traces/compare?selection=error&baseline=not+error&baseline_from=-30m&baseline_to=-15m"
    );
    assert_eq!(
        PageState::parse(link.split_once('?').unwrap().1).compare_parameters(),
        "selection=error&baseline=not+error&from=-15m&to=now&baseline_from=-30m&baseline_to=-15m"
    );
}

fn searches() -> impl Strategy<Value = TraceSearch> {
    let text = || proptest::option::of("[a-z:@→/&=+% \"]{1,12}");
    (text(), any::<bool>(), text(), text(), text(), text()).prop_map(
        |(query, slowest, selection, baseline, baseline_from, baseline_to)| TraceSearch {
            query: query.unwrap_or_default(),
            order: if slowest { TraceOrder::Slowest } else { TraceOrder::Newest },
            selection: selection.unwrap_or_default(),
            baseline: baseline.unwrap_or_default(),
            baseline_from,
            baseline_to,
        },
    )
}

fn canaries() -> impl Strategy<Value = CanaryState> {
    let text = || proptest::option::of("[a-z:@→/&=+% ]{1,12}");
    let (margin, watch) = (proptest::option::of("[0-9]{1,2}"), proptest::option::of("[0-9a-f]{4}"));
    (text(), text(), text(), margin, watch, text()).prop_map(|(service, old, new, margin, watch, at)| {
        CanaryState { service, old, new, margin, watch, at }
    })
}

fn states() -> impl Strategy<Value = PageState> {
    let text = || proptest::option::of("[a-z:@→/&=+% ]{1,12}");
    (
        (
            prop_oneof!["-[0-9]{1,3}[mhd]", Just("2026-11-23T08:00:00Z".to_owned())],
            any::<bool>(),
            text(),
            text(),
        ),
        (text(), text(), 1..=MAX_DEPTH, proptest::option::of(0.001..1e6_f64), any::<[bool; 5]>()),
        service_states(),
        searches(),
        canaries(),
    )
        .prop_map(
            |(
                (from, version, find, sort),
                (focus, select, depth, min_rate, flags),
                service,
                traces,
                canary,
            )| {
                PageState {
                    from,
                    to: if flags[0] { "now".to_owned() } else { "2026-11-23T09:00:00Z".to_owned() },
                    group: if version { Grouping::Version } else { Grouping::Service },
                    find: find.unwrap_or_default(),
                    min_rate,
                    // Without a focus a depth means nothing and is not kept.
                    depth: if focus.is_some() { depth } else { 1 },
                    focus,
                    sort: sort.unwrap_or_default(),
                    select,
                    tz: if flags[1] { Some(Zone::Utc) } else { None },
                    view: match (flags[2], flags[3]) {
                        (true, _) => Presentation::Table,
                        (_, true) => Presentation::Scatter,
                        _ => Presentation::Graph,
                    },
                    trace_view: if flags[4] && !flags[2] && !flags[3] {
                        TraceView::Flame
                    } else {
                        TraceView::Waterfall
                    },
                    unhealthy: flags[2],
                    hide_idle: flags[3],
                    all: flags[4],
                    service,
                    traces,
                    canary,
                }
            },
        )
}

fn service_states() -> impl Strategy<Value = ServiceState> {
    let text = || "[a-z{} /,.:&=+%]{0,12}";
    (
        prop::array::uniform4(proptest::option::of("[a-zA-Z{} /&=+%:@]{1,12}")),
        any::<[bool; 2]>(),
        text(),
        text(),
        text(),
    )
        .prop_map(|([route, version, caller, sel], [by_caller, linear], cols, lines, tables)| {
            ServiceState {
                route,
                version,
                caller,
                by_caller,
                cols,
                sel,
                curve: if linear { Curve::Linear } else { Curve::Log },
                lines,
                tables,
            }
        })
}

proptest! {
    #[test]
    fn a_link_shows_the_same_picture(state in states()) {
        prop_assert_eq!(PageState::parse(&state.query()), state);
    }
}
