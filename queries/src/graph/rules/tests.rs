use super::*;

/// A rule by its TOML-like parts.
fn rule(kind_of_name: NameKind, pattern: &str, service: &str) -> IdentityRuleConfig {
    IdentityRuleConfig {
        kind_of_name,
        pattern: pattern.to_owned(),
        service: service.to_owned(),
        version: String::new(),
        namespace: String::new(),
        environment: String::new(),
        kind: None,
        ignore: false,
    }
}

fn said(rules: &[IdentityRuleConfig], kind: NameKind, name: &str) -> Option<(usize, UserSaid)> {
    let rules = IdentityRules::new(rules).unwrap();
    rules.say(kind, name).map(|(rule, said)| (rule.number, said))
}

fn named(service: &str, version: &str) -> UserSaid {
    UserSaid::Named(UserNamed {
        service: service.to_owned(),
        version: version.to_owned(),
        ..UserNamed::default()
    })
}

#[test]
fn groups_of_the_pattern_stand_in_the_result() {
    let config = IdentityRuleConfig {
        version: "v$2".to_owned(),
        namespace: "$${ns}-${env}".to_owned(),
        environment: "$env".to_owned(),
        ..rule(NameKind::Cluster, r"(?<env>prod|test)\.(\d+)\.(?<service>[a-z]+)(-(?<rest>.*))?", "$service")
    };
    let expected = UserSaid::Named(UserNamed {
        service: "orders".to_owned(),
        version: "v12".to_owned(),
        namespace: "${ns}-prod".to_owned(),
        environment: "prod".to_owned(),
        kind: None,
    });
    assert_eq!(said(&[config], NameKind::Cluster, "prod.12.orders"), Some((1, expected)));
}

#[test]
fn the_first_rule_that_fits_the_whole_name_decides() {
    let mut hidden = rule(NameKind::Cluster, "otel.*", "");
    hidden.ignore = true;
    let rules = [
        rule(NameKind::Service, ".*", "any"),
        rule(NameKind::Cluster, "orders|payments", "money"),
        hidden,
        // Where the group takes no part, the service is empty and the next rule is asked.
        rule(NameKind::Cluster, "(a(?<service>b))?.*", "$service"),
        IdentityRuleConfig { kind: Some(NodeKind::External), ..rule(NameKind::Cluster, "(?i)LEGACY.*", "") },
    ];
    let said = |name| said(&rules, NameKind::Cluster, name);
    assert_eq!(said("orders"), Some((2, named("money", ""))));
    assert_eq!(said("my-orders"), None, "a pattern is for the whole name");
    assert_eq!(said("payments-2"), None);
    assert_eq!(said("otel-collector"), Some((3, UserSaid::Ignored)));
    assert_eq!(said("abc"), Some((4, named("b", ""))));
    let legacy =
        UserNamed { service: "legacy_7".to_owned(), kind: Some(NodeKind::External), ..UserNamed::default() };
    assert_eq!(said("legacy_7"), Some((5, UserSaid::Named(legacy))), "the name as it is");
    assert_eq!(said(""), None);
    assert!(IdentityRules::default().say(NameKind::Cluster, "orders").is_none());
}

#[test]
fn every_bad_rule_is_told() {
    let mut rules = vec![
        rule(NameKind::Cluster, "(orders", "a"),
        rule(NameKind::Cluster, "", "a"),
        rule(NameKind::Cluster, "orders", "$service${version}"),
        rule(NameKind::Cluster, "orders", "${a"),
        rule(NameKind::Cluster, "orders", "a$"),
        rule(NameKind::Cluster, "orders", "$1"),
        rule(NameKind::Cluster, r"\w{1000}{1000}", "a"),
        rule(NameKind::Cluster, &"x".repeat(1_001), "a"),
        rule(NameKind::Service, "orders", ""),
        rule(NameKind::Proxy, "web-.*", ""),
        rule(NameKind::Service, "orders", &"y".repeat(1_001)),
    ];
    rules[8].kind = Some(NodeKind::Client);
    rules[9].ignore = true;
    rules[9].kind = Some(NodeKind::Database);
    rules.push(rule(NameKind::Host, "orders", ""));
    let problems = IdentityRules::new(&rules).unwrap_err().problems;
    let short: Vec<String> = problems.iter().map(|problem| problem.chars().take(120).collect()).collect();
    insta::assert_snapshot!(short.join("\n"), @r#"
    identity rule 1: pattern `(orders`: at character 1: unclosed group
    identity rule 2: pattern must not be empty
    identity rule 3: service = `$service${version}`: pattern has no group `service`; (?<service>…) makes one
    identity rule 4: service = `${a`: `${` has no `}`
    identity rule 5: service = `a$`: `$` has no name behind it; `$$` stands for `$`
    identity rule 6: service = `$1`: pattern has no group `1`
    identity rule 7: pattern `\w{1000}{1000}` takes more than 4194304 bytes when it is compiled
    identity rule 8: pattern may not be longer than 1000 bytes
    identity rule 9: kind = "client" is whoever calls from outside, and has no name
    identity rule 10: what is ignored has no service, version, namespace, environment or kind
    identity rule 10: a proxy cannot be ignored; do not have it scraped
    identity rule 10: kind of what a proxy stands before is `service` or `gateway`
    identity rule 11: no key may be longer than 1000 bytes
    identity rule 12: it says nothing: set service, version, namespace, environment or kind, or ignore = true
    "#);
}

#[test]
fn a_pattern_cannot_be_closed_from_within() {
    // Wrapped unread, this would be `^(?:a)|(?:b)$`, which fits parts of names.
    let problems = IdentityRules::new(&[rule(NameKind::Cluster, "a)|(?:b", "x")]).unwrap_err().problems;
    assert!(problems[0].contains("unopened group"), "{problems:?}");
}

#[test]
fn too_many_rules_are_refused() {
    let rules = vec![rule(NameKind::Host, "a", "b"); MAX_RULES + 1];
    assert_eq!(IdentityRules::new(&rules).unwrap_err().problems, ["identity: 1001 rules are more than 1000"]);
}

#[test]
fn hostile_names_cost_little() {
    let rules = [rule(NameKind::Service, "(a*)*(?<service>b)", "$service")];
    assert_eq!(said(&rules, NameKind::Service, &"a".repeat(1 << 16)), None);
    assert_eq!(said(&rules, NameKind::Service, &("a".repeat(1 << 16) + "b")), Some((1, named("b", ""))));
}
