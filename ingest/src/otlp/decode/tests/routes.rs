//! Services that state no templates: what becomes of their paths, from the request to the table of routes.

use sidecarta_queries::api::routes::RouteSummary;
use sidecarta_queries::graph::{ErrorRules, GraphQuery, IdentityRules, RouteFilter, routes};
use sidecarta_queries::store::{self, Store, StoreOptions, TimeRange};

use super::*;

const PORTION: usize = 5_000;

/// The requests of one service, of which only a proxy tells, as they stand in a store.
fn stored(paths: impl Iterator<Item = String>, dir: &std::path::Path) -> Store {
    let (store, mut writer) = store::open(&StoreOptions::in_dir(dir)).unwrap();
    let spans: Vec<Span> = (1_u64..)
        .zip(paths)
        .map(|(id, path)| Span {
            trace_id: u128::from(id).to_be_bytes().to_vec(),
            span_id: id.to_be_bytes().to_vec(),
            kind: 2,
            name: "ingress".to_owned(),
            start_time_unix_nano: NOW as u64 - 60_000_000_000,
            end_time_unix_nano: NOW as u64 - 59_000_000_000,
            attributes: vec![
                text("component", "proxy"),
                text("http.method", "GET"),
                text("http.url", &format!("http://orders{path}")),
                text("http.status_code", "200"),
            ],
            ..Span::default()
        })
        .collect();
    for (sequence, portion) in (1..).zip(spans.chunks(PORTION)) {
        let body = request(portion.to_vec()).encode_to_vec();
        let decoded = decode_traces(&body, NOW, &DecodeLimits::default(), store.varying_keys()).unwrap();
        assert_eq!(decoded.rejected, 0);
        writer.stage_spans(sequence, decoded.batch);
        writer.publish().unwrap();
    }
    writer.move_into_file().unwrap();
    store
}

fn table(store: &Store) -> Vec<RouteSummary> {
    let now_s = NOW / 1_000_000_000;
    let range = TimeRange::covering(now_s - 900, now_s + 900);
    let query = GraphQuery { range, by_version: false, now_s: now_s + 900 };
    let filter = RouteFilter { limit: 10_000, ..RouteFilter::default() };
    routes(store, (&IdentityRules::default(), &ErrorRules::default()), &query, &filter).unwrap().routes
}

#[test]
fn ten_thousand_paths_of_a_service_are_a_handful_of_routes() {
    let dir = tempfile::tempdir().unwrap();
    let path = |number: u64| match number % 4 {
        0 => format!("/orders/{number}?page=2"),
        1 => format!("/orders/{number}/items/ORD-{number:06}"),
        2 => format!("/users/7c9e6679-7425-40de-944b-{number:012x}"),
        _ => format!("/blobs/{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
    };
    let store = stored((0..10_000).map(path), dir.path());
    let mut seen: Vec<(String, u64)> =
        table(&store).into_iter().map(|row| (row.route, row.requests)).collect();
    seen.sort();
    let expected = ["GET /blobs/{id}", "GET /orders/{id}", "GET /orders/{id}/items/{id}", "GET /users/{id}"];
    assert_eq!(seen, expected.map(|route| (route.to_owned(), 2_500)));
}

#[test]
fn a_hundred_thousand_made_up_paths_end_under_one_name() {
    const PATHS: u64 = 100_000;
    let dir = tempfile::tempdir().unwrap();
    // Letters alone, which look like words.
    let word = |number: u64| {
        let letter = |place: u32| char::from(b'a' + u8::try_from(number / 26_u64.pow(place) % 26).unwrap());
        format!("/{}", (0..5).map(letter).collect::<String>())
    };
    let store = stored((0..PATHS).map(word), dir.path());
    let rows = table(&store);
    assert_eq!(rows.len(), 501);
    assert_eq!((rows[0].route.as_str(), rows[0].requests), ("__overflow__", PATHS - 500));
    assert_eq!(rows.iter().map(|row| row.requests).sum::<u64>(), PATHS);
    assert_eq!(store.directory(|directory| directory.all_route_series().count()), 501);
    let bytes_a_span = store.database_bytes() / PATHS;
    assert!(bytes_a_span < 140, "{bytes_a_span} bytes a span");
}
