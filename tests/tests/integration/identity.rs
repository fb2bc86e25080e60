//! Names resolved by the user's rules, from the configuration file to the graph.

use sidecarta_queries::api::identity::{IdentityResponse, IdentityRule, LeadsTo, NameKind};
use sidecarta_tests::harness::{Encoding, GrpcSender, ServerOptions, eventually, request_of, shop_call};

const RULES: &str = r#"
[[identity]]
match = "service"
pattern = "(?<name>st.*)ck"
service = "$name-room"
version = "9"

[[identity]]
match = "cluster"
pattern = "otel-.*"
ignore = true
"#;

#[tokio::test]
async fn rules_of_the_configuration_name_the_nodes_of_the_graph() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sidecarta.toml");
    std::fs::write(&file, RULES).unwrap();
    let server = ServerOptions::default().config(&file).start().await;
    let mut sender = GrpcSender::connect(server.addresses().otlp_grpc, Encoding::Gzip).await.unwrap();
    sender.send(request_of((1..4).flat_map(shop_call).collect())).await.unwrap();
    let edge = eventually("the graph shows the calls", async || {
        server.graph("").await.edges.into_iter().find(|edge| edge.requests == 3)
    })
    .await;
    assert_eq!((edge.source.as_str(), edge.target.as_str()), ("service:shop", "service:sto-room"));
    assert_eq!(server.get("/api/v1/services/sto-room").await.status, 200);
    assert_eq!(server.get("/api/v1/services/stock").await.status, 404);

    let explained = async |params: &str| {
        let answer = server.get(&format!("/api/v1/identity?{params}")).await;
        assert_eq!(answer.status, 200, "{params}: {}", answer.text());
        answer.json::<IdentityResponse>().identity
    };
    let stock = explained("name=stock&kind=service").await;
    assert_eq!((stock.name.as_str(), stock.resolutions.len()), ("stock", 1));
    let found = &stock.resolutions[0];
    assert_eq!(
        (found.kind, found.rule, found.leads_to),
        (NameKind::Service, IdentityRule::User, LeadsTo::Node)
    );
    let node = found.node.as_ref().unwrap();
    assert_eq!((node.service.as_str(), node.version.as_deref()), ("sto-room", Some("9")));
    assert!(found.reason.contains("identity rule 1"), "{}", found.reason);

    let collector = explained("name=otel-collector&kind=cluster&caller=shop").await;
    assert_eq!(collector.caller.as_deref(), Some("shop"));
    assert_eq!(collector.resolutions[0].leads_to, LeadsTo::Hidden);
    let all = explained("name=%E2%98%83%7C%00&from=-1h").await;
    assert_eq!(all.resolutions.len(), NameKind::ALL.len());
    assert!(
        all.resolutions
            .iter()
            .all(|resolution| resolution.tried.iter().filter(|rule| rule.decided).count() == 1)
    );
}
