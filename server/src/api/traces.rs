//! `GET /api/v1/traces/{id}` and `/traces/{id}/otlp`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use sidecarta_queries::api::traces::TraceResponse;
use sidecarta_queries::waterfall::{self, MAX_OTLP_SPANS};

use crate::error::ApiError;
use crate::state::AppState;

/// One trace as stored so far, with its critical path, its calls, its log lines and what is odd about it.
#[utoipa::path(
    get, path = "/api/v1/traces/{id}", tag = "traces",
    params(("id" = String, Path, description = "32 hex digits, X-Ray's `1-5759e988-bd862e3fe1be46a994272793`, or a `traceparent`")),
    responses(
        (status = 200, body = TraceResponse),
        (status = 400, body = sidecarta_queries::api::error::ErrorResponse),
        (status = 404, body = sidecarta_queries::api::error::ErrorResponse),
    )
)]
pub async fn find_trace(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<TraceResponse>, ApiError> {
    let trace_id = trace_id(&id)?;
    let now_ns = i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
    let trace = state.ask(move |store, rules| waterfall::trace(store, rules, trace_id, now_ns)).await?;
    let trace = trace.ok_or_else(|| not_found(trace_id))?;
    Ok(Json(TraceResponse { trace }))
}

/// The spans of one trace as OTLP in JSON, which every receiver of OTLP takes. Attributes are text.
#[utoipa::path(
    get, path = "/api/v1/traces/{id}/otlp", tag = "traces",
    params(("id" = String, Path, description = "32 hex digits, X-Ray's `1-5759e988-bd862e3fe1be46a994272793`, or a `traceparent`")),
    responses(
        (status = 200, description = "an ExportTraceServiceRequest", content_type = "application/json"),
        (status = 400, body = sidecarta_queries::api::error::ErrorResponse),
        (status = 404, body = sidecarta_queries::api::error::ErrorResponse),
        (status = 413, body = sidecarta_queries::api::error::ErrorResponse),
    )
)]
pub async fn export_trace(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let trace_id = trace_id(&id)?;
    let otlp = state.ask(move |store, _| waterfall::otlp(store, trace_id)).await?;
    let (json, spans) = otlp.ok_or_else(|| not_found(trace_id))?;
    if spans > MAX_OTLP_SPANS as u64 {
        let message = format!("the trace has {spans} spans, and no more than {MAX_OTLP_SPANS} are written");
        return Err(ApiError::too_large("trace_too_large", message));
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

fn not_found(trace_id: u128) -> ApiError {
    let message = format!(
        "no span of the trace {trace_id:032x} is stored: it was not sampled, its spans went elsewhere or are on their way \
         still, or the id is that of something else, such as a request"
    );
    ApiError::not_found_as("trace_not_found", message)
}

/// The id of a trace in one of the forms in which people meet it.
///
/// # Errors
/// Where it is none, saying what is wrong with it.
pub(crate) fn trace_id(text: &str) -> Result<u128, ApiError> {
    let bad = |what: &str| {
        let message = format!(
            "`{}` is no trace id: {what}. It is 32 hexadecimal digits, X-Ray's form `1-5759e988-bd862e3fe1be46a994272793`, \
             or a traceparent",
            text.chars().take(80).collect::<String>()
        );
        ApiError::bad_request("bad_trace_id", message)
    };
    // X-Ray's header has the id among other things.
    let named = text.split(';').map(str::trim).find_map(|part| part.strip_prefix("Root="));
    let text = named.unwrap_or(text).trim();
    let parts: Vec<&str> = text.split('-').collect();
    let digits = match parts.as_slice() {
        [digits] => (*digits).to_owned(),
        // X-Ray's, of 8 and 24 digits.
        ["1", time, rest] if time.len() == 8 && rest.len() == 24 => format!("{time}{rest}"),
        // A traceparent: version, trace, span, flags; later versions may say more.
        [version, trace, span, _, ..] if version.len() == 2 && span.len() == 16 => (*trace).to_owned(),
        _ => return Err(bad("it has dashes and is neither X-Ray's nor a traceparent")),
    };
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(bad("it has other characters than hexadecimal digits"));
    }
    match digits.len() {
        32 => {}
        16 => return Err(bad("it has 16 digits, as the id of a span")),
        count => return Err(bad(&format!("it has {count} digits"))),
    }
    match u128::from_str_radix(&digits, 16) {
        Ok(0) => Err(bad("it is zero")),
        Ok(trace_id) => Ok(trace_id),
        Err(_) => Err(bad("it is no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_in_every_form_in_which_people_meet_it() {
        for text in [
            "5759e988bd862e3fe1be46a994272793",
            "5759E988BD862E3FE1BE46A994272793",
            " 5759e988bd862e3fe1be46a994272793 ",
            "1-5759e988-bd862e3fe1be46a994272793",
            "1-5759E988-BD862E3FE1BE46A994272793",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01",
            "cc-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01-more",
        ] {
            assert_eq!(trace_id(text), Ok(0x5759_e988_bd86_2e3f_e1be_46a9_9427_2793), "{text}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused_in_words() {
        let long = "1".repeat(10_000);
        for (text, why) in [
            ("", "0 digits"),
            ("5759e988bd862e3fe1be46a99427279", "31 digits"),
            ("53995c3f42cd8ad8", "id of a span"),
            ("5759e988bd862e3fe1be46a99427279g", "other characters"),
            ("+759e988bd862e3fe1be46a994272793", "other characters"),
            ("1-5759e98-8bd862e3fe1be46a994272793", "dashes"),
            ("00-5759e988bd862e3fe1be46a994272793", "dashes"),
            ("00000000000000000000000000000000", "zero"),
            ("äöüäöüäöüäöüäöü", "other characters"),
            (long.as_str(), "10000 digits"),
        ] {
            let error = trace_id(text).unwrap_err().response().error;
            assert_eq!(error.code, "bad_trace_id", "{text}");
            assert!(error.message.contains(why) && error.message.len() < 400, "{}", error.message);
        }
    }
}
