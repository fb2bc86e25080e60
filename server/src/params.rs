//! Parameters that several handlers take.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use jiff::Timestamp;
use serde::Deserialize;
use sidecarta_queries::graph::{EvidenceDetail, GraphFilter, GraphQuery};
use sidecarta_queries::store::TimeRange;

use crate::error::ApiError;

/// The longest time range that is answered: ten years.
const MAX_RANGE_SECONDS: i64 = 10 * 366 * 86_400;

/// The parameters of everything that is read off the graph.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GraphParams {
    /// Start: RFC 3339, `now` or relative as `-15m`; default `-15m`.
    pub from: Option<String>,
    /// End, likewise; default `now`.
    pub to: Option<String>,
    /// `service` (default) or `version`.
    pub group: Option<String>,
    /// Node id or name.
    pub focus: Option<String>,
    /// Calls away from the focus; default 1.
    pub depth: Option<u32>,
    /// Least requests per second of an edge.
    pub min_rate: Option<f64>,
    /// Text in the names of nodes.
    pub find: Option<String>,
    /// `all` (default) or `none`.
    pub evidence: Option<String>,
}

impl<S: Sync> FromRequestParts<S> for GraphParams {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let query = Query::try_from_uri(&parts.uri);
        let Query(params) =
            query.map_err(|error| ApiError::bad_request("bad_parameter", error.body_text()))?;
        Ok(params)
    }
}

impl GraphParams {
    /// What they ask for at this time: of which graph, and what of it.
    ///
    /// # Errors
    /// Where a parameter cannot be understood.
    pub fn query(&self, now: Timestamp) -> Result<(GraphQuery, GraphFilter), ApiError> {
        let (from, to) = time_range(self.from.as_deref(), self.to.as_deref(), now)?;
        let by_version = match self.group.as_deref() {
            None | Some("" | "service") => false,
            Some("version") => true,
            Some(other) => {
                let message = format!("group is `service` or `version`, not `{other}`");
                return Err(ApiError::bad_request("bad_group", message));
            }
        };
        if self.min_rate.is_some_and(|rate| !rate.is_finite() || rate < 0.0) {
            return Err(ApiError::bad_request("bad_min_rate", "min_rate is a number of requests per second"));
        }
        let evidence = match self.evidence.as_deref() {
            None | Some("" | "all") => EvidenceDetail::All,
            Some("none") => EvidenceDetail::None,
            Some(other) => {
                let message = format!("evidence is `all` or `none`, not `{other}`");
                return Err(ApiError::bad_request("bad_evidence", message));
            }
        };
        let range = TimeRange::covering(from.as_second(), to.as_second());
        let filter = GraphFilter {
            focus: self.focus.clone(),
            depth: self.depth.unwrap_or(1),
            min_rate: self.min_rate,
            find: self.find.clone(),
            evidence,
        };
        Ok((GraphQuery { range, by_version, now_s: now.as_second() }, filter))
    }
}

/// The times from `from`, by default a quarter of an hour ago, to `to`, by default now.
pub(crate) fn time_range(
    from: Option<&str>,
    to: Option<&str>,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), ApiError> {
    let from = time(from.unwrap_or("-15m"), "from", now)?;
    let to = time(to.unwrap_or("now"), "to", now)?;
    if from >= to {
        return Err(ApiError::bad_request(
            "bad_time_range",
            format!("from ({from}) is not before to ({to})"),
        ));
    }
    if to.as_second() - from.as_second() > MAX_RANGE_SECONDS {
        return Err(ApiError::bad_request("bad_time_range", "the time range is longer than ten years"));
    }
    Ok((from, to))
}

/// A time: RFC 3339, `now`, or `-` with a number and one of `s`, `m`, `h`, `d`.
pub(crate) fn time(text: &str, name: &str, now: Timestamp) -> Result<Timestamp, ApiError> {
    let bad = || {
        let message = format!("{name} is RFC 3339, `now` or relative as `-15m`, not `{text}`");
        ApiError::bad_request("bad_time", message)
    };
    if text == "now" {
        return Ok(now);
    }
    let Some(back) = text.strip_prefix('-') else {
        return text.parse().map_err(|_| bad());
    };
    let unit = back.chars().last().ok_or_else(bad)?;
    let seconds_each = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let count: i64 = back[..back.len() - 1].parse().map_err(|_| bad())?;
    let back = count
        .checked_mul(seconds_each)
        .filter(|&back| (0..=MAX_RANGE_SECONDS).contains(&back))
        .ok_or_else(bad)?;
    now.checked_sub(jiff::SignedDuration::from_secs(back)).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(from: &str, to: &str) -> Result<GraphQuery, ApiError> {
        let params =
            GraphParams { from: Some(from.to_owned()), to: Some(to.to_owned()), ..GraphParams::default() };
        params.query("2026-11-23T12:00:00Z".parse().unwrap()).map(|(query, _)| query)
    }

    #[test]
    fn times_are_absolute_or_relative() {
        let range = params("-15m", "now").unwrap().range;
        assert_eq!((range.seconds(), range.to_s), (900, 1_795_435_200));
        assert_eq!(params("2026-11-23T11:00:00+01:00", "-1h").unwrap().range.seconds(), 3_600);
        assert_eq!(params("-30d", "now").unwrap().range.seconds(), 30 * 86_400);
    }

    #[test]
    fn what_is_no_time_is_refused_in_words() {
        for (from, to) in [
            ("yesterday", "now"),
            ("-5", "now"),
            ("-5x", "now"),
            ("-é", "now"),
            ("-", "now"),
            ("now", "-1h"),
            ("now", "now"),
            ("--5m", "now"),
            ("-99999999999d", "now"),
        ] {
            let error = params(from, to).unwrap_err().response().error;
            assert!(error.code.starts_with("bad_time"), "{from} to {to}: {error:?}");
        }
    }
}
