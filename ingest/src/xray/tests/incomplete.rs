//! What is in progress, what comes twice, and subsegments whose segment is elsewhere.

use super::*;

const TRACE: &str = r#""trace_id":"1-6b03fc99-000000000000000000000009""#;

fn segment(id: u64, rest: &str) -> String {
    format!(r#"{{"name":"web","id":"{id:016x}",{TRACE},"start_time":1795423385,{rest}}}"#)
}

fn subsegment(id: u64, parent: u64) -> String {
    format!(
        r#"{{"type":"subsegment","name":"stock","namespace":"remote","id":"{id:016x}","parent_id":"{parent:016x}",{TRACE},"start_time":1795423385.1,"end_time":1795423385.2}}"#
    )
}

fn names(converted: &Converted) -> Vec<(String, String)> {
    let spans = skeletons(converted);
    spans.iter().map(|span| (format!("{:x}", span.span_id), span.workload.service.clone())).collect()
}

fn waiting(converted: &Converted) -> Vec<(usize, u64, WaitReason)> {
    converted.waiting.iter().map(|waiting| (waiting.document, waiting.span_id, waiting.reason)).collect()
}

#[test]
fn a_segment_in_progress_waits_for_its_end_and_what_has_ended_in_it_does_not() {
    let open = segment(
        1,
        r#""in_progress":true,"subsegments":[{"name":"done","id":"0000000000000002","start_time":1795423385.1,"end_time":1795423385.2},{"name":"open","id":"0000000000000003","start_time":1795423385.1,"in_progress":true}]"#,
    );
    let converted = spans(&[&open], Late::Wait);
    assert_eq!(names(&converted), [("2".to_owned(), "web".to_owned())]);
    assert_eq!(waiting(&converted), [(0, 1, WaitReason::End), (0, 3, WaitReason::End)]);

    let ended = segment(1, r#""end_time":1795423386"#);
    for documents in [[&*open, &*ended], [&*ended, &*open]] {
        let converted = spans(&documents, Late::Wait);
        assert_eq!(converted.spans, 2);
        assert_eq!(converted.waiting.iter().map(|waiting| waiting.span_id).collect::<Vec<_>>(), [3]);
        let segment = skeletons(&converted).into_iter().find(|span| span.span_id == 1).unwrap();
        assert_eq!(segment.duration_ns, 1_000_000_000);
    }
}

#[test]
fn what_never_ends_is_a_span_that_says_so() {
    let converted = spans(&[&segment(1, r#""in_progress":true"#)], Late::Store);
    let span = &converted.request.resource_spans[0].scope_spans[0].spans[0];
    assert!(span.attributes.iter().any(|attribute| attribute.key == "aws.xray.inprogress"));
    assert_eq!(span.start_time_unix_nano, span.end_time_unix_nano);
    assert!(converted.waiting.is_empty());
}

#[test]
fn a_subsegment_in_a_document_of_its_own_is_of_the_service_of_its_segment() {
    let (segment, first, second) =
        (segment(1, r#""end_time":1795423386"#), subsegment(2, 1), subsegment(3, 2));
    let converted = spans(&[&second, &first, &segment], Late::Wait);
    assert_eq!(names(&converted).iter().filter(|(_, service)| service == "web").count(), 3);
    assert_eq!(converted.request.resource_spans.len(), 1);

    let converted = spans(&[&second, &segment], Late::Wait);
    assert_eq!(waiting(&converted), [(0, 3, WaitReason::Segment)]);
}

#[test]
fn a_subsegment_that_came_without_its_segment_is_taken_for_its_own_in_the_graph() {
    let early = spans(&[&subsegment(2, 1)], Late::Store);
    let late = spans(&[&segment(1, r#""end_time":1795423386"#)], Late::Wait);
    let all: Vec<Skeleton> = [skeletons(&early), skeletons(&late)].concat();
    let all = all.into_iter().map(|mut span| {
        Arc::make_mut(&mut span.traits).flags.xray = true;
        span
    });
    let edges = contributions(&all.collect::<Vec<_>>()).0;
    let ends: Vec<_> = edges.iter().map(|edge| (end(&edge.source), end(&edge.target))).collect();
    assert_eq!(ends.len(), 2, "{ends:?}");
    assert!(ends.contains(&("web".to_owned(), "Service::stock".to_owned())), "{ends:?}");
}

#[test]
fn what_comes_twice_is_one_span() {
    let once = segment(1, r#""end_time":1795423386"#);
    assert_eq!(spans(&[&once, &once, &once], Late::Wait).spans, 1);
}

#[test]
fn what_x_ray_inferred_is_no_span_and_no_parent() {
    let real = segment(1, r#""end_time":1795423386,"parent_id":"00000000000000ff""#);
    let inferred = segment(0xff, r#""end_time":1795423386,"inferred":true,"parent_id":"00000000000000fe""#);
    let converted = spans(&[&inferred, &real], Late::Wait);
    assert_eq!(converted.spans, 1);
    assert_eq!(skeletons(&converted)[0].parent_span_id, 0xfe);
}
