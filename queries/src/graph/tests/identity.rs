//! Who is who: the user's rules, and the order of all others.

use std::borrow::Cow;

use crate::api::identity::{IdentityRule, LeadsTo, NameKind, Resolution};
use crate::rows::span::{PeerKind, PeerRef};

use super::*;

/// Rules as the configuration has them.
fn rules(rules: serde_json::Value) -> IdentityRules {
    let configs: Vec<IdentityRuleConfig> = serde_json::from_value(rules).unwrap();
    IdentityRules::new(&configs).unwrap()
}

/// Spans of one request each, with numbers for all ids.
#[derive(Default)]
struct Spans {
    builder: SpanBatchBuilder,
    traces: u128,
}

impl Spans {
    /// A request from one service to another that reports no version, each before the proxy `<caller>-envoy` whose cluster
    /// led there.
    fn answered(mut self, caller: &str, cluster: &str, target: &str, version: &str) -> Self {
        self.traces += 1;
        let node_id = format!("{caller}-envoy");
        let by_proxy = [("upstream_cluster", cluster), ("node_id", &node_id)]
            .map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value)));
        let of = |span_id, service, kind| SpanRow {
            trace_id: self.traces,
            span_id,
            parent_span_id: span_id - 1,
            service,
            kind,
            ..span()
        };
        self.builder.push(&of(1, caller, SpanKind::Client)).unwrap();
        let proxy = SpanRow { is_proxy: true, attributes: &by_proxy, ..of(2, caller, SpanKind::Client) };
        self.builder.push(&proxy).unwrap();
        self.builder.push(&SpanRow { version, ..of(3, target, SpanKind::Server) }).unwrap();
        self
    }

    /// A request to something that does not report.
    fn calling(mut self, caller: &str, kind: PeerKind, name: &str) -> Self {
        self.traces += 1;
        let peer = Some(PeerRef { kind, system: "", name });
        let (trace_id, service) = (self.traces, caller);
        let call = SpanRow { trace_id, span_id: 1, service, kind: SpanKind::Client, peer, ..span() };
        self.builder.push(&call).unwrap();
        self
    }

    /// A request into a service from outside.
    fn into(mut self, service: &str, namespace: &str) -> Self {
        self.traces += 1;
        let (trace_id, kind) = (self.traces, SpanKind::Server);
        let request = SpanRow { trace_id, span_id: 1, service, namespace, kind, ..span() };
        self.builder.push(&request).unwrap();
        self
    }
}

fn graph_by(rules: &IdentityRules, scrapes: &[EnvoyScrape], spans: Spans) -> Graph {
    asked(scrapes, spans.builder, |store| graph(store, rules, &query()).unwrap())
}

/// What stands behind each edge, and who the target is.
fn told(graph: &Graph) -> Vec<String> {
    let versions = |id: &str| {
        let node = graph.nodes.iter().find(|node| node.id == id).unwrap();
        let versions = node.versions.iter().map(|share| share.version.as_str()).collect::<Vec<_>>();
        (versions.join(","), node.namespace.clone().unwrap_or_default())
    };
    let line = |edge: &crate::api::graph::Edge| {
        let sources: Vec<String> =
            edge.evidence.iter().map(|said| format!("{:?} {}", said.source, said.requests)).collect();
        let (versions, namespace) = versions(&edge.target);
        format!("{} [{versions}] [{namespace}] {}", edge.id, sources.join(", "))
    };
    graph.edges.iter().map(line).collect()
}

fn route(targets: &[&str]) -> WeightedRoute {
    WeightedRoute {
        name: "r".to_owned(),
        targets: targets.iter().map(|target| ((*target).to_owned(), 50)).collect(),
    }
}

