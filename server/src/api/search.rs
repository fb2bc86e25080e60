//! `GET /api/v1/traces`, `/traces/complete` and `/traces/compare`.

use axum::Json;
use axum::extract::{Query, State};
use jiff::Timestamp;
use serde::Deserialize;
use sidecarta_queries::api::compare::CompareResponse;
use sidecarta_queries::api::traces::{CompletionResponse, TracesResponse};
use sidecarta_queries::search::{
    self, Condition, Flag, MAX_BYTES, NumberField, Order, SearchOrder, SpanSet, Test, TextField, TextTest,
    Times, TraceQuery,
};

use crate::error::ApiError;
use crate::params::{GraphParams, time_range};
use crate::state::AppState;

/// Traces that are given where nobody asks for another number, and at most.
const LIMIT: usize = 50;
const MAX_LIMIT: usize = 1_000;

/// Which traces are wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SearchParams {
    q: Option<String>,
    service: Option<String>,
    route: Option<String>,
    version: Option<String>,
    min_duration_ms: Option<f64>,
    max_duration_ms: Option<f64>,
    error: Option<bool>,
    limit: Option<usize>,
    order: Option<String>,
}

impl SearchParams {
    /// What some span of the traces must be like: the query, and what the other parameters add to it.
    fn condition(&self, find: Option<&str>) -> Result<Condition, ApiError> {
        let query = parsed(self.q.as_deref().unwrap_or_default(), "q")?;
        let mut more = Vec::new();
        if let Some(service) = stated(self.service.as_deref()) {
            let (name, version) = of_node_id(service);
            more.push(text(TextField::Service, name));
            more.extend(version.map(|version| text(TextField::Version, version)));
        }
        more.extend(stated(self.route.as_deref()).map(|route| text(TextField::Route, route)));
        more.extend(stated(self.version.as_deref()).map(|version| text(TextField::Version, version)));
        for (name, order, ms) in [
            ("min_duration_ms", Order::AtLeast, self.min_duration_ms),
            ("max_duration_ms", Order::AtMost, self.max_duration_ms),
        ] {
            let Some(ms) = ms else { continue };
            if !ms.is_finite() || ms < 0.0 {
                let message = format!("{name} is a number of milliseconds, not {ms}");
                return Err(ApiError::bad_request("bad_parameter", message));
            }
            let ns = (ms * 1e6).round() as u64;
            more.push(Condition::Test(Test::Number(NumberField::Duration, order, ns)));
        }
        more.extend(self.error.map(|is_wanted| {
            let error = Condition::Test(Test::Flag(Flag::Error));
            if is_wanted { error } else { Condition::Not(Box::new(error)) }
        }));
        more.extend(find.map(|find| Condition::Test(Test::FreeText(find.to_owned()))));
        for (name, value) in [("service", &self.service), ("route", &self.route), ("version", &self.version)]
        {
            bounded(name, value.as_deref())?;
        }
        bounded("find", find)?;
        Ok(query.and(more))
    }
}

