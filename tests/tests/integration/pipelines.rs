//! The examples of `docs/examples`, each as its own system would use it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};
use sidecarta_tests::harness::{Answer, Server, ServerOptions, client, program};
use sidecarta_tests::mesh::bound_to_us;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use crate::two_versions::{Asked, send};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples").join(name)
}

fn yaml(name: &str) -> Value {
    let text = std::fs::read_to_string(example(name)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Quick to decide.
const POLICY: &str = r#"{"warm_up_s": 0, "least_s": 10, "errors": {"margin": {"absolute": 0.02}},
    "latency": [{"quantile": 0.9, "margin": {"relative": 0.5}}], "guards": {"stopped": "warn"}}"#;

/// A server that has seen v1, v2, which fails, and v3, which is as good as v1.
async fn server() -> Server {
    let server = ServerOptions::default().start().await;
    send(
        &server,
        &[
            Asked { version: "v1", ago_s: (400, 0), failing: 100 },
            Asked { version: "v2", ago_s: (400, 0), failing: 5 },
            Asked { version: "v3", ago_s: (400, 0), failing: 100 },
        ],
    )
    .await;
    server
}

#[tokio::test]
async fn a_step_of_github_actions_fails_the_job_with_the_version() {
    let server = server().await;
    let step = &yaml("github_actions.yaml")[0];
    let folder = TempDir::new().unwrap();
    let policy: Value = serde_json::from_str(POLICY).unwrap();
    std::fs::write(folder.path().join("canary.toml"), toml::to_string(&policy).unwrap()).unwrap();
    let bin = program("SIDECARTA_BIN");
    let path = format!("{}:{}", bin.parent().unwrap().display(), std::env::var("PATH").unwrap());
    for (candidate, code, word) in [("v2", 1, "fail: v2 fails"), ("v3", 0, "pass: ")] {
        let summary = folder.path().join(candidate);
        // As a runner starts what says `shell: bash`. The range begins with the traffic that is there already.
        let script = step["run"].as_str().unwrap().replace("--wait", "--from -6m --wait");
        let output = bound_to_us(Path::new("bash"), "KILL")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", &script])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env("SIDECARTA_URL", server.url(""))
            .env("BASELINE", "v1")
            .env("CANDIDATE", candidate)
            .env("GITHUB_STEP_SUMMARY", &summary)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let summary = std::fs::read_to_string(summary).unwrap();
        assert_eq!(output.status.code(), Some(code), "{summary}{said}");
        assert!(summary.starts_with(word), "{summary}");
    }
}

#[tokio::test]
async fn argos_web_metric_reads_the_result() {
    let server = server().await;
    let metric = &yaml("argo_rollouts.yaml")["spec"]["metrics"][0];
    let web = &metric["provider"]["web"];
    assert_eq!(web["jsonPath"], "{$.verdict.result}");
    for (canary, expected) in [("v2", "failureCondition"), ("v9", "")] {
        let url = web["url"].as_str().unwrap().replace("http://sidecarta:7117", &server.url(""));
        let arguments = [("service", "orders"), ("stable", "v1"), ("canary", canary), ("start", "-6m")];
        let url = arguments
            .into_iter()
            .fold(url, |url, (name, value)| url.replace(&format!("{{{{args.{name}}}}}"), value));
        assert!(!url.contains("{{"), "{url}");
        let answer = Answer::to(client().get(&url).header("content-type", "application/json")).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let result = answer.json::<Value>()["verdict"]["result"].as_str().unwrap().to_owned();
        for condition in ["successCondition", "failureCondition"] {
            let holds = metric[condition] == format!("result == \"{result}\"");
            assert_eq!(holds, condition == expected, "{canary}: {result}");
        }
    }
}

#[tokio::test]
async fn flaggers_webhook_gets_a_status() {
    let server = server().await;
    let hook = &yaml("flagger.yaml")["analysis"]["webhooks"][0];
    let url = hook["url"].as_str().unwrap().replace("http://sidecarta:7117", &server.url(""));
    for (candidate, status) in [("v2", 412), ("v3", 200), ("v9", 200)] {
        let mut metadata = hook["metadata"].clone();
        metadata["candidate"] = json!(candidate);
        metadata["policy"] = json!(POLICY);
        let body = json!({
            "name": "orders", "namespace": "shop", "phase": "Progressing", "checksum": "85d557f47b",
            "buildId": "7", "type": hook["type"], "failedChecks": 0, "canaryWeight": 10, "iterations": 0,
            "remainingRetries": 2, "metadata": metadata,
        });
        let answer = Answer::to(client().post(&url).json(&body)).await.unwrap();
        assert_eq!(answer.status, status, "{candidate}: {}", answer.text());
    }
}

/// Calls a Lambda function of the example with an event, as the runtime does.
async fn lambda(function: &str, event: &Value, environment: &[(&str, &str)]) -> (Value, String) {
    const RUNTIME: &str = "
import json, sys, time
class Context:
    def get_remaining_time_in_millis(self):
        return 1000 * (900 - time.monotonic() + BEGUN)
BEGUN = time.monotonic()
sys.path.insert(0, sys.argv[1])
import aws_hooks
aws_hooks.ASK_AGAIN_S = 1
event, log = json.load(sys.stdin), sys.stdout
sys.stdout = sys.stderr
print(json.dumps(getattr(aws_hooks, sys.argv[2])(event, Context())), file=log)
";
    let mut child = bound_to_us(&program("SIDECARTA_MOTO"), "KILL")
        .args(["-B", "-c", RUNTIME])
        .arg(example(""))
        .arg(function)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(event.to_string().as_bytes()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let answer = serde_json::from_slice(&output.stdout);
    (answer.unwrap_or_else(|error| panic!("{function} ended without an answer: {error}\n{log}")), log)
}

#[tokio::test]
async fn a_hook_of_ecs_goes_on_fails_or_is_asked_again() {
    let server = server().await;
    let url = server.url("");
    let since = (jiff::Timestamp::now() - jiff::SignedDuration::from_mins(6)).to_string();
    let event = |details: Value| {
        json!({
            "executionDetails": {
                "testTrafficWeights": {},
                "productionTrafficWeights": {
                    "arn:aws:ecs:eu-west-1:123456789012:service-revision/shop/orders/4867": 90,
                    "arn:aws:ecs:eu-west-1:123456789012:service-revision/shop/orders/7395": 10,
                },
                "serviceArn": "arn:aws:ecs:eu-west-1:123456789012:service/shop/orders",
                "targetServiceRevisionArn": "arn:aws:ecs:eu-west-1:123456789012:service-revision/shop/orders/7395",
            },
            "executionId": "1d6e1a0f-0e9f-4f0e-a3b5-0c3a6f0c2b1a",
            "lifecycleStage": "PRODUCTION_TRAFFIC_SHIFT",
            "resourceArn": "arn:aws:ecs:eu-west-1:123456789012:service-deployment/shop/orders/Ab12",
            "hookDetails": details,
        })
    };
    let details = |candidate: &str| {
        json!({
            "sidecarta_url": url, "service": "orders", "baseline": "v1", "candidate": candidate,
            "policy": POLICY, "since": since,
        })
    };
    for (candidate, status) in [("v2", "FAILED"), ("v3", "SUCCEEDED")] {
        let (answer, log) = lambda("ecs", &event(details(candidate)), &[]).await;
        assert_eq!(answer, json!({"hookStatus": status}), "{log}");
    }
    // Nobody has asked v9 yet: ECS asks again, and gives back since when one has waited.
    let (answer, log) = lambda("ecs", &event(details("v9")), &[]).await;
    assert_eq!(answer["hookStatus"], "IN_PROGRESS", "{log}");
    assert_eq!((&answer["callBackDelay"], &answer["hookDetails"]["since"]), (&json!(1), &json!(since)));
    let (answer, log) = lambda("ecs", &event(details("v9")), &[("WAIT_SECONDS", "60")]).await;
    assert_eq!(answer["hookStatus"], "FAILED", "{log}");
    let (answer, _) =
        lambda("ecs", &event(details("v9")), &[("WAIT_SECONDS", "60"), ("UNDECIDED", "SUCCEEDED")]).await;
    assert_eq!(answer["hookStatus"], "SUCCEEDED");
    // On the way back to the old revision, nothing is to be stopped.
    let mut back = details("v2");
    back["target"] = json!("arn:aws:ecs:eu-west-1:123456789012:service-revision/shop/orders/4867");
    assert_eq!(lambda("ecs", &event(back), &[]).await.0["hookStatus"], "SUCCEEDED");
    // A server that is away is waited for, a question that makes no sense is not.
    let mut away = details("v3");
    away["sidecarta_url"] = json!("http://127.0.0.1:9");
    assert_eq!(lambda("ecs", &event(away), &[]).await.0["hookStatus"], "IN_PROGRESS");
    let (answer, log) = lambda("ecs", &event(details("v1")), &[]).await;
    assert_eq!(answer["hookStatus"], "FAILED");
    assert!(log.contains("baseline and candidate are both v1"), "{log}");
}

/// The door of `CodeDeploy` for hooks: what was said of which execution.
async fn code_deploy() -> (String, mpsc::Receiver<(String, Value)>) {
    let (sender, receiver) = mpsc::channel(8);
    let take = async move |headers: HeaderMap, body: Bytes| {
        let operation = headers["x-amz-target"].to_str().unwrap().to_owned();
        let said: Value = serde_json::from_slice(&body).unwrap();
        let answer = json!({"lifecycleEventHookExecutionId": said["lifecycleEventHookExecutionId"]});
        sender.send((operation, said)).await.unwrap();
        ([("content-type", "application/x-amz-json-1.1")], answer.to_string())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(take))).await });
    (url, receiver)
}

