//! Which workload each span belongs to.

use std::sync::Arc;

use crate::rows::span::{Skeleton, SpanKind, Workload};

/// The spans of one nameless proxy that hang together.
#[derive(Default)]
struct Group {
    /// What the application behind the proxy calls itself.
    behind: Option<Arc<Workload>>,
    /// What the application before the proxy calls itself.
    before: Option<Arc<Workload>>,
    node_id: Option<Arc<str>>,
}

/// The workload of each span: its own, save that a proxy whose tracer was not told a name (`unknown_service:envoy`)
/// belongs to the application behind it or before it, and for want of one is called by its node id. A subsegment of X-Ray
/// that was sent without its segment is of its parent's service.
///
/// `order` gives the spans' numbers, parents before children.
pub(super) fn owners(spans: &[&Skeleton], parents: &[Option<usize>], order: &[usize]) -> Vec<Arc<Workload>> {
    let lost = |span: usize| spans[span].flags.xray && spans[span].workload.service == "unknown_service";
    let nameless = |span: usize| {
        spans[span].flags.proxy && spans[span].workload.service.starts_with("unknown_service") && !lost(span)
    };
    let mut owners: Vec<Arc<Workload>> = spans.iter().map(|span| Arc::clone(&span.workload)).collect();
    if !(0..spans.len()).any(|span| nameless(span) || lost(span)) {
        return owners;
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of: Vec<Option<usize>> = vec![None; spans.len()];
    // Whether the span received its request or tries to hand that request on, rather than send one of its own.
    let mut inbound = vec![false; spans.len()];
    for &span in order {
        let skeleton = spans[span];
        let above = parents[span].and_then(|parent| Some((parent, group_of[parent]?)));
        if !nameless(span) {
            if let Some((parent, group)) = above
                && inbound[parent]
                && !skeleton.flags.proxy
            {
                groups[group].behind.get_or_insert_with(|| Arc::clone(&skeleton.workload));
            }
            continue;
        }
        let together = above.filter(|&(parent, _)| is_same_proxy(spans[parent], skeleton));
        inbound[span] = match together {
            Some((parent, _)) => {
                inbound[parent] && spans[parent].upstream_cluster == skeleton.upstream_cluster
            }
            None => skeleton.kind != SpanKind::Client,
        };
        let group = together.map_or(groups.len(), |(_, group)| group);
        if group == groups.len() {
            groups.push(Group::default());
        }
        group_of[span] = Some(group);
        let group = &mut groups[group];
        if group.node_id.is_none() {
            group.node_id.clone_from(&skeleton.node_id);
        }
        if let Some(parent) = parents[span]
            && skeleton.kind == SpanKind::Client
            && !spans[parent].flags.proxy
        {
            group.before.get_or_insert_with(|| Arc::clone(&spans[parent].workload));
        }
    }
    for (owner, group) in owners.iter_mut().zip(group_of) {
        if let Some(found) = group.and_then(|group| groups[group].owner()) {
            *owner = found;
        }
    }
    for &span in order {
        if let Some(parent) = parents[span].filter(|_| lost(span)) {
            owners[span] = Arc::clone(&owners[parent]);
        }
    }
    owners
}

impl Group {
    fn owner(&self) -> Option<Arc<Workload>> {
        let by_node_id = || {
            let service = self.node_id.as_ref()?.to_string();
            Some(Arc::new(Workload { service, ..Workload::default() }))
        };
        self.behind.clone().or_else(|| self.before.clone()).or_else(by_node_id)
    }
}

/// Whether a proxy's span was made by the same proxy as its parent. Envoy's spans of single tries name no node.
pub(super) fn is_same_proxy(parent: &Skeleton, span: &Skeleton) -> bool {
    parent.flags.proxy
        && span.flags.proxy
        && span.kind == SpanKind::Client
        && (span.node_id.is_none() || span.node_id == parent.node_id)
}
