//! One entry: `envoy.data.accesslog.v3.HTTPAccessLogEntry` or `TCPAccessLogEntry`. Numbers of fields are those of
//! Envoy 1.40.

use super::message::{address, nanoseconds, pair, text, text_field, wrapped_number};
use crate::access_log::draft::Draft;
use crate::access_log::field::{Column, Field};
use crate::access_log::flags;
use crate::wire::{Fields, Malformed, Value};

const PROTOCOLS: [&str; 5] = ["", "HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"];

const METHODS: [&str; 10] =
    ["", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

const TLS_VERSIONS: [&str; 5] = ["", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/// The names of `AccessLogType`, by their numbers.
const LOG_TYPES: [&str; 15] = [
    "",
    "TcpUpstreamConnected",
    "TcpPeriodic",
    "TcpConnectionEnd",
    "DownstreamStart",
    "DownstreamPeriodic",
    "DownstreamEnd",
    "UpstreamPoolReady",
    "UpstreamPeriodic",
    "UpstreamEnd",
    "DownstreamTunnelSuccessfullyEstablished",
    "UdpTunnelUpstreamConnected",
    "UdpPeriodic",
    "UdpSessionEnd",
    "TcpConnectionStart",
];

pub(super) fn read_http(message: &[u8], draft: &mut Draft) -> Result<(), Malformed> {
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => read_common(value.bytes()?, draft)?,
            2 => set_named(draft, Column::Protocol, &PROTOCOLS, value)?,
            3 => read_request(value.bytes()?, draft)?,
            4 => read_response(value.bytes()?, draft)?,
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn read_tcp(message: &[u8], draft: &mut Draft) -> Result<(), Malformed> {
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => read_common(value.bytes()?, draft)?,
            2 => {
                let mut bytes = Fields::of(value.bytes()?);
                while let Some((number, value)) = bytes.next()? {
                    match number {
                        1 => draft.row.bytes_received = value.number()?,
                        2 => draft.row.bytes_sent = value.number()?,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    draft.set_text(|row| &mut row.protocol, "TCP");
    Ok(())
}

/// Points in time after the start, ns.
#[derive(Default)]
struct Times {
    upstream_sent: Option<i64>,
    upstream_answered: Option<i64>,
    last_sent: Option<i64>,
    whole: Option<i64>,
}

/// `AccessLogCommon`.
fn read_common(message: &[u8], draft: &mut Draft) -> Result<(), Malformed> {
    let mut times = Times::default();
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            2 => set(draft, &Field::Text(Column::DownstreamAddress), &address(value.bytes()?)?),
            4 => read_tls(value.bytes()?, draft)?,
            5 => draft.start_ns = Some(nanoseconds(value.bytes()?)?),
            8 => times.upstream_sent = Some(nanoseconds(value.bytes()?)?),
            9 => times.upstream_answered = Some(nanoseconds(value.bytes()?)?),
            12 => times.last_sent = Some(nanoseconds(value.bytes()?)?),
            13 => set(draft, &Field::Text(Column::UpstreamHost), &address(value.bytes()?)?),
            15 => set_text(draft, Column::UpstreamCluster, value)?,
            16 => draft.row.response_flags = read_flags(value.bytes()?)?,
            18 => set_text(draft, Column::UpstreamFailure, value)?,
            19 => set_text(draft, Column::RouteName, value)?,
            20 => set(draft, &Field::Spare(Column::DownstreamAddress), &address(value.bytes()?)?),
            22 => read_tag(value.bytes()?, draft)?,
            23 => times.whole = Some(nanoseconds(value.bytes()?)?),
            24 => draft.row.attempts = value.number()? as u32,
            25 => set_text(draft, Column::Termination, value)?,
            26 => set(draft, &Field::Spare(Column::RequestId), &text(value.bytes()?)),
            27 if value.number()? != 0 => set(draft, &Field::Spare(Column::LogType), "DownstreamPeriodic"),
            28 => draft.add_attribute("downstream_transport_failure_reason", &text(value.bytes()?)),
            33 => set_named(draft, Column::LogType, &LOG_TYPES, value)?,
            _ => {}
        }
    }
    let ns = |time: i64| u64::try_from(time).ok();
    draft.row.duration_ns = times.whole.or(times.last_sent).and_then(ns);
    draft.row.upstream_duration_ns = times
        .upstream_answered
        .zip(times.upstream_sent)
        .and_then(|(answered, sent)| answered.checked_sub(sent))
        .and_then(ns);
    Ok(())
}

/// `ResponseFlags`, whose fields are bools but for one.
fn read_flags(message: &[u8]) -> Result<String, Malformed> {
    let mut short: Vec<&str> = Vec::new();
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        let is_set = number == flags::UNAUTHORIZED || value.number()? != 0;
        if let Some(flag) = flags::of_field(number)
            && is_set
            && !short.contains(&flag)
        {
            short.push(flag);
        }
    }
    Ok(short.join(","))
}

/// `TLSProperties` of the connection from the caller.
fn read_tls(message: &[u8], draft: &mut Draft) -> Result<(), Malformed> {
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => set_named(draft, Column::DownstreamTls, &TLS_VERSIONS, value)?,
            3 => draft.add_attribute("requested_server_name", &text(value.bytes()?)),
            5 => read_peer_certificate(value.bytes()?, draft)?,
            _ => {}
        }
    }
    Ok(())
}

fn read_peer_certificate(message: &[u8], draft: &mut Draft) -> Result<(), Malformed> {
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => {
                let name = value.bytes()?;
                for kind in [1, 2] {
                    set(draft, &Field::San(Column::DownstreamSan), &text_field(name, kind)?);
                }
            }
            2 => set_text(draft, Column::DownstreamSubject, value)?,
            _ => {}
        }
    }
    Ok(())
}