#[test]
fn rules_of_the_user_come_first_and_hide_what_they_ignore() {
    let config = ProxyConfig { inbound_clusters: vec!["shop-v7".to_owned()], ..ProxyConfig::default() };
    let clusters = vec![to("prod_orders_v3", 4, 1), to("shop-v7", 2, 0), to("otel", 9, 0), to("other", 1, 0)];
    let rules = rules(serde_json::json!([
        {"match": "cluster", "pattern": "otel|vector", "ignore": true},
        {"match": "cluster", "pattern": "(?<env>prod|test)_(?<service>.+)_(?<version>v\\d+)", "service": "$service",
         "version": "$version", "namespace": "$env-shop", "environment": "$env", "kind": "service"},
        {"match": "cluster", "pattern": "shop-(v7)", "service": "warehouse", "version": "$1", "kind": "database"},
    ]));
    let graph = graph_by(&rules, &[scrape("web-1", "web", config, clusters)], Spans::default());
    assert_eq!(
        told(&graph),
        [
            "service:web→database:warehouse [v7] [] Envoy 2",
            "service:web→external:other [] [] Envoy 1",
            "service:web→service:orders [v3] [prod-shop] Envoy 4",
        ]
    );
    let orders = graph.nodes.iter().find(|node| node.name == "orders").unwrap();
    assert_eq!(orders.identity.as_deref(), Some("cluster prod_orders_v3: identity rule 2"));
}

#[test]
fn a_service_has_the_users_name_wherever_it_is_named() {
    let rules = rules(serde_json::json!([
        {"match": "service", "pattern": "(?<name>.+)-(?<env>prod|test)", "service": "$name", "environment": "$env"},
        {"match": "service", "pattern": "loadgen", "ignore": true},
    ]));
    let spans = Spans::default()
        .answered("web-prod", "orders", "orders-prod", "v1")
        .calling("web-prod", PeerKind::Service, "orders-prod")
        .calling("web-prod", PeerKind::Host, "users-prod")
        .answered("loadgen", "web", "web-prod", "");
    let proxy = scrape("web-envoy", "web-prod", ProxyConfig::default(), vec![to("orders", 3, 0)]);
    let other = scrape("cart-1", "cart-prod", ProxyConfig::default(), vec![to("orders", 2, 0)]);
    let graph = graph_by(&rules, &[proxy, other], spans);
    assert_eq!(
        told(&graph),
        [
            "service:cart→service:orders [v1,] [] Envoy 2",
            "service:web→external:users [] [] Trace 1",
            "service:web→service:orders [v1,] [] Envoy 3, Trace 2",
        ]
    );
}

#[test]
fn a_proxy_has_the_users_name_by_its_id_or_its_cluster() {
    let rules = rules(serde_json::json!([
        {"match": "proxy", "pattern": "sidecar~.*~(?<app>[a-z]+)-\\w+\\.(?<ns>\\w+)~.*", "service": "$app", "namespace": "$ns"},
        {"match": "proxy", "pattern": "edge-.*", "service": "edge", "kind": "gateway"},
    ]));
    let by_id =
        scrape("sidecar~10.0.0.7~cart-x1.shop~shop.svc", "any", ProxyConfig::default(), vec![to("a", 1, 0)]);
    let by_cluster = scrape("i-0123", "edge-eu", ProxyConfig::default(), vec![to("cart", 1, 0)]);
    let graph = graph_by(&rules, &[by_id, by_cluster], Spans::default());
    assert_eq!(
        told(&graph),
        ["gateway:edge→service:cart [] [shop] Envoy 1", "service:cart→external:a [] [] Envoy 1"]
    );
}

#[test]
fn what_answered_names_a_cluster_and_the_route_its_version() {
    let config = ProxyConfig {
        weighted_routes: vec![route(&["pay_v1", "pay_v2"]), route(&["orders_v1", "orders_v2"])],
        ..ProxyConfig::default()
    };
    let clusters = vec![to("pay_v1", 3, 0), to("pay_v2", 1, 0), to("orders_v1", 5, 0), to("orders_v2", 4, 0)];
    let spans = Spans::default()
        .answered("web", "pay_v1", "payments", "")
        .answered("web", "orders_v1", "order-service", "2026.11")
        .answered("web", "orders_v2", "order-service", "2026.12");
    let graph = graph_by(&IdentityRules::default(), &[scrape("web-1", "web", config, clusters)], spans);
    assert_eq!(
        told(&graph),
        [
            // The names that spans use, so that both kinds of evidence meet.
            "service:web→service:order-service [2026.11,2026.12] [] Envoy 9, Trace 2",
            // Of what never answered, the sibling's service; of what says no version, the version of the route.
            "service:web→service:payments [v1,,v2] [] Envoy 4, Trace 1",
        ]
    );
}

