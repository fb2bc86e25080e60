//! The attributes of spans, by the names that the semantic conventions and OpenTelemetry's receiver for X-Ray give them.

use std::collections::HashSet;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};

use super::document::Entity;
use super::json::{Object, any_value};
use super::url::Url;
use crate::otlp::semconv;

/// Attributes, each key once: what is set first stays.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    entries: Vec<KeyValue>,
    keys: HashSet<String>,
}

impl Attributes {
    pub(super) fn set(&mut self, key: &str, value: AnyValue) {
        if !key.is_empty() && self.keys.insert(key.to_owned()) {
            self.entries.push(KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() });
        }
    }

    pub(super) fn text(&mut self, key: &str, text: Option<impl Into<String>>) {
        if let Some(text) = text {
            self.set(key, AnyValue { value: Some(Value::StringValue(text.into())) });
        }
    }

    pub(super) fn integer(&mut self, key: &str, number: Option<i64>) {
        if let Some(number) = number {
            self.set(key, AnyValue { value: Some(Value::IntValue(number)) });
        }
    }

    /// Says it where it is so.
    pub(super) fn flag(&mut self, key: &str, is_so: bool) {
        if is_so {
            self.set(key, AnyValue { value: Some(Value::BoolValue(true)) });
        }
    }

    /// Says it where there is any.
    pub(super) fn texts(&mut self, key: &str, texts: Vec<String>) {
        if texts.is_empty() {
            return;
        }
        let text = |text| AnyValue { value: Some(Value::StringValue(text)) };
        let values = texts.into_iter().map(text).collect();
        self.set(key, AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) });
    }

    pub(super) fn into_entries(self) -> Vec<KeyValue> {
        self.entries
    }
}

/// What the receiver and its users know by name; everything else that a segment has besides is told under `aws.xray`.
const KNOWN: [&str; 26] = [
    "annotations",
    "aws",
    "cause",
    "end_time",
    "error",
    "fault",
    "http",
    "id",
    "in_progress",
    "inferred",
    "links",
    "metadata",
    "name",
    "namespace",
    "origin",
    "parent_id",
    "precursor_ids",
    "service",
    "sql",
    "start_time",
    "subsegments",
    "throttle",
    "trace_id",
    "type",
    "user",
    "resource_arn",
];

/// `http`.
pub(super) fn http(attributes: &mut Attributes, entity: &Entity<'_>, is_proxy: bool) {
    let http = entity.object.object("http");
    let (request, response) = (http.object("request"), http.object("response"));
    attributes.text("http.request.method", request.text("method"));
    let url = request.text("url");
    if let Some(path) =
        url.as_deref().and_then(Url::parse).map(|url| url.path).filter(|path| !path.is_empty())
    {
        attributes.text("url.path", Some(path));
    }
    attributes.text("url.full", url);
    attributes.text("user_agent.original", request.text("user_agent").filter(|agent| agent != "-"));
    // On a proxy's own try it is the address that was tried.
    let address = if is_proxy && !entity.is_segment { "network.peer.address" } else { "client.address" };
    attributes.text(address, request.text("client_ip"));
    attributes.flag("aws.xray.x_forwarded_for", request.flag("x_forwarded_for"));
    attributes.flag("aws.xray.traced", request.flag("traced"));
    attributes.integer("http.response.status_code", response.integer("status"));
    attributes.integer("http.response.body.size", response.integer("content_length"));
}

/// `annotations`: by their own names. Where such a name has a meaning here that an application need not know of, it is
/// told apart by a prefix; a proxy means what we mean.
pub(super) fn annotations(attributes: &mut Attributes, entity: &Entity<'_>, is_proxy: bool) {
    let annotations = entity.object.object("annotations");
    let mut names = Vec::new();
    for (key, raw) in annotations.entries() {
        if is_proxy || !semconv::is_known(key) {
            attributes.set(key, any_value(raw));
        } else {
            attributes.set(&format!("aws.xray.annotation.{key}"), any_value(raw));
        }
        names.push(key.to_owned());
    }
    if !is_proxy {
        attributes.texts("aws.xray.annotations", names);
    }
}

/// `metadata`, each namespace as JSON, and what else the segment has that no other attribute tells.
pub(super) fn others(attributes: &mut Attributes, object: &Object<'_>) {
    for (key, raw) in object.object("metadata").entries() {
        attributes.text(&format!("aws.xray.metadata.{key}"), Some(raw));
    }
    attributes.text("enduser.id", object.text("user"));
    attributes.text("aws.xray.resource_arn", object.text("resource_arn"));
    attributes.texts("aws.xray.precursor_ids", object.texts("precursor_ids"));
    for (key, raw) in object.entries().filter(|(key, _)| !KNOWN.contains(key)) {
        attributes.set(&format!("aws.xray.{key}"), any_value(raw));
    }
}
