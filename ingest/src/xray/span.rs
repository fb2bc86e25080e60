//! One segment or subsegment as a span.

use opentelemetry_proto::tonic::trace::v1::span::{Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{Span, Status, status::StatusCode};

use super::attributes::{self, Attributes};
use super::cause::Cause;
use super::document::Entity;
use super::ids;
use super::json::{Object, any_value};
use super::origin::Origin;
use super::peer::{self, Inferred};

/// Makes a span. `inferred` is what X-Ray knows of the other side of the call, if it is one.
pub(super) fn span(
    entity: &Entity<'_>,
    parent_id: u64,
    origin: &Origin,
    inferred: Option<&Inferred>,
) -> Span {
    let mut attributes = Attributes::default();
    // What tells of the call comes first, since of a key that comes twice the first counts.
    attributes::http(&mut attributes, entity, origin.is_proxy);
    if origin.is_proxy {
        attributes::annotations(&mut attributes, entity, true);
    }
    let kind = peer::kind(&mut attributes, entity, origin, inferred);
    let cause = Cause::of(entity);
    let is_error = is_error(entity, kind, origin.is_proxy);
    if is_error {
        let throttled = entity.object.flag("throttle").then(|| "throttled".to_owned());
        attributes.text("error.type", cause.kind.or(throttled));
    }
    attributes.text("aws.xray.cause", cause.elsewhere);
    attributes.flag("aws.xray.inprogress", entity.end_ns.is_none());
    for flag in ["error", "fault", "throttle"] {
        attributes.flag(&format!("aws.xray.{flag}"), entity.object.flag(flag));
    }
    if !origin.is_proxy {
        attributes::annotations(&mut attributes, entity, false);
    }
    attributes::others(&mut attributes, &entity.object);
    let code = if is_error { StatusCode::Error } else { StatusCode::Unset };
    Span {
        trace_id: entity.trace_id.to_be_bytes().to_vec(),
        span_id: entity.id.to_be_bytes().to_vec(),
        parent_span_id: if parent_id == 0 { Vec::new() } else { parent_id.to_be_bytes().to_vec() },
        name: entity.name.clone(),
        kind: kind.into(),
        start_time_unix_nano: entity.start_ns,
        end_time_unix_nano: entity.end_ns.unwrap_or(entity.start_ns),
        attributes: attributes.into_entries(),
        events: cause.events,
        links: links(entity),
        status: Some(Status {
            code: code.into(),
            message: cause.message.filter(|_| is_error).unwrap_or_default(),
        }),
        ..Span::default()
    }
}

/// Whether it failed. Envoy's flags are wrong in some of its versions, so that of a proxy the status decides, and for
/// want of one what the proxy says went wrong.
fn is_error(entity: &Entity<'_>, kind: SpanKind, is_proxy: bool) -> bool {
    let object = &entity.object;
    let status = object.object("http").object("response").integer("status");
    let status = status.filter(|status| (100..=599).contains(status));
    let says_so = ["fault", "error", "throttle"].into_iter().any(|flag| object.flag(flag));
    if is_proxy {
        let flags = || object.object("annotations").text("response_flags");
        // DC: the caller went away, which is not the proxy's failure.
        let by_flags = || flags().is_some_and(|flags| !matches!(&*flags, "-" | "DC"));
        return status.map_or_else(|| says_so || by_flags(), |status| status >= 500);
    }
    match status {
        Some(500..) => true,
        // A caller's mistake is a failure for the caller.
        Some(400..) => object.flag("fault") || kind != SpanKind::Server,
        _ => says_so,
    }
}

/// `links`, which are there where one trace goes on in another, through a queue for instance.
fn links(entity: &Entity<'_>) -> Vec<Link> {
    let link = |text: &str| {
        let link = Object::parse(text).ok()?;
        let trace_id = ids::trace_id(&link.text("trace_id")?)?;
        let span_id = ids::span_id(&link.text("id")?)?;
        let mut attributes = Attributes::default();
        for (key, raw) in link.object("attributes").entries() {
            attributes.set(key, any_value(raw));
        }
        Some(Link {
            trace_id: trace_id.to_be_bytes().to_vec(),
            span_id: span_id.to_be_bytes().to_vec(),
            attributes: attributes.into_entries(),
            ..Link::default()
        })
    };
    entity.object.list("links").into_iter().filter_map(link).collect()
}
