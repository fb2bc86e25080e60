//! The queue `order-events` and `shipping`, which takes from it. The queue is a channel of this process; spans and
//! message headers are what a Kafka client makes of it.

use std::sync::Arc;

use axum::http::Method;
use opentelemetry::trace::{Link, SpanBuilder, SpanKind, TraceContextExt};
use opentelemetry::{Context, KeyValue};
use opentelemetry_semantic_conventions::attribute::{
    MESSAGING_CONSUMER_GROUP_NAME, MESSAGING_DESTINATION_NAME, MESSAGING_MESSAGE_ID,
    MESSAGING_OPERATION_NAME, MESSAGING_OPERATION_TYPE, MESSAGING_SYSTEM, SERVER_ADDRESS, SERVER_PORT,
};
use tokio::sync::mpsc;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{App, Inbound};
use crate::mesh::ledger::{Counts, Edge, EdgeKind};
use crate::mesh::plan::Plan;
use crate::mesh::telemetry::{self, Carrier};
use crate::mesh::topology::QUEUE;

/// The system that the queue is said to be.
const SYSTEM: &str = "kafka";

/// A message: an order was placed.
pub(crate) struct OrderEvent {
    plan: Arc<Plan>,
    headers: Carrier,
    /// Counts the message as under way until it has been worked on.
    _under_way: TaskTrackerToken,
}

/// Sends an event for the order of a request, in a PRODUCER span.
pub(super) async fn publish(app: &App, inbound: &Inbound) {
    let span = messaging_span(&inbound.plan, "send").with_kind(SpanKind::Producer);
    let context = inbound.context.with_span(span.start_with_context(app.tracer(), &inbound.context));
    let event = OrderEvent {
        plan: Arc::clone(&inbound.plan),
        headers: telemetry::inject(&context),
        _under_way: app.tasks().token(),
    };
    // Counted first: the consumer may be quicker than this task.
    app.record_peer(QUEUE, EdgeKind::QueuePublish, Some(SYSTEM), false);
    let _ = app.queue().send(event).await;
    context.span().end();
}

/// Takes events until all senders are gone.
pub(crate) async fn consume(app: App, mut events: mpsc::Receiver<OrderEvent>) {
    while let Some(event) = events.recv().await {
        let worker = app.clone();
        app.tasks().spawn(async move { ship(&worker, event).await });
    }
}

/// Works on an event in a CONSUMER span, which is a child of the producer's or only linked to it.
async fn ship(app: &App, event: OrderEvent) {
    let producer = telemetry::extract(&event.headers);
    let mut span = messaging_span(&event.plan, "process").with_kind(SpanKind::Consumer);
    if let Some(attributes) = span.attributes.as_mut() {
        attributes.push(KeyValue::new(MESSAGING_CONSUMER_GROUP_NAME, "shipping"));
    }
    let context = if event.plan.links {
        let link = Link::with_context(producer.span().span_context().clone());
        Context::new()
            .with_span(span.with_links(vec![link]).start_with_context(app.tracer(), &Context::new()))
    } else {
        producer.with_span(span.start_with_context(app.tracer(), &producer))
    };
    let inbound = Inbound { plan: Arc::clone(&event.plan), context: context.clone(), attempt: 1 };
    app.work(&inbound, "ship", 12.0).await;
    let customer = event.plan.request % 1000;
    let _ = app.call(&inbound, "users", Method::GET, &format!("/users/{customer}")).await;
    context.span().end();
    let edge = Edge {
        target_version: Some(app.workload().version.to_owned()),
        kind: EdgeKind::QueueConsume,
        system: Some(SYSTEM),
        ..Edge::http(QUEUE, app.workload().service)
    };
    app.ledger().record(edge, Counts::one(false));
}

fn messaging_span(plan: &Plan, operation: &'static str) -> SpanBuilder {
    SpanBuilder::from_name(format!("{operation} {QUEUE}")).with_attributes([
        KeyValue::new(MESSAGING_SYSTEM, SYSTEM),
        KeyValue::new(MESSAGING_DESTINATION_NAME, QUEUE),
        KeyValue::new(MESSAGING_OPERATION_NAME, operation),
        KeyValue::new(MESSAGING_OPERATION_TYPE, operation),
        KeyValue::new(MESSAGING_MESSAGE_ID, format!("order-{}", plan.request)),
        KeyValue::new(SERVER_ADDRESS, "kafka"),
        KeyValue::new(SERVER_PORT, 9092),
    ])
}
