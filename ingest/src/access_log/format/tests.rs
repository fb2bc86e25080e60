use proptest::prelude::*;
use sidecarta_queries::rows::access_log::AccessLogRow;

use super::*;
use crate::access_log::presets;

fn row(format: &str, line: &str) -> Option<AccessLogRow> {
    let mut draft = Draft::default();
    Format::compile(format).unwrap().read(line, &mut draft).then(|| draft.finish(0, false))
}

fn refusal(format: &str) -> String {
    Format::compile(format).unwrap_err().to_string()
}

#[test]
fn the_default_format_reads_a_real_line() {
    let line = r#"[2026-11-23T08:36:53.287Z] "GET /dead HTTP/1.1" 503 UF 0 98 0 - "-" "lab/1" "01c65f5c-ef6c-4084-bfb0-894337d6f912" "127.0.0.1:10000" "127.0.0.1:18099""#;
    let expected = AccessLogRow {
        start_ns: 1_795_423_013_287_000_000,
        duration_ns: Some(0),
        is_whole_ms: true,
        method: "GET".to_owned(),
        path: "/dead".to_owned(),
        route: "/dead".to_owned(),
        authority: "127.0.0.1:10000".to_owned(),
        protocol: "HTTP/1.1".to_owned(),
        upstream_host: "127.0.0.1:18099".to_owned(),
        response_code: 503,
        response_flags: "UF".to_owned(),
        bytes_sent: 98,
        request_id: "01c65f5c-ef6c-4084-bfb0-894337d6f912".to_owned(),
        user_agent: "lab/1".to_owned(),
        ..AccessLogRow::default()
    };
    assert_eq!(row(presets::ENVOY, line), Some(expected));
}

