//! X-Ray.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::AwsError;

/// Traces that `BatchGetTraces` takes at once.
const MAX_BATCH: usize = 5;
/// Traces that `StartTraceRetrieval` takes at once.
const MAX_RETRIEVAL: usize = 100;
/// The longest range that summaries may be asked for, s.
const MAX_RANGE_S: f64 = 6.0 * 3_600.0;
/// How often a retrieval says that it is not complete yet.
const POLLS: u32 = 2;

/// X-Ray: segment documents, found by the time of their events and given by trace. Clones are one.
#[derive(Clone)]
pub struct FakeXray {
    state: Arc<Mutex<XrayState>>,
}

struct XrayState {
    segments: Vec<Stored>,
    has_transaction_search: bool,
    page: usize,
    /// The share of traces that are not processed when they are asked for.
    unprocessed: f64,
    rng: ChaCha8Rng,
    retrievals: BTreeMap<String, Retrieval>,
    expressions: Vec<String>,
}

struct Stored {
    trace: String,
    id: String,
    event_s: f64,
    document: String,
    visible: Instant,
}

struct Retrieval {
    traces: Vec<String>,
    polls_left: u32,
    expires: bool,
}

impl Default for FakeXray {
    fn default() -> Self {
        let state = XrayState {
            segments: Vec::new(),
            has_transaction_search: false,
            page: 3,
            unprocessed: 0.0,
            rng: ChaCha8Rng::seed_from_u64(4),
            retrievals: BTreeMap::new(),
            expressions: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }
}

impl FakeXray {
    /// Puts a document, which is found from now on. One with the same id before it is kept as well, as it is by X-Ray
    /// until it has been written over.
    pub fn put(&self, document: &Value) {
        self.put_late(document, Duration::ZERO);
    }

    /// Puts a document that is found only after a while.
    pub fn put_late(&self, document: &Value, delay: Duration) {
        let text = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
        let event_s = document["end_time"].as_f64().or(document["start_time"].as_f64()).unwrap_or_default();
        let (trace, id) = (text("trace_id"), text("id"));
        self.put_raw(&trace, &id, event_s, &document.to_string(), delay);
    }

    /// Puts a text in place of a document, which need not be one.
    pub fn put_raw(&self, trace: &str, id: &str, event_s: f64, document: &str, delay: Duration) {
        let stored = Stored {
            trace: trace.to_owned(),
            id: id.to_owned(),
            event_s,
            document: document.to_owned(),
            visible: Instant::now() + delay,
        };
        self.lock().segments.push(stored);
    }

    /// Whether traces are kept in CloudWatch Logs, where `BatchGetTraces` does not find them.
    pub fn set_transaction_search(&self, has: bool) {
        self.lock().has_transaction_search = has;
    }

    /// The share of traces that are not processed when they are asked for, from 0 to 1.
    pub fn set_unprocessed(&self, share: f64) {
        self.lock().unprocessed = share;
    }

    /// Forgets the retrievals that were started, as AWS does after an hour.
    pub fn expire_retrievals(&self) {
        for retrieval in self.lock().retrievals.values_mut() {
            retrieval.expires = true;
        }
    }

    /// The filter expressions that summaries were asked with.
    pub fn expressions(&self) -> Vec<String> {
        self.lock().expressions.clone()
    }

    fn lock(&self) -> MutexGuard<'_, XrayState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer(&self, operation: &str, body: &Bytes) -> Result<Bytes, AwsError> {
        let input: Value = if body.is_empty() {
            json!({})
        } else {
            serde_json::from_slice(body).map_err(|error| invalid(error.to_string()))?
        };
        let mut state = self.lock();
        let output = match operation {
            "/TraceSummaries" => state.summaries(&input),
            "/Traces" => state.batch(&input),
            "/GetTraceSegmentDestination" => Ok(json!({
                "Destination": if state.has_transaction_search { "CloudWatchLogs" } else { "XRay" },
                "Status": "ACTIVE",
            })),
            "/StartTraceRetrieval" => state.start(&input),
            "/ListRetrievedTraces" => state.list(&input),
            _ => Err(AwsError::unknown(operation)),
        }?;
        Ok(Bytes::from(output.to_string()))
    }
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "InvalidRequestException", message)
}

fn ids(input: &Value, most: usize) -> Result<Vec<String>, AwsError> {
    let ids = input["TraceIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    if ids.is_empty() || ids.len() > most {
        return Err(invalid(format!("TraceIds must have from 1 to {most} items")));
    }
    Ok(ids)
}

/// The items of a page that begins at the number in the token, and the token of the next one.
fn page<T: Clone>(items: &[T], token: &Value, size: usize) -> Result<(Vec<T>, Option<String>), AwsError> {
    let start = match token.as_str() {
        Some(token) => token.parse().map_err(|_| invalid("NextToken is not valid"))?,
        None => 0,
    };
    let end = items.len().min(start + size);
    let next = (end < items.len()).then(|| end.to_string());
    Ok((items.get(start..end).unwrap_or_default().to_vec(), next))
}

