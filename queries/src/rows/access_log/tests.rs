use super::*;

fn answered(code: u16, flags: &str) -> AccessLogRow {
    AccessLogRow { response_code: code, response_flags: flags.to_owned(), ..AccessLogRow::default() }
}

fn with_grpc(code: u16, grpc: u32) -> AccessLogRow {
    AccessLogRow { grpc_status: Some(grpc), ..answered(code, "") }
}

#[test]
fn what_failed_at_the_server_is_an_error() {
    let failed = [
        answered(500, ""),
        answered(503, "UF"),
        answered(504, "UT"),
        answered(0, "UF,URX"),
        answered(0, "UO"),
        with_grpc(200, 2),
        with_grpc(200, 14),
        with_grpc(0, 4),
        with_grpc(503, 0),
    ];
    for row in failed {
        assert!(row.is_error(), "{row:?}");
    }
}

#[test]
fn what_the_caller_did_is_none() {
    let fine = [
        answered(200, ""),
        answered(404, "NR"),
        answered(429, "RL"),
        answered(408, "SI"),
        answered(0, "DC"),
        answered(0, "DPE"),
        answered(0, ""),
        answered(200, "DC"),
        with_grpc(200, 0),
        with_grpc(200, 5),
        with_grpc(200, 8),
        with_grpc(404, 12),
    ];
    for row in fine {
        assert!(!row.is_error(), "{row:?}");
    }
}

#[test]
fn time_outs_are_errors_that_took_too_long() {
    for row in
        [answered(504, "UT"), answered(504, ""), answered(0, "UT"), answered(0, "DT"), with_grpc(200, 4)]
    {
        assert!(row.is_timeout(), "{row:?}");
    }
    for row in [answered(503, "UF"), answered(408, "SI"), answered(200, ""), answered(0, "DUT")] {
        assert!(!row.is_timeout(), "{row:?}");
    }
}

#[test]
fn flags_are_compared_whole() {
    assert!(answered(503, "UF,URX").is_connection_failure());
    assert!(!answered(503, "URX").is_connection_failure());
    assert!(!answered(503, "").has_flag("UF"));
}

#[test]
fn retries_are_the_tries_after_the_first() {
    let tried = |attempts| AccessLogRow { attempts, ..AccessLogRow::default() }.retries();
    assert_eq!((tried(0), tried(1), tried(3)), (0, 0, 2));
}

#[test]
fn only_what_tells_of_an_end_counts_as_a_request() {
    let of_type = |log_type: &str| AccessLogRow { log_type: log_type.to_owned(), ..AccessLogRow::default() };
    for counted in ["", "DownstreamEnd", "TcpConnectionEnd", "UdpSessionEnd", "NotSet"] {
        assert!(of_type(counted).is_request(), "{counted}");
    }
    for not_counted in ["DownstreamStart", "DownstreamPeriodic", "UpstreamEnd", "TcpPeriodic"] {
        assert!(!of_type(not_counted).is_request(), "{not_counted}");
    }
    assert!(!AccessLogRow { raw: "starting up".to_owned(), ..AccessLogRow::default() }.is_request());
}

#[test]
fn a_row_survives_json() {
    let row = AccessLogRow {
        start_ns: -1,
        duration_ns: Some(u64::MAX),
        trace_id: u128::MAX,
        span_id: u64::MAX,
        direction: Direction::Outbound,
        attributes: vec![("a".to_owned(), "\u{0}\"".to_owned())],
        ..AccessLogRow::default()
    };
    let value = serde_json::to_value(&row).unwrap();
    assert_eq!(value["trace_id"], "f".repeat(32));
    assert_eq!(value["direction"], "outbound");
    assert_eq!(serde_json::from_value::<AccessLogRow>(value).unwrap(), row);
    // A row of an older version lacks what has been added since.
    assert_eq!(serde_json::from_str::<AccessLogRow>("{}").unwrap(), AccessLogRow::default());
    assert!(serde_json::from_str::<AccessLogRow>(r#"{"span_id":"10000000000000000"}"#).is_err());
}
