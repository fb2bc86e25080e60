//! Recorded logs as a whole, and the formats that go by a name.

use std::collections::BTreeMap;

use sidecarta_queries::rows::access_log::{AccessLogRow, Direction};

use super::{AccessLogConfig, LineParser};

mod hostile;

const DEFAULT: &str = include_str!("../../../tests/fixtures/access_log/default.good.log");
const JSON: &str = include_str!("../../../tests/fixtures/access_log/json.good.log");

pub(super) fn parser(format: &str) -> LineParser {
    let config =
        AccessLogConfig { name: "edge".to_owned(), format: format.to_owned(), ..AccessLogConfig::default() };
    LineParser::new(&config).unwrap()
}

fn rows(format: &str, log: &str) -> Vec<AccessLogRow> {
    let parser = parser(format);
    log.lines().map(|line| parser.parse(line.as_bytes(), 0).unwrap()).collect()
}

/// A row as JSON, without what is empty.
pub(super) fn summary(row: &AccessLogRow) -> serde_json::Value {
    let mut value = serde_json::to_value(row).unwrap();
    if let Some(object) = value.as_object_mut() {
        for id in ["trace_id", "span_id"] {
            if object[id].as_str().is_some_and(|text| text.bytes().all(|byte| byte == b'0')) {
                object.remove(id);
            }
        }
        object.retain(|_, value| {
            !(value.is_null()
                || value == ""
                || value == 0
                || value == false
                || value == "unknown"
                || value.as_array().is_some_and(Vec::is_empty)
                || value.as_object().is_some_and(|tls| tls.values().all(|value| value == "")))
        });
    }
    value
}

/// Requests, errors, time-outs, connection failures and milliseconds.
type Red = (u64, u64, u64, u64, u64);

fn red_by(rows: &[AccessLogRow], key: impl Fn(&AccessLogRow) -> &str) -> BTreeMap<String, Red> {
    let mut red: BTreeMap<String, Red> = BTreeMap::new();
    for row in rows {
        let sum = red.entry(key(row).to_owned()).or_default();
        sum.0 += u64::from(row.is_request());
        sum.1 += u64::from(row.is_error());
        sum.2 += u64::from(row.is_timeout());
        sum.3 += u64::from(row.is_connection_failure());
        sum.4 += row.duration_ns.unwrap() / 1_000_000;
    }
    red
}

/// What stands in a JSON line under a key, found without a parser.
fn in_json<'a>(line: &'a str, key: &str) -> &'a str {
    let (_, rest) = line.split_once(&format!("\"{key}\":")).unwrap();
    rest.split([',', '}']).next().unwrap().trim_matches('"')
}

#[test]
fn text_and_json_of_the_same_requests_agree() {
    let (text, json) = (rows("envoy", DEFAULT), rows("json", JSON));
    assert_eq!((text.len(), json.len()), (240, 240));
    assert_eq!(red_by(&text, |row| &row.route), red_by(&json, |row| &row.route));
    assert_eq!(red_by(&text, |row| &row.upstream_host), red_by(&json, |row| &row.upstream_host));
    // The text format lacks some of what the JSON has; what both have is the same.
    for (text, mut json) in text.into_iter().zip(json) {
        for column in [&mut json.route_name, &mut json.upstream_cluster, &mut json.response_code_details] {
            column.clear();
        }
        json.upstream_failure.clear();
        json.attempts = 0;
        assert_eq!(text, json);
    }
}

