//! Access logs that come as log records of OTLP: from Envoy's `envoy.access_loggers.open_telemetry`.
//!
//! **What is one.** Envoy puts `log_name` and `node_name` on the resource, unless it is told not to; a record of such a
//! resource is an entry of an access log. So is one whose resource has `telemetry.sdk.name` = `envoy`, or whose scope is
//! named `envoy`, and so is every record of a log that is configured, by its `log_name`, its `service.name` or the name
//! of its scope. All other records are an application's logs and none of ours.
//!
//! **What it says.** Attributes are read like the keys of a JSON line. A text body is read by the log's format, or by the
//! known ones, or else as a line that begins with `GET /path HTTP/1.1`, whose remainder becomes the attribute `rest`; a
//! body that is none of these is kept as the attribute `body`. The record's own time, trace and span stand before what attributes and body say.

use std::borrow::Cow;

use sidecarta_queries::rows::access_log::AccessLogRow;

use super::config::{AccessLogConfig, AccessLogConfigError};
use super::draft::Draft;
use super::format::Format;
use super::parser::LineParser;
use super::presets;

#[cfg(test)]
mod tests;

/// One log record, with all values as text.
#[derive(Clone, Debug, Default)]
pub struct LogRecord<'a> {
    /// `time_unix_nano`, where Envoy puts the start of the request: ns since 1970; 0 where it is not set.
    pub time_ns: i64,
    /// When it was observed or received, ns since 1970; stands for the start where nothing says when that was.
    pub observed_at_ns: i64,
    /// 0 where there is none.
    pub trace_id: u128,
    /// The proxy's span; 0 where there is none.
    pub span_id: u64,
    /// The body where it is text, or else its JSON.
    pub body: Cow<'a, str>,
    /// Of the record.
    pub attributes: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// Of its resource.
    pub resource: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// Name of its instrumentation scope.
    pub scope: &'a str,
}

impl LogRecord<'_> {
    fn resource(&self, key: &str) -> &str {
        let found = self.resource.iter().find(|(present, _)| present == key);
        found.map(|(_, value)| value.as_ref()).unwrap_or_default()
    }
}

/// Tells access logs among log records, and reads them.
#[derive(Clone, Debug)]
pub struct OtlpAccessLogs {
    configured: Vec<(String, LineParser)>,
    others: LineParser,
    request_line: Format,
}

impl OtlpAccessLogs {
    /// Takes the configured logs; those that are followed files have no part in it. Every bad value is in the error.
    pub fn new(configs: &[AccessLogConfig]) -> Result<Self, AccessLogConfigError> {
        let mut problems = Vec::new();
        let mut configured = Vec::new();
        for config in configs.iter().filter(|config| config.path.is_empty()) {
            match LineParser::new(config) {
                Ok(parser) => configured.push((config.name.clone(), parser)),
                Err(error) => problems.extend(error.problems),
            }
        }
        if !problems.is_empty() {
            return Err(AccessLogConfigError { problems });
        }
        let request_line = presets::request_line()
            .map_err(|error| AccessLogConfigError { problems: vec![error.to_string()] })?
            .with_rest();
        Ok(Self { configured, others: LineParser::new(&AccessLogConfig::default())?, request_line })
    }

    /// The row of a record; none if it is no entry of an access log.
    pub fn row(&self, record: &LogRecord<'_>) -> Option<AccessLogRow> {
        let parser = self.parser(record)?;
        let mut draft = self.read_body(parser, &record.body);
        for (key, value) in record.attributes {
            parser.mapping().set(&mut draft, key, value);
        }
        if record.time_ns != 0 {
            draft.start_ns = Some(record.time_ns);
        }
        let mut row = draft.finish(record.observed_at_ns, parser.origin().keeps_query);
        if record.trace_id != 0 {
            row.trace_id = record.trace_id;
            row.span_id = record.span_id;
        }
        let says =
            |keys: [&str; 2]| keys.iter().map(|key| record.resource(key)).find(|value| !value.is_empty());
        for (keys, column) in [
            (["node_name", "service.instance.id"], &mut row.node_id),
            (["cluster_name", "service.name"], &mut row.node_cluster),
            (["service.version", ""], &mut row.version),
            (["zone_name", "cloud.availability_zone"], &mut row.zone),
            (["log_name", ""], &mut row.log_name),
        ] {
            if let Some(value) = says(keys) {
                value.clone_into(column);
            }
        }
        parser.origin().complete(&mut row);
        Some(row)
    }

    /// How the record is read; none if it is no entry of an access log.
    fn parser(&self, record: &LogRecord<'_>) -> Option<&LineParser> {
        let names = [record.resource("log_name"), record.resource("service.name"), record.scope];
        let configured = self.configured.iter().find(|(name, _)| names.contains(&name.as_str()));
        if let Some((_, parser)) = configured {
            return Some(parser);
        }
        let has_labels = !record.resource("log_name").is_empty() && !record.resource("node_name").is_empty();
        let is_envoy = record.resource("telemetry.sdk.name") == "envoy" || record.scope == "envoy";
        (has_labels || is_envoy).then_some(&self.others)
    }

    fn read_body(&self, parser: &LineParser, body: &str) -> Draft {
        let body = body.trim_end_matches(['\n', '\r']);
        if body.is_empty() {
            return Draft::default();
        }
        if let Some(draft) = parser.read_text(body) {
            return draft;
        }
        let mut draft = Draft::default();
        if body.starts_with('{') && parser.mapping().read_json(body, &mut draft) {
            return draft;
        }
        let mut draft = Draft::default();
        if self.request_line.read(body, &mut draft) && draft.row.protocol.starts_with("HTTP/") {
            return draft;
        }
        let mut draft = Draft::default();
        draft.add_attribute("body", body);
        draft
    }
}