#[test]
fn values_may_hold_what_delimits_them() {
    let line = r#"[2026-11-23T08:36:53.287Z] "GET /a b" c HTTP/1.1" 200 - 1 2 3 4 "10.0.0.1, 10.0.0.2" "a" "b\" \"c" "id" "host" "10.0.0.3:80""#;
    let row = row(presets::ENVOY, line).unwrap();
    assert_eq!((row.path.as_str(), row.forwarded_for.as_str()), (r#"/a b" c"#, "10.0.0.1, 10.0.0.2"));
    assert_eq!((row.user_agent.as_str(), row.request_id.as_str()), (r#"a" "b\" \"c"#, "id"));
    assert_eq!(row.upstream_duration_ns, Some(4_000_000));
}

#[test]
fn every_kind_of_operator_finds_its_column() {
    let format = "%START_TIME(%s.%3f)% %REQ(:METHOD):10%|%PATH(NQ:ORIG)%|%RESPONSE_FLAGS_LONG%,%GRPC_STATUS(SNAKE_STRING)% \
                  %COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)% %DURATION% %COMMON_DURATION(US_TX_END:US_RX_BEG:ns)% \
                  %ROUTE_NAME%;%VIRTUAL_CLUSTER_NAME%;%UPSTREAM_CLUSTER_RAW%;%UPSTREAM_REQUEST_ATTEMPT_COUNT% 100%% \
                  %TRACE_ID%/%SPAN_ID% [%DOWNSTREAM_PEER_DNS_SAN%] [%DOWNSTREAM_PEER_URI_SAN%] %DOWNSTREAM_TLS_VERSION% \
                  <%DYNAMIC_METADATA(com.test:a:b):20%> <%RESP(X-Custom?X-Other)%> %ACCESS_LOG_TYPE%\n";
    let line = "1795423013.279 GET|/orders/7|UpstreamConnectionFailure,UpstreamRetryLimitExceeded,UNAVAILABLE \
                12345 12 5678 my route;-;outbound|80||orders;3 100% \
                4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7 [a.shop] [spiffe://shop/a] TLSv1.3 \
                <{\"x\": 1}> <y> DownstreamEnd";
    let expected = AccessLogRow {
        start_ns: 1_795_423_013_279_000_000,
        duration_ns: Some(12_345_000),
        upstream_duration_ns: Some(5_678),
        method: "GET".to_owned(),
        path: "/orders/7".to_owned(),
        route: "/orders/{id}".to_owned(),
        response_flags: "UF,URX".to_owned(),
        grpc_status: Some(14),
        route_name: "my route".to_owned(),
        upstream_cluster: "outbound|80||orders".to_owned(),
        direction: sidecarta_queries::rows::access_log::Direction::Outbound,
        attempts: 3,
        trace_id: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
        span_id: 0x00f0_67aa_0ba9_02b7,
        downstream_tls: sidecarta_queries::rows::access_log::TlsFacts {
            version: "TLSv1.3".to_owned(),
            peer_san: "spiffe://shop/a,a.shop".to_owned(),
            ..Default::default()
        },
        log_type: "DownstreamEnd".to_owned(),
        attributes: vec![
            ("dynamic_metadata.com.test.a.b".to_owned(), r#"{"x": 1}"#.to_owned()),
            ("http.response.header.x-custom".to_owned(), "y".to_owned()),
        ],
        ..AccessLogRow::default()
    };
    assert_eq!(row(format, line), Some(expected));
}

#[test]
fn a_time_may_hold_what_delimits_it() {
    let format = "%START_TIME(%d/%b/%Y:%H:%M:%S %z)% %REQ(:METHOD)% %PATH%|%REQ(X)% %EMIT_TIME(%F %T)%";
    let row = row(format, "23/Nov/2026:09:36:53 +0100 GET /a b|c d e 2026-11-23 08:36:54").unwrap();
    assert_eq!((row.start_ns, row.path.as_str()), (1_795_423_013_000_000_000, "/a b"));
    assert_eq!(row.attributes[0].1, "c d e");
    let absent = self::row(format, "- GET /a b|- -").unwrap();
    assert_eq!((absent.start_ns, absent.path.as_str()), (0, "/a b"));
    assert_eq!(self::row(format, &format!("{}|c", "1 ".repeat(400_000))), None);
}

#[test]
fn a_format_that_cannot_be_parsed_is_refused_with_its_place() {
    let cases = [
        ("%START_TIME% %DURATIONS%", "at byte 15: `DURATIONS` is no command operator"),
        ("é %", "at byte 5: an operator's name in capital letters must follow"),
        ("%REQ(:METHOD% x", "at byte 5: the brackets of `REQ` are not closed"),
        ("%START_TIME(%H:%M)%", "at byte 1: the time format `%H:%M` does not tell"),
        ("x %START_TIME_LOCAL(%F %T)%", "at byte 3: the time zone that Envoy runs in is not known"),
        (
            "%DURATION% %COMMON_DURATION(DS_RX_BEG:ms)%",
            "at byte 12: `COMMON_DURATION` needs START:END:PRECISION",
        ),
        ("%REQ(A)%%REQ(B)%", "at byte 9: nothing stands between"),
        ("%RESPONSE_CODE%%DURATION%", "at byte 16: nothing stands between"),
        ("%DURATION%\n%RESPONSE_CODE%", "at byte 11: a line break"),
        ("no operator, 100%%", "at byte 1: there is no command operator"),
        ("", "at byte 1: there is no command operator"),
    ];
    for (format, words) in cases {
        let refusal = refusal(format);
        assert!(refusal.starts_with(words), "{format}: {refusal}");
    }
}

#[test]
fn a_format_has_its_limits() {
    assert!(Format::compile(&"%DURATION% ".repeat(MAX_OPERATORS)).is_ok());
    assert_eq!(
        refusal(&"%DURATION% ".repeat(MAX_OPERATORS + 1)),
        "at byte 2751: more than 250 command operators"
    );
}

#[test]
fn neighbours_that_can_be_told_apart_are_not_refused() {
    let row = row("%RESPONSE_CODE%%RESPONSE_FLAGS% %RESPONSE_FLAGS%%DURATION%", "503UF,URX -12").unwrap();
    assert_eq!((row.response_code, row.duration_ns), (503, Some(12_000_000)));
    assert_eq!(row.response_flags, "UF,URX");
}

#[test]
fn lines_that_do_not_fit_are_told_so() {
    let good =
        r#"[2026-11-23T08:36:53.287Z] "GET /dead HTTP/1.1" 503 UF 0 98 0 - "-" "lab/1" "id" "host" "up:80""#;
    assert!(row(presets::ENVOY, good).is_some());
    for bad in [
        "",
        "starting main dispatch loop",
        &good[1..],
        &good[..good.len() - 1],
        &good.replace(" 503 ", " 5O3 "),
        &good.replace(" 503 ", " 50300 "),
        &good.replace("2026-", "2O26-"),
        &good.replace(" 98 ", " 99999999999999999999 "),
        &format!("{good} "),
        &good.replace("up:80", "up"),
    ] {
        assert_eq!(row(presets::ENVOY, bad), None, "{bad}");
    }
}

#[test]
fn a_line_made_to_mislead_the_search_is_given_up_soon() {
    let format = "%REQ(A)% %DURATION% %REQ(B)% %BYTES_SENT% %REQ(C)% %BYTES_RECEIVED% %REQ(D)% %RESPONSE_CODE% %PROTOCOL%x";
    assert_eq!(row(format, &"1 ".repeat(400_000)), None);
    assert_eq!(row(presets::ENVOY, &format!("[{}", r#"" ""#.repeat(300_000))), None);
}

/// What a value of a shape may be, without anything that delimits it in [`rendered_lines_are_read_back`].
fn value(shape: Shape) -> BoxedStrategy<String> {
    let some = match shape {
        Shape::Number => "[1-9][0-9]{0,2}",
        Shape::Flags => "[A-Z]{2,4}(,[A-Z]{2,4}){0,2}",
        Shape::Id | Shape::Word => "[a-z0-9.:/-]{2,20}:80",
        Shape::Readable => {
            "[0-2][1-8]/(Jan|Dec)/20[0-9]{2} 1[0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{6} [+-]0[0-9]00"
        }
        Shape::List | Shape::Text => "[a-zäß0-9.:/ -]{2,20}",
    };
    prop_oneof![1 => Just("-".to_owned()), 6 => some.prop_map(|text| text.trim().to_owned())].boxed()
}

const OPERATORS: [&str; 17] = [
    "%START_TIME(%d/%b/%Y %H:%M:%S.%6f %z)%",
    "%REQ(:METHOD)%",
    "%PATH%",
    "%PROTOCOL%",
    "%RESPONSE_CODE%",
    "%RESPONSE_FLAGS%",
    "%RESPONSE_CODE_DETAILS%",
    "%BYTES_RECEIVED%",
    "%BYTES_SENT%",
    "%DURATION%",
    "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "%REQ(X-FORWARDED-FOR)%",
    "%REQ(USER-AGENT)%",
    "%UPSTREAM_HOST%",
    "%UPSTREAM_CLUSTER%",
    "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "%DYNAMIC_METADATA(a:b)%",
];

proptest! {
    /// Any format whose delimiters no value holds gives back from a line what was rendered into it.
    #[test]
    fn rendered_lines_are_read_back(
        chosen in prop::sample::subsequence(&OPERATORS[..], 1..OPERATORS.len()).prop_shuffle(),
        delimiters in prop::collection::vec(prop::sample::select(vec!["|", "\" \"", "] [", "\t", "=|="]), OPERATORS.len()),
        values in prop::collection::vec(
            (
                value(Shape::Number),
                value(Shape::Flags),
                value(Shape::Word),
                value(Shape::Text),
                value(Shape::Readable),
            ),
            OPERATORS.len(),
        ),
    ) {
        let (mut format, mut line) = ("<".to_owned(), "<".to_owned());
        let mut expected = Draft::default();
        for ((operator, delimiter), values) in chosen.iter().zip(&delimiters).zip(&values) {
            let field = Format::compile(operator).unwrap().operators.remove(0).0;
            let value = match field.shape() {
                Shape::Number => &values.0,
                Shape::Flags => &values.1,
                Shape::Id | Shape::Word => &values.2,
                Shape::List | Shape::Text => &values.3,
                Shape::Readable => &values.4,
            };
            prop_assert!(field.set(&mut expected, value));
            format.push_str(operator);
            format.push_str(delimiter);
            line.push_str(value);
            line.push_str(delimiter);
        }
        prop_assert_eq!(row(&format, &line), Some(expected.finish(0, false)));
    }

    #[test]
    fn no_format_and_no_line_panics(format in "[ %A-Z()?:0-9é]{0,40}", operators in
        prop::sample::subsequence(&OPERATORS[..], 1..6), line in "\\PC{0,80}") {
        let _ = Format::compile(&format);
        let _ = row(&operators.join(" "), &line);
        let _ = row(presets::ENVOY, &line);
    }

    /// A real line with something cut out of it or put into it.
    #[test]
    fn damaged_lines_never_panic(at in 0_usize..160, length in 0_usize..20, insert in "\\PC{0,3}") {
        let line = r#"[2026-11-23T08:36:53.287Z] "GET /dead HTTP/1.1" 503 UF 0 98 0 - "-" "lab/1" "01c65f5c-ef6c-4084-bfb0-894337d6f912" "127.0.0.1:10000" "127.0.0.1:18099""#;
        let at = at.min(line.len());
        let end = (at + length).min(line.len());
        let _ = row(presets::ENVOY, &format!("{}{insert}{}", &line[..at], &line[end..]));
    }
}
