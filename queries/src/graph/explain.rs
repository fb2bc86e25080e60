//! How a name is resolved: what each rule says of it, in the order in which they are asked.

use crate::api::identity::{
    Identity as Explained, IdentityRule, LeadsTo, NameKind, Resolution, ResolvedNode, TriedRule,
};
use crate::rows::envoy::StatObject;
use crate::rows::span::PeerKind;
use crate::store::{Directory, ProxyRecord, SeriesKey, SeriesTotal, Store, StoreError};
use crate::trace::Endpoint;

use super::answer::{node_ids, plain_id};
use super::edges::{self, Merged};
use super::identity::{
    Asked, CLUSTER_RULES, HOST_RULES, Identity, NodeKey, PROXY_RULES, Rules, SERVICE_RULES, Target,
};
use super::rules::{IdentityRules, UserSaid};
use super::{GraphQuery, SETTLE_SECONDS};

/// A name to be explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdentityQuestion {
    /// The name.
    pub name: String,
    /// The kind of name; each where not set.
    pub kind: Option<NameKind>,
    /// The service whose proxy has the cluster; any where not set.
    pub caller: Option<String>,
}

/// How a name is resolved over a time range. Blocks.
///
/// # Errors
/// Where the store cannot be read.
pub fn explain(
    store: &Store,
    rules: &IdentityRules,
    question: &IdentityQuestion,
    query: &GraphQuery,
) -> Result<Explained, StoreError> {
    let totals = store.totals(query.range, query.now_s - SETTLE_SECONDS)?;
    let mut resolutions: Vec<Resolution> = store.directory(|directory| {
        let merged = edges::merge(directory, rules, &totals, query);
        let explainer = Explainer {
            directory,
            rules,
            totals: &totals,
            identity: edges::identity(directory, rules, &totals),
            ids: node_ids(&merged, query.by_version),
            merged,
        };
        let kinds =
            NameKind::ALL.into_iter().filter(|kind| question.kind.is_none_or(|wanted| wanted == *kind));
        kinds.map(|kind| explainer.resolution(kind, question)).collect()
    });
    resolutions.sort_by_key(|resolution| !resolution.is_known);
    Ok(Explained { name: question.name.clone(), caller: question.caller.clone(), resolutions })
}

struct Explainer<'a> {
    directory: &'a Directory,
    rules: &'a IdentityRules,
    totals: &'a [(u32, SeriesTotal)],
    identity: Identity<'a>,
    merged: Merged,
    ids: Vec<String>,
}

