//! A queue stands between its producers and its consumers.

use super::{edges, trace};

#[test]
fn a_consumer_below_its_producer_receives_from_the_queue() {
    let spans = trace(
        "
         orders SERVER
           orders PRODUCER queue=kafka:order-events 2ms
             shipping@v1 CONSUMER queue=kafka:order-events 30ms
               shipping@v1 CLIENT service=users",
    );
    assert_eq!(
        edges(&spans),
        [
            "client -> orders -/1",
            "orders -> queue=kafka:order-events messaging 2/-",
            "queue=kafka:order-events -> shipping@v1 messaging -/30",
            "shipping@v1 -> service=users 1/-",
        ]
    );
}

#[test]
fn a_consumer_in_a_trace_of_its_own_receives_from_the_queue_it_names() {
    for root in ["", "parent=99"] {
        let spans = trace(&format!("shipping CONSUMER err queue=kafka:order-events {root}"));
        assert_eq!(edges(&spans), ["queue=kafka:order-events -> shipping messaging err -/1"]);
    }
}

#[test]
fn a_consumer_that_names_no_queue_receives_from_its_producers() {
    for producer in ["PRODUCER", "CLIENT"] {
        let spans = trace(&format!(
            "
             orders {producer} queue=kafka:order-events
               shipping CONSUMER",
        ));
        assert_eq!(
            edges(&spans),
            [
                "orders -> queue=kafka:order-events messaging 1/-",
                "queue=kafka:order-events -> shipping messaging -/1",
            ]
        );
    }
    assert_eq!(edges(&trace("shipping CONSUMER")), ["queue=unknown queue -> shipping messaging -/1"]);
}

#[test]
fn a_service_that_sends_to_itself_goes_through_the_queue() {
    for producer in ["PRODUCER", "CLIENT"] {
        let spans = trace(&format!(
            "
             orders {producer} queue=kafka:jobs
               orders CONSUMER queue=kafka:jobs 3ms
                 orders {producer} queue=kafka:jobs
                   orders CONSUMER queue=kafka:jobs 4ms",
        ));
        assert_eq!(
            edges(&spans),
            [
                "orders -> queue=kafka:jobs messaging 1/-",
                "orders -> queue=kafka:jobs messaging 1/-",
                "queue=kafka:jobs -> orders messaging -/3",
                "queue=kafka:jobs -> orders messaging -/4",
            ]
        );
    }
}

#[test]
fn a_batch_counts_once_and_its_handling_is_no_other() {
    let spans = trace(
        "
         shipping CONSUMER queue=kafka:a 9ms
           shipping INTERNAL
             shipping CONSUMER queue=kafka:a
           shipping CONSUMER queue=kafka:a",
    );
    assert_eq!(edges(&spans), ["queue=kafka:a -> shipping messaging -/9"]);
}

#[test]
fn a_poll_within_a_request_is_a_message_received() {
    let spans = trace(
        "
         shipping SERVER
           shipping CONSUMER queue=sqs:a",
    );
    assert_eq!(edges(&spans), ["client -> shipping -/1", "queue=sqs:a -> shipping messaging -/1"]);
}

#[test]
fn how_a_message_gets_to_its_queue_is_not_another_call() {
    let spans = trace(
        "
         orders PRODUCER queue=sqs:a
           orders PRODUCER queue=sqs:a
             orders CLIENT host=sqs.example
               orders CLIENT host=10.0.0.1
         orders PRODUCER
           orders PRODUCER queue=kafka:b
             orders CLIENT queue=kafka:b",
    );
    assert_eq!(
        edges(&spans),
        ["orders -> queue=kafka:b messaging 1/-", "orders -> queue=sqs:a messaging 1/-"]
    );
}

#[test]
fn what_is_called_for_a_message_is_a_call_where_it_can_be_told() {
    let spans = trace(
        "
         orders PRODUCER queue=bus:a
           orders CLIENT
             bus SERVER
         orders PRODUCER queue=outbox:b
           orders CLIENT db=postgresql:shop",
    );
    assert_eq!(
        edges(&spans),
        [
            "orders -> bus 1/1",
            "orders -> db=postgresql:shop 1/-",
            "orders -> queue=bus:a messaging 1/-",
            "orders -> queue=outbox:b messaging 1/-",
        ]
    );
}

#[test]
fn a_message_handled_in_server_or_other_spans_is_received_from_the_queue() {
    let spans = trace(
        "
         orders PRODUCER queue=grid:a
           hook SERVER 3ms
           hook SERVER 4ms
           worker INTERNAL
           worker INTERNAL",
    );
    assert_eq!(
        edges(&spans),
        [
            "orders -> queue=grid:a messaging 1/-",
            "queue=grid:a -> hook messaging -/3",
            "queue=grid:a -> hook messaging -/4",
            "queue=grid:a -> worker messaging -/-",
        ]
    );
}

#[test]
fn where_producer_and_consumer_name_different_queues_each_is_believed() {
    let spans = trace(
        "
         orders PRODUCER queue=rabbitmq:exchange
           shipping CONSUMER queue=rabbitmq:inbox",
    );
    assert_eq!(
        edges(&spans),
        ["orders -> queue=rabbitmq:exchange messaging 1/-", "queue=rabbitmq:inbox -> shipping messaging -/1",]
    );
}
