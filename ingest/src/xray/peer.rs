//! Which side of a call a segment is, and what it calls.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::attributes::Attributes;
use super::document::Entity;
use super::json::Object;
use super::origin::Origin;
use super::url::Url;

mod aws;
mod sql;

/// What X-Ray made of the other side of a call, of which no document came.
#[derive(Clone, Debug)]
pub(super) struct Inferred {
    pub(super) name: String,
    /// Such as `AWS::DynamoDB::Table`; may be empty.
    pub(super) origin: String,
}

/// The side of a call that a segment is, with the attributes that name the other one.
pub(super) fn kind(
    attributes: &mut Attributes,
    entity: &Entity<'_>,
    origin: &Origin,
    inferred: Option<&Inferred>,
) -> SpanKind {
    if origin.is_proxy {
        return by_proxy(attributes, entity);
    }
    if entity.is_segment {
        return SpanKind::Server;
    }
    let sql = entity.object.object("sql");
    if entity.object.raw("sql").is_some() {
        sql::name(attributes, entity, &sql);
        return SpanKind::Client;
    }
    match (entity.object.text("namespace").as_deref(), inferred) {
        (Some("aws"), _) => aws::kind(attributes, entity),
        (Some("remote"), _) => {
            remote(attributes, entity, &origin.service, inferred);
            SpanKind::Client
        }
        (_, Some(inferred)) => {
            by_inference(attributes, inferred);
            SpanKind::Client
        }
        _ => SpanKind::Internal,
    }
}

/// An Envoy's own segment is of the side that its listener is on; its subsegments are its tries.
fn by_proxy(attributes: &mut Attributes, entity: &Entity<'_>) -> SpanKind {
    let annotations = entity.object.object("annotations");
    // App Mesh's configuration need not leave the annotation in.
    attributes.text("component", Some("proxy"));
    if !entity.is_segment {
        let tried = entity.name.strip_prefix("router ").and_then(|rest| rest.strip_suffix(" egress"));
        attributes.text("upstream_cluster", tried);
        return SpanKind::Client;
    }
    let by_cluster =
        || annotations.text("upstream_cluster").is_some_and(|name| name.starts_with("cds_egress_"));
    match annotations.text("direction").as_deref() {
        Some("egress") => SpanKind::Client,
        None if by_cluster() => SpanKind::Client,
        _ => SpanKind::Server,
    }
}

/// A call to another service. A subsegment is named for the host that was asked, or as the application likes, or, by a
/// known defect of some SDKs, after the caller.
fn remote(attributes: &mut Attributes, entity: &Entity<'_>, service: &str, inferred: Option<&Inferred>) {
    let text = entity.object.object("http").object("request").text("url");
    let url = text.as_deref().and_then(Url::parse);
    let name = &*entity.name;
    let (host_of_name, _) = name.rsplit_once(':').unwrap_or((name, ""));
    match url {
        Some(url) if name.is_empty() || name == service || host_of_name == url.host || name == url.host => {
            attributes.text("server.address", Some(url.host));
            attributes.integer("server.port", url.port.map(i64::from));
        }
        None if name == service && inferred.is_some() => {
            if let Some(inferred) = inferred {
                by_inference(attributes, inferred);
            }
        }
        None if is_host(name) => {
            attributes.text("server.address", Some(host_of_name));
            let port = name.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            attributes.integer("server.port", port.map(i64::from));
        }
        url => {
            attributes.text("service.peer.name", Some(name).filter(|name| !name.is_empty()));
            attributes.text("server.address", url.map(|url| url.host));
            attributes.integer("server.port", url.and_then(|url| url.port).map(i64::from));
        }
    }
}

fn is_host(name: &str) -> bool {
    name == "localhost"
        || name.contains('.')
        || name.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

/// The other side as X-Ray sees it, where the subsegment itself says nothing.
fn by_inference(attributes: &mut Attributes, inferred: &Inferred) {
    let Inferred { name, origin } = inferred;
    match &**origin {
        "AWS::DynamoDB::Table" => aws::table(attributes, Some(name.clone())),
        "AWS::SQS::Queue" => aws::queue(attributes, "aws_sqs", aws::last(name, '/')),
        "AWS::SNS" | "AWS::SNS::Topic" => aws::queue(attributes, "aws.sns", aws::last(name, ':')),
        _ if origin.starts_with("Database") || origin == "AWS::RDS::DBInstance" => {
            attributes.text("db.system.name", Some("other_sql"));
            attributes.text("db.namespace", Some(&**name));
        }
        _ => attributes.text("service.peer.name", Some(&**name).filter(|name| !name.is_empty())),
    }
}

/// A key of an object as an attribute.
fn copy(attributes: &mut Attributes, name: &str, object: &Object<'_>, key: &str) {
    attributes.text(name, object.text(key));
}