fn stated(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn text(field: TextField, value: &str) -> Condition {
    Condition::Test(Test::Text(field, TextTest::Is(value.to_owned())))
}

fn bounded(name: &str, value: Option<&str>) -> Result<(), ApiError> {
    let bytes = value.map_or(0, str::len);
    if bytes > MAX_BYTES {
        let message = format!("{name} has {bytes} bytes, more than {MAX_BYTES}");
        return Err(ApiError::bad_request("bad_parameter", message));
    }
    Ok(())
}

/// The name and the version in a node id of the graph; anything else is a name.
fn of_node_id(text: &str) -> (&str, Option<&str>) {
    let Some(rest) = ["service:", "gateway:"].iter().find_map(|kind| text.strip_prefix(kind)) else {
        return (text, None);
    };
    rest.rsplit_once('@').map_or((rest, None), |(name, version)| (name, Some(version)))
}

fn parsed(query: &str, name: &str) -> Result<Condition, ApiError> {
    search::parse(query).map_err(|problem| ApiError::bad_query(name, &problem))
}

/// Traces of which some span meets the conditions. Each is told of by all its spans that started within an hour of it.
#[utoipa::path(
    get, path = "/api/v1/traces", tag = "traces",
    params(
        ("q" = Option<String>, Query, description = "conditions in the query language, as in `service=orders duration>250ms`; default every span"),
        ("service" = Option<String>, Query, description = "name or node id of the span's service"),
        ("route" = Option<String>, Query, description = "template of the span's route, or method and template"),
        ("version" = Option<String>, Query, description = "version of the span's service"),
        ("min_duration_ms" = Option<f64>, Query, description = "least duration of the span"),
        ("max_duration_ms" = Option<f64>, Query, description = "longest duration of the span"),
        ("error" = Option<bool>, Query, description = "`true`: the span failed; `false`: it did not"),
        ("find" = Option<String>, Query, description = "text in the span's name, status message or the value of an attribute"),
        ("limit" = Option<usize>, Query, description = "how many traces at most, 1 to 1,000; default 50"),
        ("order" = Option<String>, Query, description = "`newest` (default), or `slowest` by the span that meets the conditions"),
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`: when the span started"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
    ),
    responses((status = 200, body = TracesResponse), (status = 400, body = sidecarta_queries::api::error::ErrorResponse))
)]
pub async fn search_traces(
    State(state): State<AppState>,
    params: Result<Query<SearchParams>, axum::extract::rejection::QueryRejection>,
    graph: GraphParams,
) -> Result<Json<TracesResponse>, ApiError> {
    let Query(params) = params.map_err(|error| ApiError::bad_request("bad_parameter", error.body_text()))?;
    let limit = params.limit.unwrap_or(LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let message = format!("limit is a number from 1 to {MAX_LIMIT}");
        return Err(ApiError::bad_request("bad_parameter", message));
    }
    let order = match params.order.as_deref() {
        None | Some("" | "newest") => SearchOrder::Newest,
        Some("slowest") => SearchOrder::Slowest,
        Some(other) => {
            let message = format!("order is `newest` or `slowest`, not `{other}`");
            return Err(ApiError::bad_request("bad_parameter", message));
        }
    };
    let condition = params.condition(stated(graph.find.as_deref()))?;
    let times = times(graph.from.as_deref(), graph.to.as_deref(), Timestamp::now())?;
    let query = TraceQuery { condition, times, order, limit };
    Ok(Json(state.ask(move |store, _| search::search(store, &query)).await?))
}

/// The times between two parameters.
fn times(from: Option<&str>, to: Option<&str>, now: Timestamp) -> Result<Times, ApiError> {
    let (from, to) = time_range(from, to, now)?;
    let ns = |time: Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
    Ok(Times { from_ns: ns(from), to_ns: ns(to) })
}

/// A query in the making.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CompleteParams {
    q: String,
    cursor: Option<usize>,
}

/// What may stand in a query where the cursor is.
#[utoipa::path(
    get, path = "/api/v1/traces/complete", tag = "traces",
    params(
        ("q" = Option<String>, Query, description = "the query as far as it is written"),
        ("cursor" = Option<usize>, Query, description = "where the cursor is, counted in Unicode characters; default the end"),
    ),
    responses((status = 200, body = CompletionResponse), (status = 400, body = sidecarta_queries::api::error::ErrorResponse))
)]
pub async fn complete_query(
    State(state): State<AppState>,
    params: Result<Query<CompleteParams>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<CompletionResponse>, ApiError> {
    let Query(CompleteParams { q, cursor }) =
        params.map_err(|error| ApiError::bad_request("bad_parameter", error.body_text()))?;
    let vocabulary = state.vocabulary().await?;
    let completion = search::complete(&q, cursor.unwrap_or(usize::MAX), &vocabulary);
    Ok(Json(CompletionResponse { completion }))
}

/// Which sets are compared.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct CompareParams {
    selection: String,
    baseline: String,
    from: Option<String>,
    to: Option<String>,
    baseline_from: Option<String>,
    baseline_to: Option<String>,
}

/// What tells the spans that meet some conditions from those that meet others. Of each set the newest 20,000 are compared.
#[utoipa::path(
    get, path = "/api/v1/traces/compare", tag = "traces",
    params(
        ("selection" = Option<String>, Query, description = "conditions of the spans that are looked into; default every span"),
        ("baseline" = Option<String>, Query, description = "conditions of those they are held against; default every span"),
        ("from" = Option<String>, Query, description = "RFC 3339, `now` or relative as `-15m`; default `-15m`"),
        ("to" = Option<String>, Query, description = "likewise; default `now`"),
        ("baseline_from" = Option<String>, Query, description = "likewise for the baseline; default as `from`"),
        ("baseline_to" = Option<String>, Query, description = "likewise; default as `to`"),
    ),
    responses((status = 200, body = CompareResponse), (status = 400, body = sidecarta_queries::api::error::ErrorResponse))
)]
pub async fn compare_spans(
    State(state): State<AppState>,
    params: Result<Query<CompareParams>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<CompareResponse>, ApiError> {
    let Query(params) = params.map_err(|error| ApiError::bad_request("bad_parameter", error.body_text()))?;
    let now = Timestamp::now();
    let (from, to) = (params.from.as_deref(), params.to.as_deref());
    let selection =
        SpanSet { condition: parsed(&params.selection, "selection")?, times: times(from, to, now)? };
    let baseline = SpanSet {
        condition: parsed(&params.baseline, "baseline")?,
        times: times(params.baseline_from.as_deref().or(from), params.baseline_to.as_deref().or(to), now)?,
    };
    let comparison = state.ask(move |store, _| search::compare(store, &selection, &baseline)).await?;
    Ok(Json(CompareResponse { comparison }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_become_conditions() {
        let params = SearchParams {
            q: Some("status>=500 or timeout".to_owned()),
            service: Some("service:orders@v2".to_owned()),
            route: Some("GET /orders/{id}".to_owned()),
            min_duration_ms: Some(0.25),
            max_duration_ms: Some(10.0),
            error: Some(false),
            ..SearchParams::default()
        };
        assert_eq!(
            params.condition(Some("out of stock")).unwrap().to_string(),
            "(status>=500 or timeout) service=orders version=v2 route=\"GET /orders/{id}\" duration>=250us \
             duration<=10ms not error \"out of stock\""
        );
        assert_eq!(SearchParams::default().condition(None).unwrap().to_string(), "");
    }

    #[test]
    fn a_query_that_cannot_be_understood_is_refused_with_its_place() {
        let params = SearchParams { q: Some("duration>fast".to_owned()), ..SearchParams::default() };
        let error = params.condition(None).unwrap_err().response().error;
        assert_eq!(error.code, "bad_query");
        assert!(error.message.starts_with("q: a duration is a number"), "{}", error.message);
        let problem: sidecarta_queries::api::traces::QueryProblem =
            serde_json::from_str(&error.detail.unwrap()).unwrap();
        assert_eq!((problem.from, problem.to), (9, 13));
        for bad in [f64::NAN, -1.0, f64::INFINITY] {
            let params = SearchParams { min_duration_ms: Some(bad), ..SearchParams::default() };
            assert_eq!(params.condition(None).unwrap_err().response().error.code, "bad_parameter");
        }
        let params = SearchParams { service: Some("x".repeat(9_000)), ..SearchParams::default() };
        assert_eq!(params.condition(None).unwrap_err().response().error.code, "bad_parameter");
    }
}
