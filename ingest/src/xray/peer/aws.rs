//! Calls to services of AWS.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::copy;
use crate::xray::attributes::Attributes;
use crate::xray::document::Entity;
use crate::xray::json::Object;

/// The side of a call to a service of AWS, with the attributes that name what is called.
pub(super) fn kind(attributes: &mut Attributes, entity: &Entity<'_>) -> SpanKind {
    let aws = entity.object.object("aws");
    let operation = aws.text("operation");
    let service = Service::of(&entity.name);
    described(attributes, service.name(&entity.name), operation.as_deref(), &aws);
    let operation = operation.unwrap_or_default();
    match service {
        Service::DynamoDb => {
            let table = aws.text("table_name").or_else(|| aws.texts("table_names").into_iter().next());
            attributes.text("db.operation.name", Some(operation).filter(|text| !text.is_empty()));
            self::table(attributes, table);
            SpanKind::Client
        }
        Service::Sqs => {
            let name = aws.text("queue_url").or_else(|| aws.text("queue_name"));
            message(attributes, "aws_sqs", name.as_deref().map(|name| last(name, '/')), &operation)
        }
        Service::Sns => {
            let topic = aws.text("topic_arn").or_else(|| aws.text("target_arn"));
            message(attributes, "aws.sns", topic.as_deref().map(|topic| last(topic, ':')), &operation)
        }
        Service::Kinesis => {
            message(attributes, "aws.kinesis", aws.text("stream_name").as_deref(), &operation)
        }
        Service::Lambda => {
            let function = aws.text("function_name").map(|name| last(&name, ':').to_owned());
            attributes.text("faas.invoked_name", function.clone());
            attributes.text("service.peer.name", Some(function.unwrap_or_else(|| "Lambda".to_owned())));
            SpanKind::Client
        }
        Service::Other | Service::S3 => {
            attributes
                .text("service.peer.name", Some(service.name(&entity.name)).filter(|name| !name.is_empty()));
            SpanKind::Client
        }
    }
}

/// What every call to AWS has, by the names of the semantic conventions and of OpenTelemetry's receiver for X-Ray.
fn described(attributes: &mut Attributes, service: &str, operation: Option<&str>, aws: &Object<'_>) {
    attributes.text("rpc.system.name", Some("aws-api"));
    attributes.text("rpc.service", Some(service));
    attributes.text("rpc.method", operation);
    attributes.text("aws.operation", operation);
    for (name, key) in [
        ("cloud.region", "region"),
        ("cloud.account.id", "account_id"),
        ("aws.region", "remote_aws_region"),
        ("aws.request_id", "request_id"),
        ("aws.extended_request_id", "id_2"),
        ("aws.table_name", "table_name"),
        ("aws.queue_url", "queue_url"),
        ("aws.sns.topic.arn", "topic_arn"),
        ("aws.s3.bucket", "bucket_name"),
        ("aws.s3.key", "key"),
        ("aws.kinesis.stream_name", "stream_name"),
    ] {
        copy(attributes, name, aws, key);
    }
    attributes.integer("aws.xray.retries", aws.integer("retries"));
    attributes.texts("aws.resource_names", aws.texts("resource_names"));
}

/// A table, which is what the graph shows as the database.
pub(super) fn table(attributes: &mut Attributes, table: Option<String>) {
    attributes.text("db.system.name", Some("aws.dynamodb"));
    attributes.text("db.collection.name", table.clone());
    attributes.text("db.namespace", Some(table.unwrap_or_else(|| "DynamoDB".to_owned())));
}

/// A queue, topic or stream.
pub(super) fn queue(attributes: &mut Attributes, system: &str, name: &str) {
    attributes.text("messaging.system", Some(system));
    attributes.text("messaging.destination.name", Some(name).filter(|name| !name.is_empty()));
}

/// What follows the last separator: the name in an ARN or in the address of a queue.
pub(super) fn last(text: &str, separator: char) -> &str {
    text.trim_end_matches(separator).rsplit(separator).next().unwrap_or(text)
}

/// Only what sends or receives passes a message; everything else is a call to the service that keeps it.
fn message(attributes: &mut Attributes, system: &str, name: Option<&str>, operation: &str) -> SpanKind {
    let (kind, what) = match operation {
        "SendMessage" | "SendMessageBatch" | "Publish" | "PublishBatch" | "PutRecord" | "PutRecords" => {
            (SpanKind::Producer, "send")
        }
        "ReceiveMessage" | "GetRecords" => (SpanKind::Consumer, "receive"),
        _ => {
            let service = match system {
                "aws_sqs" => "SQS",
                "aws.sns" => "SNS",
                _ => "Kinesis",
            };
            attributes.text("service.peer.name", Some(service));
            return SpanKind::Client;
        }
    };
    queue(attributes, system, name.unwrap_or_default());
    attributes.text("messaging.operation.type", Some(what));
    kind
}

/// A service of AWS of which more is known than its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    DynamoDb,
    Sqs,
    Sns,
    Kinesis,
    Lambda,
    S3,
    Other,
}

impl Service {
    /// The service by the name that an SDK of any language gives it: `dynamodb`, `DynamoDB`, `AmazonDynamoDBv2`.
    fn of(name: &str) -> Self {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
        let name = name.strip_prefix("amazon").or_else(|| name.strip_prefix("aws")).unwrap_or(&name);
        match name.strip_suffix("v2").unwrap_or(name) {
            "dynamodb" => Self::DynamoDb,
            "sqs" => Self::Sqs,
            "sns" => Self::Sns,
            "kinesis" => Self::Kinesis,
            "lambda" => Self::Lambda,
            "s3" => Self::S3,
            _ => Self::Other,
        }
    }

    /// Its name, the same whatever the SDK.
    fn name(self, given: &str) -> &str {
        match self {
            Self::DynamoDb => "DynamoDB",
            Self::Sqs => "SQS",
            Self::Sns => "SNS",
            Self::Kinesis => "Kinesis",
            Self::Lambda => "Lambda",
            Self::S3 => "S3",
            Self::Other => given,
        }
    }
}