#[tokio::test]
async fn a_hook_of_codedeploy_says_what_came_of_it() {
    let server = server().await;
    let (url, mut told) = code_deploy().await;
    let event = json!({"DeploymentId": "d-ABCDEF123", "LifecycleEventHookExecutionId": "eyJlbmNyeXB0ZWQi"});
    let server_url = server.url("");
    // Of a version that nobody has asked, nothing is known when the time is over.
    let environment = [
        ("SIDECARTA_URL", server_url.as_str()),
        ("SERVICE", "orders"),
        ("BASELINE", "v1"),
        ("CANDIDATE", "v9"),
        ("WAIT_SECONDS", "62"),
        ("AWS_ENDPOINT_URL_CODEDEPLOY", url.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
    ];
    for (undecided, status) in [("FAILED", "Failed"), ("SUCCEEDED", "Succeeded")] {
        let environment: Vec<_> = environment.into_iter().chain([("UNDECIDED", undecided)]).collect();
        let (answer, log) = lambda("codedeploy", &event, &environment).await;
        assert_eq!(answer, undecided, "{log}");
        let (operation, said) = told.recv().await.unwrap();
        assert_eq!(operation, "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus");
        assert_eq!(said["status"], status, "{said}");
        assert_eq!(said["deploymentId"], event["DeploymentId"]);
        assert_eq!(said["lifecycleEventHookExecutionId"], event["LifecycleEventHookExecutionId"]);
    }
}