impl Explainer<'_> {
    fn resolution(&self, kind: NameKind, question: &IdentityQuestion) -> Resolution {
        let records = self.records(kind, question);
        let asked = Asked {
            name: &question.name,
            caller: question.caller.as_deref().filter(|_| kind == NameKind::Cluster).unwrap_or_default(),
            records: if kind == NameKind::Cluster { &records } else { &[] },
            node_cluster: match (kind, records.first()) {
                (NameKind::Proxy, Some(record)) => &record.proxy.cluster,
                _ => "",
            },
        };
        let rules: &Rules = match kind {
            NameKind::Cluster => CLUSTER_RULES,
            NameKind::Proxy => PROXY_RULES,
            NameKind::Service => SERVICE_RULES,
            NameKind::Host => HOST_RULES,
        };
        let mut tried: Vec<(TriedRule, Option<Target>)> = Vec::new();
        for (rule, ask) in rules {
            if *rule == IdentityRule::User {
                tried.extend(self.user_rules(kind, &asked));
            } else {
                tried.push(self.tried(*rule, ask(&self.identity, &asked), None));
            }
        }
        let decided = tried.iter().position(|(_, target)| target.is_some()).unwrap_or(tried.len() - 1);
        tried[decided].0.decided = true;
        let first = &tried[decided].0;
        Resolution {
            kind,
            is_known: self.is_known(kind, question, &records),
            leads_to: first.leads_to.unwrap_or(LeadsTo::Hidden),
            node: first.node.clone(),
            rule: first.rule,
            reason: first.said.clone(),
            tried: tried.into_iter().map(|(tried, _)| tried).collect(),
        }
    }

    /// The proxies that may use a name.
    fn records(&self, kind: NameKind, question: &IdentityQuestion) -> Vec<&ProxyRecord> {
        let all = self.directory.proxies();
        match (kind, &question.caller) {
            (NameKind::Cluster, Some(caller)) => self.identity.records_of(caller).to_vec(),
            (NameKind::Cluster, None) => all.values().collect(),
            (NameKind::Proxy, _) => match all.get(&question.name) {
                Some(record) => vec![record],
                None => all.values().filter(|record| record.proxy.cluster == question.name).collect(),
            },
            (NameKind::Service | NameKind::Host, _) => Vec::new(),
        }
    }

    /// Whether a name was seen as one of its kind.
    fn is_known(&self, kind: NameKind, question: &IdentityQuestion, records: &[&ProxyRecord]) -> bool {
        let name = question.name.as_str();
        let mut keys = self.totals.iter().filter_map(|(id, _)| self.directory.series(*id));
        let seen_host = |end: &Endpoint| matches!(end, Endpoint::Peer(peer) if peer.kind == PeerKind::Host && peer.name == name);
        match kind {
            NameKind::Proxy => {
                !records.is_empty() || self.directory.learned_proxies().any(|p| *p.node_id == *name)
            }
            NameKind::Cluster => {
                let configured =
                    |record: &&ProxyRecord| record.config.clusters.iter().any(|c| c.name == name);
                let of_caller =
                    |caller: &str| question.caller.as_deref().is_none_or(|wanted| wanted == caller);
                let mut learned = self.directory.learned_clusters();
                records.iter().any(configured)
                    || learned.any(|learned| *learned.cluster == *name && of_caller(&learned.caller))
                    || keys.any(|key| counts_cluster(key, name))
            }
            NameKind::Service => SERVICE_RULES.iter().any(|(rule, ask)| {
                *rule == IdentityRule::Spans
                    && ask(&self.identity, &Asked { name, ..Asked::default() }).is_some()
            }),
            NameKind::Host => keys.any(|key| match key {
                SeriesKey::Edge { source, target, .. } => seen_host(source) || seen_host(target),
                _ => false,
            }),
        }
    }

    /// What each rule of the user says.
    fn user_rules(&self, kind: NameKind, asked: &Asked<'_>) -> Vec<(TriedRule, Option<Target>)> {
        let rules = self.rules.rules(kind);
        if rules.is_empty() {
            let said = format!("the configuration has no [[identity]] rule with match = \"{}\"", kind.word());
            return vec![self.tried(IdentityRule::User, None, Some(said))];
        }
        let mut ways = vec![asked.name];
        if kind == NameKind::Proxy && !asked.node_cluster.is_empty() {
            ways.push(asked.node_cluster);
        }
        let mut tried = Vec::new();
        for name in ways {
            for rule in rules {
                let fits = rule.say(name);
                let said = match &fits {
                    None => format!("{}: `{}` does not fit {name}", rule.words(), rule.pattern),
                    Some(UserSaid::Ignored) => {
                        format!("{}: `{}` fits {name}, which is ignored", rule.words(), rule.pattern)
                    }
                    Some(UserSaid::Named(_)) => format!("{}: `{}` fits {name}", rule.words(), rule.pattern),
                };
                let target = fits.map(|said| self.identity.target_of_user((kind, name), rule, said));
                tried.push(self.tried(IdentityRule::User, target, Some(said)));
            }
        }
        tried
    }

    /// What a rule says, told in words; in those that are given, where there are some.
    fn tried(
        &self,
        rule: IdentityRule,
        target: Option<Target>,
        said: Option<String>,
    ) -> (TriedRule, Option<Target>) {
        let (leads_to, node, words) = match &target {
            None => (None, None, "does not apply".to_owned()),
            Some(Target::Itself) => {
                (Some(LeadsTo::Itself), None, "back to the service that the proxy stands before".to_owned())
            }
            Some(Target::Telemetry) => {
                (Some(LeadsTo::Hidden), None, "no traffic of the mesh: it is not drawn".to_owned())
            }
            Some(Target::Node(node, words)) => (Some(LeadsTo::Node), Some(self.node(node)), words.clone()),
        };
        let meaning = rule.meaning().to_owned();
        let said = said.unwrap_or(words);
        (TriedRule { rule, meaning, decided: false, said, leads_to, node }, target)
    }

    fn node(&self, node: &NodeKey) -> ResolvedNode {
        let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let known = self.merged.number_of(node).map(|number| self.ids[number].clone());
        ResolvedNode {
            id: known.unwrap_or_else(|| plain_id(node)),
            kind: node.kind,
            service: node.name.clone(),
            version: some(&node.version),
            namespace: some(&node.namespace),
            environment: some(&node.environment),
        }
    }
}

/// Whether a series counts what went to a cluster.
fn counts_cluster(key: &SeriesKey, name: &str) -> bool {
    match key {
        SeriesKey::Envoy { object, .. } => {
            matches!(&**object, StatObject::Cluster(cluster) if cluster == name)
        }
        SeriesKey::Logged(logged) => logged.cluster == name,
        SeriesKey::Counted(edge) => edge.cluster == name,
        SeriesKey::Edge { target, .. } => matches!(target, Endpoint::Cluster(cluster) if **cluster == *name),
        SeriesKey::Traced(_) => false,
    }
}
