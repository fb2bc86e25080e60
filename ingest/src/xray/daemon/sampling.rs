//! Which requests are sampled, as the SDKs ask it: the answers of X-Ray's own API, made of the configuration.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::config::{SamplingRuleConfig, XrayConfig};

/// The rule that decides where no other fits.
const DEFAULT_RULE: &str = "Default";
/// How often an SDK is to come again, s.
const INTERVAL_S: i64 = 10;
/// How long a share of a reservoir holds, s.
const QUOTA_HOLDS_S: i64 = 60;
/// How long a process that asked counts as there.
const IS_THERE: Duration = Duration::from_mins(1);
/// Processes that are told apart; the reservoir is not shared among more.
const MAX_CLIENTS: usize = 10_000;

/// Answers `POST /GetSamplingRules` and `POST /SamplingTargets`.
pub(super) fn router(config: &XrayConfig) -> Router {
    let state = Arc::new(Sampling {
        rules: rules(config),
        since_s: Timestamp::now().as_second(),
        clients: Mutex::default(),
    });
    Router::new()
        .route("/GetSamplingRules", post(rules_asked))
        .route("/SamplingTargets", post(targets_asked))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown)
        .with_state(state)
}

struct Sampling {
    rules: Vec<SamplingRuleConfig>,
    /// When the rules were read, s since 1970.
    since_s: i64,
    /// When each process asked last, by rule and its own id.
    clients: Mutex<HashMap<(String, String), Instant>>,
}

/// All rules, the default one last.
fn rules(config: &XrayConfig) -> Vec<SamplingRuleConfig> {
    let default = SamplingRuleConfig {
        name: DEFAULT_RULE.to_owned(),
        priority: 10_000,
        fixed_rate: config.fixed_rate,
        reservoir_size: config.reservoir_size,
        ..SamplingRuleConfig::default()
    };
    config.rule.iter().cloned().chain([default]).collect()
}

async fn rules_asked(State(sampling): State<Arc<Sampling>>) -> Response {
    let record = |rule: &SamplingRuleConfig| {
        json!({
            "SamplingRule": {
                "RuleName": rule.name,
                "RuleARN": format!("arn:aws:xray:::sampling-rule/{}", rule.name),
                "ResourceARN": "*",
                "Priority": rule.priority,
                "FixedRate": rule.fixed_rate,
                "ReservoirSize": rule.reservoir_size,
                "ServiceName": rule.service_name,
                "ServiceType": rule.service_type,
                "Host": rule.host,
                "HTTPMethod": rule.http_method,
                "URLPath": rule.url_path,
                "Version": 1,
                "Attributes": {},
            },
            "CreatedAt": sampling.since_s,
            "ModifiedAt": sampling.since_s,
        })
    };
    let records: Vec<Value> = sampling.rules.iter().map(record).collect();
    answer(StatusCode::OK, &json!({"SamplingRuleRecords": records, "NextToken": null}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Targets {
    sampling_statistics_documents: Vec<Statistics>,
}

/// How often an SDK met a rule. What it counted is of no use here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statistics {
    rule_name: String,
    #[serde(rename = "ClientID", default)]
    client_id: String,
}

async fn targets_asked(State(sampling): State<Arc<Sampling>>, body: Bytes) -> Response {
    let asked: Targets = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(error) => {
            let message = format!("the request cannot be read: {error}");
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestException", &message);
        }
    };
    let (mut targets, mut unknown) = (Vec::new(), Vec::new());
    for statistics in asked.sampling_statistics_documents {
        let name = statistics.rule_name;
        let Some(rule) = sampling.rules.iter().find(|rule| rule.name == name) else {
            unknown.push(json!({"RuleName": name, "ErrorCode": "400", "Message": "there is no such rule"}));
            continue;
        };
        let sharing = sampling.sharing(&name, &statistics.client_id);
        targets.push(json!({
            "RuleName": name,
            "FixedRate": rule.fixed_rate,
            "ReservoirQuota": rule.reservoir_size.div_ceil(sharing),
            "ReservoirQuotaTTL": Timestamp::now().as_second() + QUOTA_HOLDS_S,
            "Interval": INTERVAL_S,
        }));
    }
    answer(
        StatusCode::OK,
        &json!({
            "SamplingTargetDocuments": targets,
            "LastRuleModification": sampling.since_s,
            "UnprocessedStatistics": unknown,
        }),
    )
}

impl Sampling {
    /// How many processes share the reservoir of a rule, this one among them.
    fn sharing(&self, rule: &str, client: &str) -> u32 {
        let now = Instant::now();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|_, last| now.duration_since(*last) < IS_THERE);
        if clients.len() < MAX_CLIENTS {
            clients.insert((rule.to_owned(), client.to_owned()), now);
        }
        clients.keys().filter(|(other, _)| other == rule).count().max(1) as u32
    }
}

async fn unknown(uri: Uri) -> Response {
    let message = format!(
        "{} is not answered here: Sidecarta stands in for the daemon of X-Ray with POST /GetSamplingRules and POST \
         /SamplingTargets, and takes segments by UDP on this port",
        uri.path()
    );
    refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message)
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let mut response = answer(status, &json!({"__type": code, "message": message}));
    if let Ok(code) = code.parse() {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
