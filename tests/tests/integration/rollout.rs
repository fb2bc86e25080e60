//! Rollouts through a real Envoy that splits traffic between two versions, and what Sidecarta says of them.

#[path = "rollout/envoy.rs"]
mod envoy;
#[path = "rollout/services.rs"]
mod services;

use std::path::Path;

use serde_json::{Value, json};
use sidecarta_queries::api::canary::{CanaryResponse, Guard, Outcome, Verdict};
use sidecarta_tests::harness::{Answer, Server, ServerOptions, client, eventually_ok, program};
use sidecarta_tests::mesh::{ReservedPort, bound_to_us};
use tempfile::TempDir;

use envoy::Envoy;
use services::Rollout;

/// Requests to each service.
const REQUESTS: u64 = 4_000;

/// Everything that the tests look at.
struct Stage {
    server: Server,
    rollout: Rollout,
    _envoy: Envoy,
    folder: TempDir,
}

impl Stage {
    /// Starts both versions of each service, the Envoy before them and Sidecarta, and sends the requests.
    async fn play() -> Self {
        let folder = TempDir::new().unwrap();
        let admin = ReservedPort::new().unwrap();
        let server = ServerOptions::default()
            .envoy(format!("http://{}", admin.address()))
            .set("envoy.interval_ms", 500)
            .start()
            .await;
        let rollout = Rollout::start().await;
        let envoy = Envoy::start(folder.path(), admin, &rollout, server.addresses().otlp_grpc).await;
        rollout.load(&envoy.url, REQUESTS).await;
        Self { server, rollout, _envoy: envoy, folder }
    }

    /// The verdict on a service, once everything that was sent is in it.
    async fn verdict(&self, service: &str) -> Verdict {
        let policy = policy().to_string();
        eventually_ok("every request is in the verdict", async || {
            let path = format!(
                "/api/v1/canary?service={service}&baseline=v1&candidate=v2&from=-10m&policy={}",
                urlencoded(&policy)
            );
            let verdict = self.server.get(&path).await.json::<CanaryResponse>().verdict;
            let seen = [verdict.traffic.baseline_requests, verdict.traffic.candidate_requests];
            let sent = ["v1", "v2"].map(|version| self.rollout.requests(service, version));
            if seen == sent {
                Ok(verdict)
            } else {
                Err(format!("{service}: {seen:?} of {sent:?}: {verdict:?}"))
            }
        })
        .await
    }

    /// What `sidecarta canary` says: its exit code, and what it prints.
    async fn command(&self, service: &str, flags: &[&str]) -> (i32, String) {
        let policy_file = self.folder.path().join("policy.json");
        std::fs::write(&policy_file, policy().to_string()).unwrap();
        command(&format!("http://{}", self.server.addresses().http), service, &policy_file, flags).await
    }
}

async fn command(url: &str, service: &str, policy: &Path, flags: &[&str]) -> (i32, String) {
    let output = bound_to_us(&program("SIDECARTA_BIN"), "KILL")
        .args(["canary", "--service", service, "--baseline", "v1", "--candidate", "v2", "--server", url])
        .arg("--policy")
        .arg(policy)
        .args(flags)
        .output()
        .await
        .unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (output.status.code().unwrap_or(-1), text)
}

/// Quick to decide, since a test does not wait for an hour.
fn policy() -> Value {
    json!({
        "warm_up_s": 0, "least_s": 10, "least_requests": 100,
        "errors": {"margin": {"absolute": 0.01}},
        "latency": [{"quantile": 0.9, "margin": {"relative": 0.5}, "least_ms": 40.0}],
        // The load ends before it is looked at.
        "guards": {"stopped": "warn"},
    })
}

fn urlencoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

fn guard<'a>(verdict: &'a Verdict, name: &str) -> &'a Guard {
    verdict.guards.iter().find(|guard| guard.name == name).expect("every guard has a row")
}

#[tokio::test]
async fn every_rollout_gets_the_verdict_that_it_deserves() {
    let mut stage = Stage::play().await;
    a_broken_route_is_found(&stage).await;
    an_identical_version_passes(&stage).await;
    failures_that_retries_hide_are_found(&stage).await;
    a_split_that_is_not_the_configured_one_is_told(&stage).await;
    no_traffic_is_no_verdict(&stage).await;
    flagger_is_told(&stage).await;
    stage.server.stop().await;
}

