//! Comparisons that are judged on and on, and policies that are tried on the past.

use serde_json::{Value, json};
use sidecarta_queries::api::backtest::BacktestResponse;
use sidecarta_queries::api::canary::{CanaryResponse, Outcome};
use sidecarta_queries::api::watches::{WatchResponse, WatchesResponse};
use sidecarta_tests::harness::{Answer, Server, ServerOptions, client, eventually, program};
use sidecarta_tests::mesh::bound_to_us;

use crate::two_versions::{Asked, send};

/// Quick to decide.
fn policy() -> Value {
    json!({
        "warm_up_s": 0, "least_s": 10, "longest_s": 1_200, "errors": {"margin": {"absolute": 0.02}},
        "latency": [{"quantile": 0.9, "margin": {"relative": 0.5}}],
    })
}

async fn register(server: &Server, body: &Value) -> Answer {
    Answer::to(client().post(server.url("/api/v1/watches")).json(body)).await.unwrap()
}

async fn watch(server: &Server, id: &str) -> WatchResponse {
    server.get(&format!("/api/v1/watches/{id}")).await.json()
}

#[tokio::test]
async fn a_watch_keeps_every_verdict_over_restarts_until_it_is_ended() {
    let mut server = ServerOptions::default().start().await;
    send(
        &server,
        &[
            Asked { version: "v1", ago_s: (300, 0), failing: 100 },
            Asked { version: "v2", ago_s: (300, 0), failing: 5 },
        ],
    )
    .await;
    let body = json!({
        "service": "orders", "baseline": "v1", "candidate": "v2", "from": "-5m", "every_s": 10, "policy": policy(),
    });
    let answer = register(&server, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.json::<WatchResponse>().watch.id;

    let first =
        eventually("the first verdict is kept", async || watch(&server, &id).await.verdicts.first().cloned())
            .await;
    assert_eq!(first.result, Outcome::Fail, "{first:?}");
    assert!(first.summary.contains("v2 fails"), "{first:?}");
    assert!(first.candidate_errors > 100 && first.candidate_requests > 1_000, "{first:?}");
    let whole = server.get(&format!("/api/v1/watches/{id}/verdicts/{}", first.at)).await;
    let whole = whole.json::<CanaryResponse>().verdict;
    assert_eq!((whole.summary, whole.checks.len()), (first.summary.clone(), 2));
    assert_eq!(whole.checks[0].candidate.requests, first.candidate_requests);

    // Acknowledged is stored.
    server.kill().await;
    server.restart().await;
    let again = eventually("it is judged again after a restart", async || {
        let found = watch(&server, &id).await;
        (found.verdicts.len() > 1).then_some(found)
    })
    .await;
    assert_eq!(again.verdicts[0], first);
    assert_eq!(again.watch.last.map(|last| last.result), Some(Outcome::Fail));

    let ended = Answer::to(client().delete(server.url(&format!("/api/v1/watches/{id}")))).await.unwrap();
    assert!(ended.json::<WatchResponse>().watch.ended_at.is_some());
    let all = server.get("/api/v1/watches").await.json::<WatchesResponse>().watches;
    assert_eq!(all.len(), 1);
    let kept = watch(&server, &id).await.verdicts.len();
    // Those that were ended are not judged when the next one is.
    let answer = register(&server, &body).await.json::<WatchResponse>().watch.id;
    eventually("the next watch is judged", async || watch(&server, &answer).await.verdicts.first().cloned())
        .await;
    assert_eq!(watch(&server, &id).await.verdicts.len(), kept);
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused_in_words() {
    let server = Server::start().await;
    let good = json!({"service": "orders", "baseline": "v1", "candidate": "v2"});
    for (change, code, words) in [
        (json!({"service": ""}), "bad_parameter", "service must have"),
        (json!({"candidate": "v1"}), "bad_parameter", "both v1"),
        (json!({"every_s": 1}), "bad_parameter", "every_s = 1"),
        (json!({"from": "2999-01-01T00:00:00Z"}), "bad_time_range", "must begin by now"),
        (json!({"from": "-3d"}), "bad_time_range", "longest_s"),
        (json!({"policy": {"confidence": 7}}), "bad_policy", "confidence = 7"),
        (json!({"until": "now"}), "bad_body", "unknown field `until`"),
    ] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = register(&server, &body).await;
        assert_eq!(answer.status, 400, "{change}");
        let error: Value = answer.json();
        assert_eq!(error["error"]["code"], code, "{error}");
        assert!(error["error"]["message"].as_str().unwrap().contains(words), "{error}");
    }
    for path in ["/api/v1/watches/none", "/api/v1/watches/none/verdicts/2026-12-01T00:00:00Z"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
    for _ in 0..100 {
        assert_eq!(register(&server, &good).await.status, 201);
    }
    let refused: Value = register(&server, &good).await.json();
    assert_eq!(refused["error"]["code"], "too_many_watches", "{refused}");
}

#[tokio::test]
async fn a_policy_is_tried_on_the_rollouts_that_there_were() {
    let server = Server::start().await;
    // v2 fails more often and is taken back; v3 is as good as v1, and replaces it.
    send(
        &server,
        &[
            Asked { version: "v1", ago_s: (1_500, 60), failing: 100 },
            Asked { version: "v2", ago_s: (1_100, 900), failing: 5 },
            Asked { version: "v3", ago_s: (700, 0), failing: 100 },
        ],
    )
    .await;
    let body = json!({"from": "-30m", "policy": policy()});
    let request = client().post(server.url("/api/v1/canary/backtest")).json(&body);
    let backtest = Answer::to(request).await.unwrap().json::<BacktestResponse>().backtest;
    let found: Vec<_> = backtest
        .rollouts
        .iter()
        .map(|tried| (tried.baseline.as_str(), tried.candidate.as_str(), tried.result))
        .collect();
    assert_eq!(found, [("v1", "v3", Outcome::Pass), ("v1", "v2", Outcome::Fail)], "{backtest:?}");
    assert_eq!((backtest.stopped, backtest.let_through, backtest.undecided), (1, 1, 0));
    let [good, bad] = &backtest.rollouts[..] else { panic!("{backtest:?}") };
    // It takes seconds to see one in five fail, and the failures are those up to then.
    assert!(bad.decided_after_s.is_some_and(|after| after <= 120), "{bad:?}");
    assert!(bad.excess_errors > 5.0 && bad.candidate_requests < 1_500, "{bad:?}");
    assert!(good.decided_after_s.is_some_and(|after| after < 640), "{good:?}");

    // A policy that allows more would have let it through.
    let mut lenient = policy();
    lenient["errors"]["margin"]["absolute"] = json!(0.5);
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("lenient.json");
    std::fs::write(&file, lenient.to_string()).unwrap();
    let output = bound_to_us(&program("SIDECARTA_BIN"), "KILL")
        .args(["backtest", "--service", "orders", "--from", "-30m", "--server", &server.url("")])
        .arg("--policy")
        .arg(&file)
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("0 would have been stopped, 2 let through"), "{text}");
}
