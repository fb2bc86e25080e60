//! Exceptions: why a segment failed.

use std::fmt::Write as _;

use opentelemetry_proto::tonic::trace::v1::span::Event;

use super::attributes::Attributes;
use super::document::Entity;
use super::json::Object;

/// Exceptions of one segment that become events.
const MAX_EXCEPTIONS: usize = 32;
/// Frames of one stack that are told.
const MAX_FRAMES: usize = 256;

/// Why a segment failed, as far as it says so.
#[derive(Debug, Default)]
pub(super) struct Cause {
    /// One event for each exception.
    pub(super) events: Vec<Event>,
    /// Type of the first exception.
    pub(super) kind: Option<String>,
    /// Message of the first exception.
    pub(super) message: Option<String>,
    /// The exception of another segment that is the cause.
    pub(super) elsewhere: Option<String>,
}

impl Cause {
    pub(super) fn of(entity: &Entity<'_>) -> Self {
        let mut found = Self { elsewhere: entity.object.text("cause"), ..Self::default() };
        let cause = entity.object.object("cause");
        found.message = cause.text("message");
        for text in cause.list("exceptions").into_iter().take(MAX_EXCEPTIONS) {
            let Ok(exception) = Object::parse(text) else { continue };
            let (kind, message) = (exception.text("type"), exception.text("message"));
            found.events.push(event(&exception, entity.end_ns.unwrap_or(entity.start_ns)));
            found.kind = found.kind.or(kind);
            found.message = found.message.or(message);
        }
        found
    }
}

fn event(exception: &Object<'_>, time_ns: u64) -> Event {
    let mut attributes = Attributes::default();
    attributes.text("exception.type", exception.text("type"));
    attributes.text("exception.message", exception.text("message"));
    attributes.text("exception.stacktrace", stack(exception));
    attributes.text("aws.xray.exception.id", exception.text("id"));
    attributes.text("aws.xray.exception.cause", exception.text("cause"));
    attributes.flag("aws.xray.exception.remote", exception.flag("remote"));
    attributes.integer("aws.xray.exception.truncated", exception.integer("truncated"));
    attributes.integer("aws.xray.exception.skipped", exception.integer("skipped"));
    Event {
        time_unix_nano: time_ns,
        name: "exception".to_owned(),
        attributes: attributes.into_entries(),
        dropped_attributes_count: 0,
    }
}

/// The stack in words, the innermost frame first, as X-Ray has it.
fn stack(exception: &Object<'_>) -> Option<String> {
    let frames = exception.list("stack");
    let mut words = exception.text("type").unwrap_or_else(|| "exception".to_owned());
    if let Some(message) = exception.text("message") {
        let _ = write!(words, ": {message}");
    }
    for frame in frames.iter().take(MAX_FRAMES).filter_map(|frame| Object::parse(frame).ok()) {
        let label = frame.text("label").unwrap_or_else(|| "<unknown>".to_owned());
        let path = frame.text("path").unwrap_or_default();
        let line = frame.text("line").unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(words, "\n\tat {label} ({path}:{line})");
    }
    (!frames.is_empty()).then_some(words)
}