/// A custom tag: the trace where a tag is named so, or else an attribute.
fn read_tag(message: &[u8], draft: &mut Draft) -> Result<(), Malformed> {
    let (key, value) = pair(message)?;
    let field = match key.as_ref() {
        "trace_id" => Some(Field::Trace),
        "span_id" => Some(Field::Span),
        _ => None,
    };
    set_or_keep(draft, field.as_ref(), &key, &value);
    Ok(())
}

/// `HTTPRequestProperties`.
fn read_request(message: &[u8], draft: &mut Draft) -> Result<(), Malformed> {
    let mut original_path = None;
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => set_named(draft, Column::Method, &METHODS, value)?,
            3 => set_text(draft, Column::Authority, value)?,
            5 => set(draft, &Field::Path, &text(value.bytes()?)),
            6 => set_text(draft, Column::UserAgent, value)?,
            8 => set_text(draft, Column::ForwardedFor, value)?,
            9 => set_text(draft, Column::RequestId, value)?,
            10 => original_path = Some(value.bytes()?),
            12 => draft.row.bytes_received = value.number()?,
            13 => {
                let (key, value) = pair(value.bytes()?)?;
                let field = match key.as_ref() {
                    "traceparent" => Some(Field::TraceParent),
                    "x-b3-traceid" => Some(Field::Trace),
                    "x-amzn-trace-id" => Some(Field::XrayTrace),
                    _ => None,
                };
                set_or_keep(draft, field.as_ref(), &format!("http.request.header.{key}"), &value);
            }
            _ => {}
        }
    }
    if let Some(path) = original_path {
        // What the caller asked for, before the route rewrote it.
        set(draft, &Field::Path, &text(path));
    }
    Ok(())
}

/// `HTTPResponseProperties`.
fn read_response(message: &[u8], draft: &mut Draft) -> Result<(), Malformed> {
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => {
                draft.row.response_code =
                    u16::try_from(wrapped_number(value.bytes()?)?).map_err(|_| Malformed)?;
            }
            3 => draft.row.bytes_sent = value.number()?,
            4 | 5 => {
                let kind = if number == 4 { "header" } else { "trailer" };
                let (key, value) = pair(value.bytes()?)?;
                let field = (key == "grpc-status").then_some(Field::Grpc);
                set_or_keep(draft, field.as_ref(), &format!("http.response.{kind}.{key}"), &value);
            }
            6 => set_text(draft, Column::CodeDetails, value)?,
            _ => {}
        }
    }
    Ok(())
}

/// Sets a field; what it cannot be is left out.
fn set(draft: &mut Draft, field: &Field, value: &str) {
    field.set(draft, value);
}

/// Sets a field; what has none, or cannot be it, becomes an attribute.
fn set_or_keep(draft: &mut Draft, field: Option<&Field>, key: &str, value: &str) {
    if !field.is_some_and(|field| field.set(draft, value)) {
        draft.add_attribute(key, value);
    }
}

fn set_text(draft: &mut Draft, column: Column, value: Value<'_>) -> Result<(), Malformed> {
    set(draft, &Field::Text(column), &text(value.bytes()?));
    Ok(())
}

/// Sets a column to the name of an enum's number; numbers that are new to us are left out.
fn set_named(draft: &mut Draft, column: Column, names: &[&str], value: Value<'_>) -> Result<(), Malformed> {
    let number = usize::try_from(value.number()?).map_err(|_| Malformed)?;
    set(draft, &Field::Text(column), names.get(number).copied().unwrap_or_default());
    Ok(())
}
