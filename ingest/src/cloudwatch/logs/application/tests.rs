use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn event(message: &str) -> Event {
    Event {
        time_ms: 1_700_000_000_123,
        ingested_ms: 1_700_000_001_000,
        stream: "ecs/app/0123456789abcdef0123456789abcdef".to_owned(),
        message: message.to_owned(),
        id: 0,
    }
}

fn shown(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// One line a record: service, severity, ids, body, keys of the attributes.
fn read(messages: &[&str]) -> String {
    let mut text = String::new();
    for message in messages {
        let config = LogGroupConfig { group: "/ecs/orders".to_owned(), ..LogGroupConfig::default() };
        let request = Application::new(&config, "eu-west-1").request(&[event(message)]);
        let logs = &request.resource_logs[0];
        let service = shown(logs.resource.as_ref().unwrap().attributes[0].value.as_ref());
        let record = &logs.scope_logs[0].log_records[0];
        let hex = |id: &[u8]| id.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let keys: Vec<&str> = record.attributes.iter().map(|pair| pair.key.as_str()).collect();
        writeln!(
            text,
            "{service} {}={} [{}/{}] {} {keys:?}",
            record.severity_text,
            record.severity_number,
            hex(&record.trace_id),
            hex(&record.span_id),
            shown(record.body.as_ref()),
        )
        .unwrap();
    }
    text
}

#[test]
fn lines_give_their_severity_and_their_ids() {
    let metric = json!({"_aws": {"CloudWatchMetrics": []}, "message": "m", "trace_id": "5759e988bd862e3fe1be46a994272793"});
    insta::assert_snapshot!(read(&[
        "plain words, and an Error among them",
        "2026-11-24T10:00:00.000Z ERROR [main] it broke",
        "[WARN] AWS-XRAY-TRACE-ID: 1-5759e988-bd862e3fe1be46a994272793@53995c3f42cd8ad8 slow",
        "time=10 level=info msg=ok",
        "REPORT RequestId: 3 XRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793 SegmentId: 53995c3f42cd8ad8",
        "not an id: 11-5759e988-bd862e3fe1be46a994272793",
        r#"{"level":"warning","message":"slow","trace_id":"5759e988bd862e3fe1be46a994272793","span_id":"53995c3f42cd8ad8","user":{"id":1}}"#,
        r#"{"level":50,"msg":"no","xray_trace_id":"Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1","service":"carts"}"#,
        r#"{"text":"no message"}"#,
        r#"{"message":"broken""#,
        &metric.to_string(),
    ]), @r#"
        orders =0 [/] plain words, and an Error among them []
        orders ERROR=17 [/] 2026-11-24T10:00:00.000Z ERROR [main] it broke []
        orders WARN=13 [5759e988bd862e3fe1be46a994272793/53995c3f42cd8ad8] [WARN] AWS-XRAY-TRACE-ID: 1-5759e988-bd862e3fe1be46a994272793@53995c3f42cd8ad8 slow []
        orders info=9 [/] time=10 level=info msg=ok []
        orders =0 [5759e988bd862e3fe1be46a994272793/] REPORT RequestId: 3 XRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793 SegmentId: 53995c3f42cd8ad8 []
        orders =0 [/] not an id: 11-5759e988-bd862e3fe1be46a994272793 []
        orders warning=13 [5759e988bd862e3fe1be46a994272793/53995c3f42cd8ad8] slow ["user"]
        carts 50=17 [5759e988bd862e3fe1be46a994272793/] no ["service"]
        orders =0 [/] {"text":"no message"} []
        orders =0 [/] {"message":"broken" []
        orders =0 [5759e988bd862e3fe1be46a994272793/] {"_aws":{"CloudWatchMetrics":[]},"message":"m","trace_id":"5759e988bd862e3fe1be46a994272793"} []
    "#);
}

#[test]
fn a_stream_of_ecs_tells_the_task() {
    let config = LogGroupConfig {
        group: "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/orders".to_owned(),
        service: "shop".to_owned(),
        version: "7".to_owned(),
        ..LogGroupConfig::default()
    };
    let request = Application::new(&config, "eu-west-1").request(&[event("a"), event("b")]);
    let logs = &request.resource_logs[0];
    assert_eq!((request.resource_logs.len(), logs.scope_logs[0].log_records.len()), (1, 2));
    let attributes: Vec<(&str, String)> = logs
        .resource
        .as_ref()
        .unwrap()
        .attributes
        .iter()
        .map(|pair| (pair.key.as_str(), shown(pair.value.as_ref())))
        .filter(|(key, _)| !key.starts_with("aws.log"))
        .collect();
    let task = "0123456789abcdef0123456789abcdef".to_owned();
    assert_eq!(
        attributes,
        [
            ("service.name", "shop".to_owned()),
            ("service.version", "7".to_owned()),
            ("cloud.provider", "aws".to_owned()),
            ("cloud.region", "eu-west-1".to_owned()),
            ("container.name", "app".to_owned()),
            ("aws.ecs.task.id", task.clone()),
            ("service.instance.id", task),
        ]
    );
    let record = &logs.scope_logs[0].log_records[0];
    assert_eq!(
        (record.time_unix_nano, record.observed_time_unix_nano),
        (1_700_000_000_123_000_000, 1_700_000_001_000_000_000)
    );
}

proptest! {
    #[test]
    fn no_line_is_lost(line in r#"[\PC\n]{0,60}|\{"[a-z"_:1\-@é]{0,60}\}"#) {
        let config = LogGroupConfig { group: "g".to_owned(), ..LogGroupConfig::default() };
        let request = Application::new(&config, "").request(&[event(&line)]);
        let record = &request.resource_logs[0].scope_logs[0].log_records[0];
        prop_assert!(record.body.is_some());
    }
}

#[test]
fn a_line_that_is_nested_without_end_can_be_read_back() {
    use prost::Message as _;

    let config = LogGroupConfig { group: "g".to_owned(), ..LogGroupConfig::default() };
    let application = Application::new(&config, "");
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"arrayValue\":{\"values\":[", "]}}")] {
        for depth in [7, 30, 60, 4_000] {
            let line =
                format!("{{\"message\":\"m\",\"deep\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            let bytes = application.request(&[event(&line)]).encode_to_vec();
            let request = ExportLogsServiceRequest::decode(bytes.as_slice()).unwrap();
            assert_eq!(request.resource_logs[0].scope_logs[0].log_records.len(), 1);
        }
    }
}