impl XrayState {
    fn visible(&self) -> impl Iterator<Item = &Stored> {
        let now = Instant::now();
        self.segments.iter().filter(move |segment| segment.visible <= now)
    }

    fn summaries(&mut self, input: &Value) -> Result<Value, AwsError> {
        let time = |key: &str| input[key].as_f64().ok_or_else(|| invalid(format!("{key} is missing")));
        let (from, to) = (time("StartTime")?, time("EndTime")?);
        if to <= from || to - from > MAX_RANGE_S {
            return Err(invalid("the range must be at most six hours"));
        }
        if input["TimeRangeType"] != "Event" {
            return Err(invalid("the fake looks by events"));
        }
        let found: BTreeSet<&str> = self
            .visible()
            .filter(|segment| (from..to).contains(&segment.event_s))
            .map(|segment| segment.trace.as_str())
            .collect();
        let found: Vec<&str> = found.into_iter().collect();
        let (traces, next) = page(&found, &input["NextToken"], self.page)?;
        let summaries: Vec<Value> = traces.iter().map(|trace| self.summary(trace, from, to)).collect();
        let output = json!({
            "TraceSummaries": summaries,
            "ApproximateTime": from,
            "TracesProcessedCount": traces.len(),
            "NextToken": next,
        });
        self.expressions.extend(input["FilterExpression"].as_str().map(str::to_owned));
        Ok(output)
    }

    fn summary(&self, trace: &str, from: f64, to: f64) -> Value {
        let parts: Vec<&Stored> = self.visible().filter(|segment| segment.trace == trace).collect();
        let within = parts.iter().map(|part| part.event_s).filter(|event| (from..to).contains(event));
        json!({
            "Id": trace,
            "StartTime": parts.iter().map(|part| part.event_s).fold(f64::INFINITY, f64::min),
            "Duration": 0.1,
            "ResponseTime": 0.1,
            "HasFault": false,
            "HasError": false,
            "HasThrottle": false,
            "IsPartial": false,
            "Http": {},
            "Annotations": {},
            "Users": [],
            "ServiceIds": [],
            "Revision": parts.len(),
            "MatchedEventTime": within.fold(from, f64::max),
        })
    }

    fn documents(&self, trace: &str) -> Vec<Value> {
        let parts = self.visible().filter(|segment| segment.trace == trace);
        parts.map(|part| json!({"Id": part.id, "Document": part.document})).collect()
    }

    fn batch(&mut self, input: &Value) -> Result<Value, AwsError> {
        let ids = ids(input, MAX_BATCH)?;
        if self.has_transaction_search {
            return Ok(json!({"Traces": [], "UnprocessedTraceIds": []}));
        }
        let share = self.unprocessed;
        let (later, now): (Vec<String>, Vec<String>) =
            ids.into_iter().partition(|_| self.rng.random_bool(share));
        let (now, next) = page(&now, &input["NextToken"], self.page)?;
        let traces: Vec<Value> = now
            .iter()
            .map(|trace| (trace, self.documents(trace)))
            .filter(|(_, documents)| !documents.is_empty())
            .map(|(trace, documents)| {
                json!({"Id": trace, "Duration": 0.1, "LimitExceeded": false, "Segments": documents})
            })
            .collect();
        Ok(json!({"Traces": traces, "UnprocessedTraceIds": later, "NextToken": next}))
    }

    fn start(&mut self, input: &Value) -> Result<Value, AwsError> {
        let traces = ids(input, MAX_RETRIEVAL)?;
        if input["StartTime"].as_f64().is_none() || input["EndTime"].as_f64().is_none() {
            return Err(invalid("StartTime and EndTime are needed"));
        }
        let token = format!("retrieval-{}", self.retrievals.len() + 1);
        self.retrievals.insert(token.clone(), Retrieval { traces, polls_left: POLLS, expires: false });
        Ok(json!({"RetrievalToken": token}))
    }

    fn list(&mut self, input: &Value) -> Result<Value, AwsError> {
        let token = input["RetrievalToken"].as_str().unwrap_or_default();
        let unknown = || AwsError::new(404, "ResourceNotFoundException", "no such retrieval");
        let retrieval =
            self.retrievals.get_mut(token).filter(|retrieval| !retrieval.expires).ok_or_else(unknown)?;
        if retrieval.polls_left > 0 {
            retrieval.polls_left -= 1;
            return Ok(json!({"RetrievalStatus": "RUNNING", "TraceFormat": "XRAY", "Traces": []}));
        }
        let (ids, next) = page(&retrieval.traces.clone(), &input["NextToken"], self.page)?;
        let traces: Vec<Value> = ids
            .iter()
            .map(|trace| json!({"Id": trace, "Duration": 0.1, "Spans": self.documents(trace)}))
            .collect();
        Ok(json!({"RetrievalStatus": "COMPLETE", "TraceFormat": "XRAY", "Traces": traces, "NextToken": next}))
    }
}
