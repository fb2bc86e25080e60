//! `GET /api/v1/identity`: what a name stands for, and which rule says so.

use serde::{Deserialize, Serialize};

use super::graph::NodeKind;

/// The answer of `GET /api/v1/identity`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IdentityResponse {
    /// What the name stands for.
    pub identity: Identity,
}

/// A name and what it stands for, in each way that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Identity {
    /// The name that was asked for.
    pub name: String,
    /// The service whose proxy uses the name, where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// What it stands for as each kind of name, those first that were seen.
    pub resolutions: Vec<Resolution>,
}

/// Where a name is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum NameKind {
    /// An upstream cluster of an Envoy.
    Cluster,
    /// A proxy, by its `node.id` or its `node.cluster`.
    Proxy,
    /// A service, by its `service.name` or as its callers name it.
    Service,
    /// A host that spans say they call.
    Host,
}

impl NameKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Cluster, Self::Proxy, Self::Service, Self::Host];

    /// The word that the API and the configuration use.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Proxy => "proxy",
            Self::Service => "service",
            Self::Host => "host",
        }
    }
}

/// The rules that say what a name stands for. The words are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum IdentityRule {
    /// A rule of the user.
    User,
    /// What spans say of themselves.
    Spans,
    /// The proxy's configuration uses the cluster for telemetry or configuration.
    TelemetryCluster,
    /// Who answered below the spans of this caller's proxies.
    Learned,
    /// Who answered below the spans of other callers' proxies.
    LearnedElsewhere,
    /// The cluster is the proxy's own application.
    InboundCluster,
    /// The cluster is a target of a weighted route.
    WeightedRoute,
    /// The name obeys a known grammar.
    Grammar,
    /// The name is that of a known service, and a version.
    VersionSuffix,
    /// The proxy's spans are connected with the application's.
    LearnedProxy,
    /// The proxy's `node.cluster`.
    NodeCluster,
    /// The host's first label is the name of a known service.
    HostLabel,
    /// The name as it is.
    BareName,
}

impl IdentityRule {
    /// The rule in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::User => "a rule of the configuration",
            Self::Spans => "what spans say of themselves: service.name, service.version, service.namespace",
            Self::TelemetryCluster => {
                "the proxy's configuration uses the cluster for telemetry or configuration"
            }
            Self::Learned => "learned from traces: who answered below the spans of this caller's proxies",
            Self::LearnedElsewhere => {
                "learned from traces: who answered below the spans of other callers' proxies"
            }
            Self::InboundCluster => "the proxy's configuration: a cluster of its inbound listeners",
            Self::WeightedRoute => {
                "route configuration: the targets of one weighted route are versions of one service"
            }
            Self::Grammar => "a name with a known grammar: App Mesh, Istio, Consul",
            Self::VersionSuffix => "the name of a known service with a version behind it",
            Self::LearnedProxy => "learned from traces: the proxy's spans stand beside the application's",
            Self::NodeCluster => "node.cluster of the proxy, by custom the service that it stands before",
            Self::HostLabel => "the first label of the host is the name of a known service",
            Self::BareName => "the bare name",
        }
    }
}

/// What a name stands for as one kind of name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Resolution {
    /// The kind of name.
    pub kind: NameKind,
    /// Whether a name of this kind was seen: in a proxy's configuration or statistics, in traces, in the configuration's
    /// time range.
    pub is_known: bool,
    /// Where it leads.
    pub leads_to: LeadsTo,
    /// The node, where it leads to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<ResolvedNode>,
    /// The rule that decided.
    pub rule: IdentityRule,
    /// What that rule says of the name.
    pub reason: String,
    /// All rules in their order, each with what it says of the name. The first that says something decided.
    pub tried: Vec<TriedRule>,
}

/// Where a name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeadsTo {
    /// To a node of the graph.
    Node,
    /// Back to the service that the proxy stands before.
    Itself,
    /// Out of the mesh's traffic: it is not drawn.
    Hidden,
}

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResolvedNode {
    /// Id of the node in the graph by service.
    pub id: String,
    /// What it is.
    pub kind: NodeKind,
    /// The service.
    pub service: String,
    /// Its version, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its namespace, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its environment, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
}

/// What one rule says of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TriedRule {
    /// The rule.
    pub rule: IdentityRule,
    /// The rule in words.
    pub meaning: String,
    /// Whether it is the one that decided.
    pub decided: bool,
    /// What it says of this name.
    pub said: String,
    /// Where it says that the name leads; nothing where it does not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads_to: Option<LeadsTo>,
    /// The node that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<ResolvedNode>,
}
