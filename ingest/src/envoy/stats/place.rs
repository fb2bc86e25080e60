//! Where a statistic belongs: from its dotted path to the object that has it and the entry of the dictionary.
//!
//! Names of objects hold dots, and so do names of statistics. The configuration's names decide where the one ends and the
//! other begins; where they do not help, the longest name that the dictionary knows does.

use sidecarta_queries::dictionary::{Kind, Scope, StatId, find};
use sidecarta_queries::rows::envoy::StatObject;

use crate::envoy::names::Names;

/// What the statistics of clusters begin with.
const CLUSTER: &str = "cluster.";

/// Where one statistic belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place<'a> {
    /// The object.
    pub(super) object: ObjectName<'a>,
    /// The part of the path that names it, by which two statistics of one object are seen to be that.
    pub(super) path: &'a str,
    pub(super) stat: StatId,
    pub(super) kind: Kind,
}

/// A [`StatObject`] with borrowed names, as the statistics write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectName<'a> {
    Cluster(&'a str),
    Zone { cluster: &'a str, from: &'a str, to: &'a str },
    Endpoint { cluster: &'a str, address: &'a str },
    Route { virtual_host: &'a str, name: &'a str },
    VirtualCluster { virtual_host: &'a str, name: &'a str },
    Manager(&'a str),
    Listener(&'a str),
    Server,
}

impl ObjectName<'_> {
    pub(super) fn to_owned(self) -> StatObject {
        match self {
            Self::Cluster(name) => StatObject::Cluster(name.to_owned()),
            Self::Zone { cluster, from, to } => {
                StatObject::Zone { cluster: cluster.to_owned(), from: from.to_owned(), to: to.to_owned() }
            }
            Self::Endpoint { cluster, address } => {
                StatObject::Endpoint { cluster: cluster.to_owned(), address: address.to_owned() }
            }
            Self::Route { virtual_host, name } => {
                StatObject::Route { virtual_host: virtual_host.to_owned(), name: name.to_owned() }
            }
            Self::VirtualCluster { virtual_host, name } => {
                StatObject::VirtualCluster { virtual_host: virtual_host.to_owned(), name: name.to_owned() }
            }
            Self::Manager(prefix) => StatObject::Manager(prefix.to_owned()),
            Self::Listener(address) => StatObject::Listener(address.to_owned()),
            Self::Server => StatObject::Server,
        }
    }
}

/// Places one statistic after the other. They come sorted by name, so most belong to the cluster of the one before.
#[derive(Debug)]
pub(super) struct Places<'a> {
    names: &'a Names,
    /// The path of the cluster of the one before, where no longer name of another cluster begins with it; else empty.
    cluster: String,
}

impl<'a> Places<'a> {
    pub(super) fn new(names: &'a Names) -> Self {
        Self { names, cluster: String::new() }
    }

    /// Where a statistic belongs; nothing where it is not kept, or counts again what another one counts.
    pub(super) fn place<'b>(&mut self, name: &'b str) -> Option<Place<'b>> {
        let path = &self.cluster;
        if !path.is_empty()
            && let Some(leaf) = name.strip_prefix(path.as_str()).and_then(|rest| rest.strip_prefix('.'))
            && let Some(leaf) = cluster_leaf(leaf)
        {
            return leaf.map(|leaf| leaf.place(&name[..path.len()], name));
        }
        let place = place(name, self.names);
        if let Some(Place { object: ObjectName::Cluster(cluster), path, .. }) = place {
            self.cluster.clear();
            if self.names.is_whole_cluster(cluster) {
                self.cluster.push_str(path);
            }
        }
        place
    }
}

fn place<'a>(name: &'a str, names: &Names) -> Option<Place<'a>> {
    let (family, rest) = name.split_once('.')?;
    let path = |rest_of_path: &'a str| &name[..name.len() - rest_of_path.len()];
    match family {
        "cluster" => in_cluster(name, rest, names),
        "http" => {
            let (prefix, leaf) = cut(rest, |prefix| names.has_listener(prefix), manager_leaf)?;
            let (stat, kind) = leaf.filter(|_| !matches!(prefix, "admin" | "async-client"))?;
            Some(Place { object: ObjectName::Manager(prefix), path: path(&rest[prefix.len()..]), stat, kind })
        }
        "listener" => {
            let (address, leaf) = cut(rest, |_| false, listener_leaf)?;
            let (stat, kind) = leaf.filter(|_| address != "admin")?;
            Some(Place {
                object: ObjectName::Listener(address),
                path: path(&rest[address.len()..]),
                stat,
                kind,
            })
        }
        "vhost" => in_virtual_host(name, rest, names),
        "server" => {
            let (stat, kind) = find(Scope::Server, rest)?;
            Some(Place { object: ObjectName::Server, path: path(rest), stat, kind })
        }
        _ => None,
    }
}

/// What a name behind that of an object is: a statistic, or one that is known not to be kept.
type Leaf<T> = Option<Option<T>>;