async fn a_broken_route_is_found(stage: &Stage) {
    let verdict = stage.verdict("shop").await;
    assert_eq!(verdict.result, Outcome::Fail, "{verdict:?}");
    assert!(verdict.summary.contains("on `POST /checkout` from `web`"), "{}", verdict.summary);
    let worst = &verdict.routes[0];
    assert_eq!((worst.route.as_str(), worst.result), ("POST /checkout", Outcome::Fail), "{verdict:?}");
    assert!(
        verdict.routes[1..].iter().all(|route| route.result != Outcome::Fail),
        "the other route is as good as it was: {:?}",
        verdict.routes
    );
    let errors = &worst.checks[0];
    // One request in five fails there, and takes longer.
    assert!((errors.candidate.value - 0.2).abs() < 0.02, "{errors:?}");
    assert_eq!(errors.baseline.errors, 0);
    let (low, high) = (errors.interval.low.unwrap(), errors.interval.high.unwrap());
    assert!(0.1 < low && low < 0.2 && 0.2 < high && high < 0.3, "{errors:?}");
    let (code, text) = stage.command("shop", &["--from", "-10m"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.starts_with("fail: ") && text.contains("POST /checkout"), "{text}");
}

async fn an_identical_version_passes(stage: &Stage) {
    let verdict = stage.verdict("same").await;
    assert_eq!(verdict.result, Outcome::Pass, "{verdict:?}");
    assert!(verdict.checks.iter().all(|check| check.result == Outcome::Pass), "{verdict:?}");
    let capacity = guard(&verdict, "capacity");
    assert!(!capacity.found && capacity.summary.contains("for each of 1 healthy hosts"), "{capacity:?}");
    let (code, text) = stage.command("same", &["--from", "-10m", "--wait", "1m", "--format", "json"]).await;
    assert_eq!(code, 0, "{text}");
    let answer: CanaryResponse = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(answer.verdict.result, Outcome::Pass);
}

async fn failures_that_retries_hide_are_found(stage: &Stage) {
    let verdict = stage.verdict("flaky").await;
    assert_eq!(verdict.checks[0].candidate.errors, 0, "no caller saw a failure: {verdict:?}");
    let guard = guard(&verdict, "retries");
    assert!(guard.found, "{guard:?}");
    assert_eq!(verdict.result, Outcome::Fail, "{verdict:?}");
    assert!(verdict.summary.contains("retries hide"), "{}", verdict.summary);
}

async fn a_split_that_is_not_the_configured_one_is_told(stage: &Stage) {
    let verdict = stage.verdict("skew").await;
    let guard = guard(&verdict, "split");
    assert!(guard.found, "{guard:?}");
    assert_eq!(verdict.traffic.configured_share, Some(0.1), "{verdict:?}");
    assert!((verdict.traffic.candidate_share - 0.5).abs() < 0.05, "{verdict:?}");
    let right = self::guard(&stage.verdict("same").await, "split").clone();
    assert!(!right.found, "{right:?}");
}

async fn no_traffic_is_no_verdict(stage: &Stage) {
    let ask = async |policy: Value, is_final: bool| {
        let body = json!({
            "service": "idle", "baseline": "v1", "candidate": "v2", "from": "-10m", "final": is_final, "policy": policy,
        });
        let request = client().post(stage.server.url("/api/v1/canary")).json(&body);
        Answer::to(request).await.unwrap().json::<CanaryResponse>().verdict
    };
    assert_eq!(ask(json!({}), true).await.result, Outcome::Insufficient);
    assert_eq!(ask(json!({"no_traffic": "fail"}), false).await.result, Outcome::Insufficient);
    assert_eq!(ask(json!({"no_traffic": "fail"}), true).await.result, Outcome::Fail);
    assert_eq!(ask(json!({"no_traffic": "pass"}), true).await.result, Outcome::Pass);
    let (code, text) = stage.command("idle", &["--wait", "2s", "--every", "1s"]).await;
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("insufficient"), "{text}");
}

/// What Flagger sends to a webhook, and how it reads the answer: by its status.
async fn flagger_is_told(stage: &Stage) {
    let ask = async |service: &str, strict: &str| {
        let body = json!({
            "name": service, "namespace": "test", "phase": "Progressing", "checksum": "85d557f47b",
            "metadata": {
                "baseline": "v1", "candidate": "v2", "from": "-10m", "policy": policy().to_string(), "strict": strict,
            },
        });
        Answer::to(client().post(stage.server.url("/api/v1/canary/flagger")).json(&body))
            .await
            .unwrap()
            .status
    };
    assert_eq!(ask("shop", "").await, 412);
    assert_eq!(ask("same", "true").await, 200);
    assert_eq!(ask("idle", "").await, 200);
    assert_eq!(ask("idle", "true").await, 412);
}

#[tokio::test]
async fn what_cannot_be_judged_is_refused_in_words() {
    let mut server = ServerOptions::default().start().await;
    for (query, code, words) in [
        ("service=a&baseline=v1", "bad_parameter", "candidate must have"),
        ("service=a&baseline=v1&candidate=v1", "bad_parameter", "baseline and candidate are both v1"),
        ("service=a&baseline=v1&candidate=v2&policy=%7B%22x%22%3A1%7D", "bad_policy", "unknown field `x`"),
        (
            "service=a&baseline=v1&candidate=v2&policy=%7B%22confidence%22%3A7%7D",
            "bad_policy",
            "confidence = 7",
        ),
        ("service=a&baseline=v1&candidate=v2&from=-90d", "bad_time_range", "31 days"),
        ("service=a&baseline=v1&candidate=v2&final=maybe", "bad_parameter", "final"),
    ] {
        let answer = server.get(&format!("/api/v1/canary?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let error: Value = answer.json();
        assert_eq!(error["error"]["code"], code, "{error}");
        assert!(error["error"]["message"].as_str().unwrap().contains(words), "{error}");
    }
    let folder = TempDir::new().unwrap();
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "confidence = 7.0").unwrap();
    let (code, text) = command(&format!("http://{}", server.addresses().http), "a", &policy, &[]).await;
    assert_eq!(code, 64, "{text}");
    assert!(text.contains("confidence = 7"), "{text}");
    std::fs::write(&policy, "").unwrap();
    let nobody = ReservedPort::new().unwrap();
    let (code, text) = command(&format!("http://{}", nobody.address()), "a", &policy, &[]).await;
    assert_eq!(code, 69, "{text}");
    assert!(text.contains("does not answer"), "{text}");
    server.stop().await;
}