#[test]
fn one_services_own_cluster_is_not_another_services() {
    let config = ProxyConfig { inbound_clusters: vec!["local_app".to_owned()], ..ProxyConfig::default() };
    // The proxy before `web` is traced, and its inbound cluster is known to lead to `web`; `cart` sends no spans.
    let spans = Spans::default().answered("web", "local_app", "web", "");
    let cart = scrape("cart-1", "cart", config, vec![to("local_app", 7, 0)]);
    let graph = graph_by(&IdentityRules::default(), &[cart], spans);
    assert_eq!(told(&graph).iter().filter(|line| line.contains("cart")).count(), 0, "{:?}", told(&graph));
}

#[test]
fn proxies_of_app_mesh_say_which_mesh_they_are_in() {
    let id = "arn:aws:appmesh:eu-west-1:1:mesh/my_shop/virtualNode/web";
    let clusters = vec![
        to("cds_egress_my_shop_orders-v2_http_8080", 2, 0),
        to("cds_egress_my_shop_orders-v1_http_8080", 3, 0),
        to("cds_ingress_my_shop_web_http_8080", 9, 0),
        to("cds_egress_my_shop_amazonaws", 1, 0),
    ];
    let config = ProxyConfig {
        weighted_routes: vec![route(&[
            "cds_egress_my_shop_orders-v1_http_8080",
            "cds_egress_my_shop_orders-v2_http_8080",
        ])],
        ..ProxyConfig::default()
    };
    let graph = graph_by(&IdentityRules::default(), &[scrape(id, "", config, clusters)], Spans::default());
    assert_eq!(
        told(&graph),
        ["service:web→external:amazonaws [] [] Envoy 1", "service:web→external:orders [v1,v2] [] Envoy 5",]
    );
}

#[test]
fn namespaces_in_names_tell_services_apart() {
    let cluster =
        |service: &str, namespace| to(&format!("outbound|80||{service}.{namespace}.svc.cluster.local"), 1, 0);
    let clusters = vec![
        cluster("orders", "eu"),
        cluster("orders", "us"),
        cluster("cart", "eu"),
        cluster("cart", "us"),
        cluster("users", "eu"),
    ];
    let spans = Spans::default().into("orders", "eu").into("orders", "us").into("users", "people");
    let graph = graph_by(
        &IdentityRules::default(),
        &[scrape("web-1", "web", ProxyConfig::default(), clusters)],
        spans,
    );
    let of_web: Vec<String> =
        told(&graph).into_iter().filter(|line| line.starts_with("service:web")).collect();
    assert_eq!(
        of_web,
        [
            "service:web→external:/eu/cart [] [eu] Envoy 1",
            "service:web→external:/us/cart [] [us] Envoy 1",
            "service:web→service:/eu/orders [] [eu] Envoy 1",
            "service:web→service:/us/orders [] [us] Envoy 1",
            // What spans say of themselves comes before the name.
            "service:web→service:users [] [people] Envoy 1",
        ]
    );
}

fn explained(
    rules: &IdentityRules,
    scrapes: &[EnvoyScrape],
    spans: Spans,
    question: &IdentityQuestion,
) -> Vec<Resolution> {
    asked(scrapes, spans.builder, |store| explain(store, rules, question, &query()).unwrap()).resolutions
}

/// A line for each rule that was tried, the one that decided marked.
fn lines_of(resolution: &Resolution) -> String {
    let line = |tried: &crate::api::identity::TriedRule| {
        let node = tried.node.as_ref().map(|node| format!(" = {}", node.id)).unwrap_or_default();
        format!("{} {:?}: {}{node}\n", if tried.decided { '*' } else { ' ' }, tried.rule, tried.said)
    };
    let known = if resolution.is_known { "known" } else { "not known" };
    format!("{:?} {known} {:?}\n", resolution.kind, resolution.leads_to)
        + &resolution.tried.iter().map(line).collect::<String>()
}