/// Cuts `rest` into the name of an object and what `leaf` makes of the other part: behind the longest name that is
/// known, or else where the other part is longest.
fn cut<'a, T>(
    rest: &'a str,
    is_known: impl Fn(&str) -> bool,
    leaf: impl Fn(&'a str) -> Leaf<T>,
) -> Option<(&'a str, Option<T>)> {
    let dots = || rest.match_indices('.').map(|(at, _)| at);
    let at = |at: usize| Some((&rest[..at], leaf(&rest[at + 1..])?));
    let known: Vec<usize> = dots().filter(|&at| is_known(&rest[..at])).collect();
    known.into_iter().rev().find_map(at).or_else(|| dots().find_map(at))
}

fn in_cluster<'a>(name: &'a str, rest: &'a str, names: &Names) -> Option<Place<'a>> {
    let (cluster, leaf) = cut(rest, |cluster| names.has_cluster(cluster), cluster_leaf)?;
    let path = &name[..name.len() - rest.len() + cluster.len()];
    leaf.map(|leaf| leaf.place(path, name))
}

enum Part<'a> {
    Whole,
    Endpoint(&'a str),
    Zone(&'a str, &'a str),
}

struct ClusterLeaf<'a> {
    part: Part<'a>,
    leaf: &'a str,
    stat: StatId,
    kind: Kind,
}

impl<'a> ClusterLeaf<'a> {
    /// The place of the statistic `name`, whose cluster has this path.
    fn place(self, path: &'a str, name: &'a str) -> Place<'a> {
        let Self { part, leaf, stat, kind } = self;
        let cluster = &path[CLUSTER.len()..];
        let object = match part {
            Part::Whole => ObjectName::Cluster(cluster),
            Part::Endpoint(address) => ObjectName::Endpoint { cluster, address },
            Part::Zone(from, to) => ObjectName::Zone { cluster, from, to },
        };
        let path = if matches!(part, Part::Whole) { path } else { &name[..name.len() - leaf.len()] };
        Place { object, path, stat, kind }
    }
}

fn cluster_leaf(text: &str) -> Leaf<ClusterLeaf<'_>> {
    if let Some((stat, kind)) = find(Scope::Cluster, text) {
        return Some(Some(ClusterLeaf { part: Part::Whole, leaf: text, stat, kind }));
    }
    let (first, rest) = text.split_once('.')?;
    match first {
        // The same requests again, by where they came from.
        "internal" | "external" if find(Scope::Cluster, rest).is_some() => Some(None),
        "endpoint" => {
            let (address, leaf) = rest.rsplit_once('.')?;
            let (stat, kind) = find(Scope::Endpoint, leaf)?;
            Some(Some(ClusterLeaf { part: Part::Endpoint(address), leaf, stat, kind }))
        }
        // The same requests again, by zone.
        "zone" => {
            let (zones, leaf) = rest.rsplit_once('.')?;
            let (stat, kind) = find(Scope::Cluster, leaf)?;
            let (from, to) = zones.split_once('.')?;
            Some(Some(ClusterLeaf { part: Part::Zone(from, to), leaf, stat, kind }))
        }
        "ssl" => certificate(rest)
            .map(|(stat, kind)| Some(ClusterLeaf { part: Part::Whole, leaf: text, stat, kind })),
        _ => None,
    }
}

/// `certificate.<name>.expiration_unix_time_seconds`
fn certificate(text: &str) -> Option<(StatId, Kind)> {
    let is_expiry = text.starts_with("certificate.") && text.ends_with(".expiration_unix_time_seconds");
    is_expiry.then_some((StatId::CERTIFICATE_EXPIRY, Kind::Gauge))
}

fn manager_leaf(text: &str) -> Leaf<(StatId, Kind)> {
    find(Scope::Manager, text).map(Some)
}

fn listener_leaf(text: &str) -> Leaf<(StatId, Kind)> {
    if let Some(found) = find(Scope::Listener, text) {
        return Some(Some(found));
    }
    let (first, rest) = text.split_once('.')?;
    // What each worker accepted, and what the connection managers say again.
    let again = first.starts_with("worker_") || matches!(first, "main_thread" | "http");
    if first == "ssl"
        && let Some(found) = certificate(rest)
    {
        return Some(Some(found));
    }
    again.then_some(None)
}

/// `vhost.<virtual host>.route.<stat_prefix>.<leaf>`, and likewise `vcluster`.
fn in_virtual_host<'a>(name: &'a str, rest: &'a str, names: &Names) -> Option<Place<'a>> {
    let borders = |border: &'static str| rest.match_indices(border).map(move |(at, _)| (at, border));
    let mut borders: Vec<(usize, &str)> = borders(".route.").chain(borders(".vcluster.")).collect();
    borders.sort_unstable();
    let known = borders.iter().rev().find(|(at, _)| names.has_virtual_host(&rest[..*at]));
    let &(at, border) = known.or(borders.first())?;
    let (virtual_host, rest) = (&rest[..at], &rest[at + border.len()..]);
    let (object, leaf) = cut(rest, |_| false, |leaf| find(Scope::Route, leaf).map(Some))?;
    let (stat, kind) = leaf?;
    let path = &name[..name.len() - rest.len() + object.len()];
    let object = match border {
        ".route." => ObjectName::Route { virtual_host, name: object },
        _ => ObjectName::VirtualCluster { virtual_host, name: object },
    };
    Some(Place { object, path, stat, kind })
}