#[test]
fn red_by_upstream_cluster_is_what_the_file_says() {
    let mut expected: BTreeMap<String, Red> = BTreeMap::new();
    for line in JSON.lines() {
        let cluster = in_json(line, "upstream_cluster").replace("null", "");
        let code: u16 = in_json(line, "response_code").parse().unwrap();
        let sum = expected.entry(cluster).or_default();
        sum.0 += 1;
        sum.1 += u64::from(code >= 500);
        sum.2 += u64::from(code == 504);
        sum.3 += u64::from(line.contains(r#""response_flags":"UF""#));
        sum.4 += in_json(line, "duration").parse::<u64>().unwrap();
    }
    assert_eq!(red_by(&rows("json", JSON), |row| &row.upstream_cluster), expected);
    assert_eq!(expected["dead"], (8, 8, 0, 8, expected["dead"].4));
}

#[test]
fn the_automatic_format_knows_them_all() {
    assert_eq!(rows("auto", DEFAULT), rows("envoy", DEFAULT));
    assert_eq!(rows("auto", JSON), rows("json", JSON));
    let istio = r#"[2026-11-23T08:36:53.287Z] "GET /a HTTP/1.1" 503 UF upstream_reset - "TLS error: bad ca" 0 98 1 - "-" "curl" "id" "orders:80" "10.0.0.1:80" outbound|80|v2|orders.shop.svc.cluster.local 10.0.0.2:1 10.0.0.3:80 10.0.0.4:5 - default"#;
    let rows = rows("auto", istio);
    assert_eq!(
        (rows[0].upstream_failure.as_str(), rows[0].route_name.as_str()),
        ("TLS error: bad ca", "default")
    );
    assert_eq!((rows[0].direction, rows[0].downstream_address.as_str()), (Direction::Outbound, "10.0.0.4:5"));
}

#[test]
fn recorded_lines_become_these_rows() {
    let json: Vec<_> = rows("json", JSON).iter().step_by(40).map(summary).collect();
    insta::assert_json_snapshot!("json", json);
}

#[test]
fn service_connect_is_read_in_all_its_formats() {
    let common = r#"0 14 6 3 "10.0.0.9" "curl/8" "c1087e72" "orders:80" "10.0.0.1:8080""#;
    let lines = [
        format!(r#"[2026-11-23T08:36:53.279Z] "GET /orders/1 HTTP/1.1" 200 {common}"#),
        format!(r#"[2026-11-23T08:36:53.279Z] "GET /orders/1 HTTP/2" 200 {common} "stream-1""#),
        format!(r#"[2026-11-23T08:36:53.279Z] "POST /shop.Orders/Place HTTP/2" 200 Unavailable {common} "stream-1""#),
        "[2026-11-23T08:36:53.279Z] 10.0.0.7:1234 1234 100 200 3000 - 17".to_owned(),
        format!(r#"[2026-11-23T08:36:53.279Z] "GET /orders/1 HTTP/1.1" 503 {common} "what" comes=later"#),
        r#"{"start_time":"2026-11-23T08:36:53.279Z","method":"GET","path":"/orders/1","protocol":"HTTP/2","response_code":"200","grpc_status":"Unavailable","bytes_received":"0","bytes_sent":"14","duration_ms":"6","upstream_service_time":"3","forwarded_for":"10.0.0.9","user_agent":"curl/8","request_id":"c1087e72","authority":"orders:80","upstream_host":"10.0.0.1:8080","stream_id":"stream-1"}"#.to_owned(),
        r#"{"start_time":"2026-11-23T08:36:53.279Z","downstream_remote_address":"10.0.0.7:1234","downstream_remote_port":"1234","bytes_received":100,"bytes_sent":200,"duration":3000,"connection_termination_details":null,"connection_id":17}"#.to_owned(),
    ];
    let rows: Vec<_> = rows("service_connect", &lines.join("\n")).iter().map(summary).collect();
    insta::assert_json_snapshot!("service_connect", rows);
}

#[test]
fn keys_of_ones_own_are_read_as_they_are_said_to_be() {
    let config = AccessLogConfig {
        name: "edge".to_owned(),
        format: "json".to_owned(),
        fields: [
            ("request", "%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL%"),
            ("when", "%START_TIME(%s.%3f)%"),
            ("http.code", "%RESPONSE_CODE%"),
            ("took_us", "duration_us"),
            ("host", ""),
        ]
        .map(|(key, meaning)| (key.to_owned(), meaning.to_owned()))
        .into(),
        service: "shop".to_owned(),
        version: "7".to_owned(),
        node_id: "gateway-1".to_owned(),
        zone: "a".to_owned(),
        direction: Direction::Inbound,
        include_query: true,
        ..AccessLogConfig::default()
    };
    let line = br#"{"request":"GET /orders/12?x=1 HTTP/2","when":"1795423013.279","http":{"code":503,"deep":{"er":{"still":{"too":1}}}},
        "took_us":1500,"host":"pod-1","response_flags":["UF"],"bytes_sent":"many","tags":[1,2],"none":null}"#;
    let row = LineParser::new(&config).unwrap().parse(line, 5).unwrap();
    insta::assert_json_snapshot!("own_keys", summary(&row));
}

#[test]
fn what_is_no_access_log_is_kept_raw() {
    let parser = parser("auto");
    for line in [
        "[2026-11-23 08:36:53.287][1][info][main] starting main dispatch loop",
        r#"{"level":"info","msg":"ready","duration":5,"method":"GET","path":"/"}"#,
        r#"{"response_code":200"#,
        r#"[{"response_code":200}]"#,
        "\u{0}\u{1}",
    ] {
        let row = parser.parse(line.as_bytes(), 7).unwrap();
        let raw = AccessLogRow {
            start_ns: 7,
            log_name: "edge".to_owned(),
            raw: line.to_owned(),
            ..Default::default()
        };
        assert_eq!(row, raw);
        assert!(!row.is_request());
    }
    for empty in ["", " ", "\r\n"] {
        assert_eq!(parser.parse(empty.as_bytes(), 7), None);
    }
}

#[test]
fn lines_of_containers_are_unwrapped() {
    let wrapped: Vec<String> =
        DEFAULT.lines().map(|line| format!("2026-11-23T09:00:00.123456789Z stdout F {line}")).collect();
    assert_eq!(rows("envoy", &wrapped.join("\n")), rows("envoy", DEFAULT));
    let raw = &rows("envoy", "2026-11-23T08:36:53Z stderr F starting")[0];
    assert_eq!((raw.raw.as_str(), raw.start_ns), ("starting", 1_795_423_013_000_000_000));
}

#[test]
fn the_shippers_time_is_not_the_requests() {
    let lines = r#"{"start_time":"2026-11-23T08:36:53Z","time":"2026-11-23T09:00:00Z","response_code":200}
{"@timestamp":"2026-11-23T08:36:53Z","response_code":200}
{"start_time":"soon","response_code":200}"#;
    let starts: Vec<i64> = rows("json", lines).iter().map(|row| row.start_ns).collect();
    assert_eq!(starts, [1_795_423_013_000_000_000, 1_795_423_013_000_000_000, 0]);
}