#[test]
fn every_rule_says_what_it_makes_of_a_name() {
    let rules = rules(serde_json::json!([
        {"match": "cluster", "pattern": "cart_.*", "service": "cart"},
        {"match": "cluster", "pattern": "ord.*_v1", "service": "ordering"},
        {"match": "cluster", "pattern": ".*", "ignore": true},
    ]));
    let config =
        ProxyConfig { weighted_routes: vec![route(&["orders_v1", "orders_v2"])], ..ProxyConfig::default() };
    let web = scrape("web-1", "web", config, vec![to("orders_v1", 1, 0)]);
    let spans = || Spans::default().answered("web", "orders_v1", "orders", "v1");
    let question = IdentityQuestion {
        name: "orders_v1".to_owned(),
        kind: Some(NameKind::Cluster),
        caller: Some("web".to_owned()),
    };
    let found = explained(&rules, std::slice::from_ref(&web), spans(), &question);
    insta::assert_snapshot!(lines_of(&found[0]), @r"
    Cluster known Node
      User: identity rule 1: `cart_.*` does not fit orders_v1
    * User: identity rule 2: `ord.*_v1` fits orders_v1 = external:ordering
      User: identity rule 3: `.*` fits orders_v1, which is ignored
      TelemetryCluster: does not apply
      Learned: cluster orders_v1: orders answered there = service:orders
      LearnedElsewhere: does not apply
      InboundCluster: does not apply
      WeightedRoute: cluster orders_v1: target of a weighted route = service:orders
      Grammar: does not apply
      VersionSuffix: cluster orders_v1: service and version = service:orders
      BareName: cluster orders_v1: the bare name = external:orders_v1
    ");
    let found = explained(&IdentityRules::default(), std::slice::from_ref(&web), spans(), &question);
    insta::assert_snapshot!(lines_of(&found[0]), @r#"
    Cluster known Node
      User: the configuration has no [[identity]] rule with match = "cluster"
      TelemetryCluster: does not apply
    * Learned: cluster orders_v1: orders answered there = service:orders
      LearnedElsewhere: does not apply
      InboundCluster: does not apply
      WeightedRoute: cluster orders_v1: target of a weighted route = service:orders
      Grammar: does not apply
      VersionSuffix: cluster orders_v1: service and version = service:orders
      BareName: cluster orders_v1: the bare name = external:orders_v1
    "#);
    assert_eq!((found[0].rule, found[0].leads_to), (IdentityRule::Learned, LeadsTo::Node));
    let node = found[0].node.clone().unwrap();
    assert_eq!((node.id.as_str(), node.version.as_deref()), ("service:orders", Some("v1")));
}

#[test]
fn a_name_is_explained_as_every_kind_of_name() {
    let web = scrape("web-1", "web", ProxyConfig::default(), vec![to("orders", 1, 0)]);
    let of = |name: &str| {
        let question = IdentityQuestion { name: name.to_owned(), ..IdentityQuestion::default() };
        let spans = Spans::default().calling("web", PeerKind::Host, "web.internal").into("orders", "");
        let found = explained(&IdentityRules::default(), std::slice::from_ref(&web), spans, &question);
        let line = |resolution: &Resolution| {
            let node = resolution.node.as_ref().map(|node| node.id.as_str()).unwrap_or_default();
            format!("{:?} {} {:?} {node}", resolution.kind, resolution.is_known, resolution.rule)
        };
        found.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let names = ["web", "web-1", "orders", "web.internal", "outbound|80|v1|x.y.svc.z", "💥", "nobody"];
    let all: Vec<String> = names.iter().map(|name| format!("{name:?}\n{}", of(name))).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    "web"
    Proxy true NodeCluster service:web
    Service true Spans service:web
    Cluster false BareName service:web
    Host false HostLabel service:web
    "web-1"
    Proxy true NodeCluster service:web
    Cluster false VersionSuffix service:web
    Service false BareName external:web-1
    Host false BareName external:web-1
    "orders"
    Cluster true BareName service:orders
    Service true Spans service:orders
    Proxy false BareName service:orders
    Host false HostLabel service:orders
    "web.internal"
    Host true HostLabel service:web
    Cluster false BareName external:web.internal
    Proxy false BareName service:web.internal
    Service false BareName external:web.internal
    "outbound|80|v1|x.y.svc.z"
    Cluster false Grammar external:x
    Proxy false BareName service:outbound|80|v1|x.y.svc.z
    Service false BareName external:outbound|80|v1|x.y.svc.z
    Host false BareName external:outbound|80|v1|x.y.svc.z
    "💥"
    Cluster false BareName external:💥
    Proxy false BareName service:💥
    Service false BareName external:💥
    Host false BareName external:💥
    "nobody"
    Cluster false BareName external:nobody
    Proxy false BareName service:nobody
    Service false BareName external:nobody
    Host false BareName external:nobody
    "#);
}
