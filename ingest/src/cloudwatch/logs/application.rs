//! What applications log: lines of text or JSON as log records of OTLP.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::Value;

use super::config::LogGroupConfig;
use super::event::Event;
use super::json::{Object, any, attribute, first, span_id, text, text_attribute, trace_id};

mod severity;
#[cfg(test)]
mod tests;

use severity::{named_in, severity_of};

/// Keys of a line of JSON, by what they mean. The first that is there counts.
const MESSAGE: &[&str] = &["message", "msg", "body", "log", "@message"];
const SEVERITY: &[&str] =
    &["severityText", "severity_text", "severity", "level", "lvl", "levelname", "log.level", "logLevel"];
const TRACE: &[&str] =
    &["trace_id", "traceId", "traceid", "trace.id", "xray_trace_id", "xrayTraceId", "AWS-XRAY-TRACE-ID"];
const SPAN: &[&str] = &["span_id", "spanId", "spanid", "span.id"];
const SERVICE: &[&str] = &["service.name", "service", "serviceName", "service_name"];

/// Characters of a line of text in which a severity and a trace id are looked for.
const LOOKED_AT: usize = 512;

/// Reads the lines of one group.
#[derive(Clone, Debug)]
pub(super) struct Application {
    group: String,
    region: String,
    /// As configured, or empty.
    service: String,
    version: String,
}

impl Application {
    pub(super) fn new(config: &LogGroupConfig, region: &str) -> Self {
        Self {
            group: config.group_name().to_owned(),
            region: region.to_owned(),
            service: config.service.clone(),
            version: config.version.clone(),
        }
    }

    /// The events as log records.
    pub(super) fn request(&self, events: &[Event]) -> ExportLogsServiceRequest {
        let mut records: BTreeMap<(String, &str), Vec<LogRecord>> = BTreeMap::new();
        for event in events {
            let (record, service) = record(event);
            records.entry((self.service(service), &event.stream)).or_default().push(record);
        }
        let resource_logs = records
            .into_iter()
            .map(|((service, stream), records)| {
                let mut attributes = vec![text_attribute("service.name", &service)];
                if !self.version.is_empty() {
                    attributes.push(text_attribute("service.version", &self.version));
                }
                resource_logs(&self.group, &self.region, stream, attributes, records)
            })
            .collect();
        ExportLogsServiceRequest { resource_logs }
    }

    /// As configured, else as the line says, else the last part of the group's name: `orders` of `/ecs/orders`.
    fn service(&self, said: Option<String>) -> String {
        if !self.service.is_empty() {
            return self.service.clone();
        }
        said.unwrap_or_else(|| {
            let name = self.group.trim_end_matches('/');
            name.rsplit('/').next().unwrap_or(name).to_owned()
        })
    }
}

/// Lines as they came, which are of another kind than their group.
pub(super) fn raw_lines(group: &str, region: &str, events: &[Event]) -> ExportLogsServiceRequest {
    let mut records: BTreeMap<&str, Vec<LogRecord>> = BTreeMap::new();
    for event in events {
        records.entry(&event.stream).or_default().push(plain(event));
    }
    let resource_logs = records
        .into_iter()
        .map(|(stream, records)| resource_logs(group, region, stream, Vec::new(), records))
        .collect();
    ExportLogsServiceRequest { resource_logs }
}

fn resource_logs(
    group: &str,
    region: &str,
    stream: &str,
    mut attributes: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>,
    log_records: Vec<LogRecord>,
) -> ResourceLogs {
    let list = |text: &str| any(&Value::from(vec![text]));
    attributes.push(text_attribute("cloud.provider", "aws"));
    if !region.is_empty() {
        attributes.push(text_attribute("cloud.region", region));
    }
    attributes.push(attribute("aws.log.group.names", list(group)));
    attributes.push(attribute("aws.log.stream.names", list(stream)));
    // ECS calls a stream `prefix/container/task`.
    if let [_, container, task] = stream.split('/').collect::<Vec<_>>()[..]
        && task.len() == 32
        && task.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        attributes.push(text_attribute("container.name", container));
        attributes.push(text_attribute("aws.ecs.task.id", task));
        attributes.push(text_attribute("service.instance.id", task));
    }
    ResourceLogs {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_logs: vec![ScopeLogs { log_records, ..ScopeLogs::default() }],
        ..ResourceLogs::default()
    }
}

/// A line that tells nothing but itself.
fn plain(event: &Event) -> LogRecord {
    LogRecord {
        time_unix_nano: event.time_ns(),
        observed_time_unix_nano: event.ingested_ns(),
        body: Some(AnyValue { value: Some(Any::StringValue(event.message.clone())) }),
        ..LogRecord::default()
    }
}

/// The record of an event, and the service that it says it is of.
fn record(event: &Event) -> (LogRecord, Option<String>) {
    let line = event.message.trim();
    if line.starts_with('{')
        && let Ok(Value::Object(object)) = serde_json::from_str(line)
    {
        return from_json(event, object);
    }
    let mut record = plain(event);
    let end = line.char_indices().nth(LOOKED_AT).map_or(line.len(), |(at, _)| at);
    let head = &line[..end];
    if let Some((number, name)) = named_in(head) {
        record.severity_number = number;
        name.clone_into(&mut record.severity_text);
    }
    // Among other words an id counts only in X-Ray's form, which is like nothing else.
    record.trace_id = head.split_whitespace().find_map(xray_id).unwrap_or_default();
    record.span_id = entity(head).unwrap_or_default();
    (record, None)
}

fn xray_id(word: &str) -> Option<Vec<u8>> {
    word.contains("1-").then(|| trace_id(word)).flatten()
}

/// The span behind a trace id, as X-Ray's SDKs write it: `1-…@53995c3f42cd8ad8`.
fn entity(text: &str) -> Option<Vec<u8>> {
    let (before, after) = text.split_once('@')?;
    let id = after
        .get(..16)
        .filter(|_| before.split_whitespace().next_back().is_some_and(|id| xray_id(id).is_some()))?;
    span_id(id)
}

fn from_json(event: &Event, mut object: Object) -> (LogRecord, Option<String>) {
    let mut record = plain(event);
    let trace = text(&object, TRACE);
    record.trace_id = trace_id(trace).unwrap_or_default();
    record.span_id = span_id(text(&object, SPAN)).or_else(|| entity(trace)).unwrap_or_default();
    if let Some(value) = first(&object, SEVERITY)
        && let Some((number, name)) = severity_of(value)
    {
        record.severity_number = number;
        record.severity_text = name;
    }
    let service = Some(text(&object, SERVICE).to_owned()).filter(|service| !service.is_empty());
    // Lines in CloudWatch's embedded metric format are metrics as well as logs, and mean something as a whole only.
    if object.contains_key("_aws") {
        return (record, service);
    }
    if let Some(key) = MESSAGE.iter().find(|key| object.get(**key).is_some_and(Value::is_string))
        && let Some(Value::String(message)) = object.remove(*key)
    {
        record.body = Some(AnyValue { value: Some(Any::StringValue(message)) });
        for known in [TRACE, SPAN, SEVERITY].into_iter().flatten() {
            object.remove(*known);
        }
        record.attributes = object.iter().map(|(key, value)| attribute(key, any(value))).collect();
    }
    (record, service)
}
