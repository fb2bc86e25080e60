//! `GET /api/v1/series`.

use axum::Json;
use axum::extract::{Query, State};
use jiff::Timestamp;
use serde::Deserialize;
use sidecarta_queries::api::graph::Source;
use sidecarta_queries::api::series::SeriesResponse;
use sidecarta_queries::graph::{self, IdentityRules, SeriesQuestion, SeriesSubject};
use sidecarta_queries::store::Store;

use crate::error::ApiError;
use crate::params::GraphParams;
use crate::state::AppState;

/// Steps of an answer at most.
const MAX_STEPS: i64 = 2_000;

/// Of what a series is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SeriesParams {
    service: Option<String>,
    version: Option<String>,
    caller: Option<String>,
    route: Option<String>,
    source: Option<String>,
    target: Option<String>,
    evidence: Option<String>,
    step: Option<i64>,
}

impl SeriesParams {
    fn question(self, seconds: i64) -> Result<SeriesQuestion, ApiError> {
        let bad = |message: String| Err(ApiError::bad_request("bad_parameter", message));
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let ends = (some(self.source), some(self.target));
        let subject = match (some(self.service), ends) {
            (Some(service), (None, None)) => SeriesSubject::Service {
                service,
                version: some(self.version),
                caller: some(self.caller),
                route: some(self.route),
            },
            (None, (Some(source), Some(target))) => SeriesSubject::Edge { source, target },
            _ => {
                return bad("a series is of a service, or of an edge by its source and its target".to_owned());
            }
        };
        let evidence = match some(self.evidence) {
            None => None,
            Some(name) => {
                let Ok(source) = serde_json::from_value::<Source>(name.clone().into()) else {
                    let known = "`envoy`, `cloudwatch`, `access_log`, `trace` or `xray`";
                    return bad(format!("evidence is {known}, not `{name}`"));
                };
                Some(source)
            }
        };
        if let Some(step) = self.step {
            if step < 10 || step % 10 != 0 {
                return bad(format!("step is a multiple of 10 seconds, not {step}"));
            }
            if seconds / step > MAX_STEPS {
                return bad(format!("the range has more than {MAX_STEPS} steps of {step} seconds"));
            }
        }
        Ok(SeriesQuestion { subject, evidence, step_s: self.step })
    }
}

/// What requests did over time: to a service, a version, along a route, from a caller, or along an edge.
#[utoipa::path(
    get, path = "/api/v1/series", tag = "services",
    params(
        ("service" = Option<String>, Query, description = "name or node id of the service that is called"),
        ("version" = Option<String>, Query, description = "version of it; default all together"),
        ("caller" = Option<String>, Query, description = "name or node id of the caller; default all together"),
        ("route" = Option<String>, Query, description = "method and template, as in the table of routes; default all together"),
        ("source" = Option<String>, Query, description = "instead of a service: node id of an edge's caller"),
        ("target" = Option<String>, Query, description = "and node id of what it calls"),
        ("evidence" = Option<String>, Query, description = "`envoy`, `cloudwatch`, `access_log`, `trace` or `xray`; default the best"),
        ("step" = Option<i64>, Query, description = "length of a step in seconds, a multiple of 10; default for 60 to 90 points"),
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
    ),
    responses((status = 200, body = SeriesResponse), (status = 400, body = sidecarta_queries::api::error::ErrorResponse))
)]
pub async fn get_series(
    State(state): State<AppState>,
    Query(asked): Query<SeriesParams>,
    params: GraphParams,
) -> Result<Json<SeriesResponse>, ApiError> {
    // Among the graph's parameters the word means something else.
    let params = GraphParams { evidence: None, ..params };
    let (query, _) = params.query(Timestamp::now())?;
    let question = asked.question(query.range.seconds())?;
    let errors = state.error_rules();
    let ask =
        move |store: &Store, rules: &IdentityRules| graph::series(store, (rules, &errors), &query, &question);
    Ok(Json(SeriesResponse { series: state.ask(ask).await? }))
}
