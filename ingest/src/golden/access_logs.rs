//! Access logs as lines and from the access log service.

use sidecarta_queries::rows::access_log::AccessLogRow;

use super::counted;
use crate::access_log::als::AlsStream;
use crate::access_log::{AccessLogConfig, LineParser};

const DEFAULT: &str = include_str!("../../../tests/fixtures/access_log/default.good.log");
const JSON: &str = include_str!("../../../tests/fixtures/access_log/json.good.log");
const STREAMS: [&[u8]; 3] = [
    include_bytes!("../../../tests/fixtures/access_log/als_1.good.bin"),
    include_bytes!("../../../tests/fixtures/access_log/als_2.good.bin"),
    include_bytes!("../../../tests/fixtures/access_log/als_3.good.bin"),
];

fn parsed(format: &str, log: &str) -> Vec<AccessLogRow> {
    let config = AccessLogConfig { format: format.to_owned(), ..AccessLogConfig::default() };
    let parser = LineParser::new(&config).unwrap();
    log.lines().map(|line| parser.parse(line.as_bytes(), 0).unwrap()).collect()
}

/// What of a request does not differ from one to the next.
fn kind(row: &AccessLogRow) -> String {
    let of = |name: &str, text: &str| if text.is_empty() { String::new() } else { format!(" {name}={text}") };
    let flags = row.response_flags.clone();
    [
        format!("{} {} {}", row.method, row.route, row.response_code),
        of("flags", &flags),
        of("route", &row.route_name),
        of("to", &row.upstream_cluster),
        if row.attempts > 1 { format!(" attempts={}", row.attempts) } else { String::new() },
        if row.is_error() { " error".to_owned() } else { String::new() },
        if row.is_timeout() { " timeout".to_owned() } else { String::new() },
        if row.is_connection_failure() { " connection-failure".to_owned() } else { String::new() },
    ]
    .concat()
}

#[test]
fn lines_are_these_requests() {
    insta::assert_snapshot!("default_lines", counted(parsed("envoy", DEFAULT).iter().map(kind)));
    insta::assert_snapshot!("json_lines", counted(parsed("json", JSON).iter().map(kind)));
}

#[test]
fn streams_are_these_requests() {
    let lines = STREAMS.into_iter().flat_map(|message| {
        let batch = AlsStream::new(false).decode(message).unwrap();
        assert_eq!((batch.rejected, batch.unidentified), (0, 0));
        let line = |row: &AccessLogRow| {
            let ms = row.duration_ns.map(|ns| ns / 1_000_000);
            format!("{} {} {:?} {}, {ms:?} ms", row.log_name, row.node_id, row.direction, kind(row))
        };
        batch.rows.iter().map(line).collect::<Vec<_>>()
    });
    insta::assert_snapshot!("streams", lines.collect::<Vec<_>>().join("\n"));
}
