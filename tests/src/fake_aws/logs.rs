//! CloudWatch Logs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ACCOUNT, AwsError};

/// Events that an answer holds at most, as with AWS.
const MAX_EVENTS: usize = 10_000;

/// CloudWatch Logs. Clones are one.
#[derive(Clone, Default)]
pub struct FakeLogs {
    state: Arc<Mutex<LogsState>>,
}

#[derive(Default)]
struct LogsState {
    groups: BTreeMap<String, Group>,
    /// Events on a page, where a test wants fewer.
    page: Option<usize>,
    has_empty_pages: bool,
}

#[derive(Default)]
struct Group {
    events: Vec<Event>,
    /// How many events have ever come.
    count: u64,
    /// How often the group was read.
    reads: u64,
}

#[derive(Clone)]
struct Event {
    number: u64,
    time_ms: i64,
    stream: String,
    message: String,
    /// Reads of the group after which it can be seen.
    visible_from: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    #[serde(default)]
    log_stream_names: Vec<String>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

/// Where the next page begins: behind this event. It leads to the same page however often it is used.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Token {
    time_ms: i64,
    number: u64,
    /// Whether the page is one that holds nothing.
    is_empty: bool,
}

impl FakeLogs {
    /// Makes a group without events.
    pub fn create(&self, group: &str) {
        self.lock().groups.entry(group.to_owned()).or_default();
    }

    /// Lets an answer hold so many events only.
    pub fn page_of(&self, events: usize) {
        self.lock().page = Some(events.clamp(1, MAX_EVENTS));
    }

    /// Puts a page without events before every other one.
    pub fn with_empty_pages(&self) {
        self.lock().has_empty_pages = true;
    }

    /// Puts events into a stream of a group, which is made if need be: times in ms since 1970, and lines.
    pub fn put(&self, group: &str, stream: &str, events: impl IntoIterator<Item = (i64, String)>) {
        self.put_late(group, stream, events, 0);
    }

    /// Likewise, but they can be seen only once the group has been read so many times more.
    pub fn put_late(
        &self,
        group: &str,
        stream: &str,
        events: impl IntoIterator<Item = (i64, String)>,
        reads: u64,
    ) {
        let mut state = self.lock();
        let group = state.groups.entry(group.to_owned()).or_default();
        for (time_ms, message) in events {
            group.count += 1;
            let number = group.count;
            let visible_from = group.reads + reads;
            group.events.push(Event { number, time_ms, stream: stream.to_owned(), message, visible_from });
        }
        group.events.sort_by_key(|event| (event.time_ms, event.number));
    }

    /// Forgets what was logged before a time since 1970.
    pub fn forget_before(&self, time: Duration) {
        let time_ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        for group in self.lock().groups.values_mut() {
            group.events.retain(|event| event.time_ms >= time_ms);
        }
    }

    pub(super) fn answer(&self, operation: &str, body: &Bytes) -> Result<Bytes, AwsError> {
        match operation {
            "FilterLogEvents" => {
                let filter = serde_json::from_slice(body)
                    .map_err(|error| AwsError::new(400, "SerializationException", error.to_string()))?;
                self.filter(&filter)
            }
            _ => Err(AwsError::unknown(operation)),
        }
    }

    fn filter(&self, filter: &Question) -> Result<Bytes, AwsError> {
        let name = group_name(filter)?;
        let mut state = self.lock();
        let (page, has_empty_pages) = (state.page.unwrap_or(MAX_EVENTS), state.has_empty_pages);
        let group = state.groups.get_mut(&name).ok_or_else(|| {
            AwsError::new(400, "ResourceNotFoundException", "The specified log group does not exist.")
        })?;
        group.reads += 1;
        let token = match &filter.next_token {
            Some(token) => {
                serde_json::from_str(token).map_err(|_| invalid("The specified nextToken is invalid."))?
            }
            None => Token { time_ms: i64::MIN, number: 0, is_empty: has_empty_pages },
        };
        if token.is_empty {
            return Ok(answer(&name, &[], Some(Token { is_empty: false, ..token })));
        }
        let mut found = group.events.iter().filter(|event| {
            event.visible_from < group.reads
                && (event.time_ms, event.number) > (token.time_ms, token.number)
                && filter.fits(event)
        });
        let limit = page.min(filter.limit.unwrap_or(MAX_EVENTS));
        let events: Vec<Event> = found.by_ref().take(limit).cloned().collect();
        let next = found.next().and(events.last()).map(|last| Token {
            time_ms: last.time_ms,
            number: last.number,
            is_empty: has_empty_pages,
        });
        Ok(answer(&name, &events, next))
    }

    fn lock(&self) -> MutexGuard<'_, LogsState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Question {
    fn fits(&self, event: &Event) -> bool {
        let prefix = self.log_stream_name_prefix.as_deref().unwrap_or_default();
        // Plain terms only, all of which must be there.
        let terms = self.filter_pattern.as_deref().unwrap_or_default();
        // Both ends of the range are in it.
        event.time_ms >= self.start_time.unwrap_or(i64::MIN)
            && event.time_ms <= self.end_time.unwrap_or(i64::MAX)
            && event.stream.starts_with(prefix)
            && (self.log_stream_names.is_empty() || self.log_stream_names.contains(&event.stream))
            && terms.split_whitespace().all(|term| event.message.contains(term.trim_matches('"')))
    }
}

/// A group is named by its name or its ARN, by one of them.
fn group_name(filter: &Question) -> Result<String, AwsError> {
    if filter.log_stream_name_prefix.is_some() && !filter.log_stream_names.is_empty() {
        return Err(invalid("logStreamNames and logStreamNamePrefix are mutually exclusive"));
    }
    match (&filter.log_group_name, &filter.log_group_identifier) {
        (Some(name), None) => Ok(name.clone()),
        (None, Some(arn)) if arn.ends_with(":*") => Err(invalid("the ARN may not end with :*")),
        (None, Some(arn)) => {
            let name = arn.split_once(&format!(":{ACCOUNT}:log-group:")).map_or(&**arn, |(_, name)| name);
            Ok(name.to_owned())
        }
        _ => Err(invalid("either logGroupName or logGroupIdentifier must be there")),
    }
}

fn invalid(message: &str) -> AwsError {
    AwsError::new(400, "InvalidParameterException", message)
}

fn answer(group: &str, events: &[Event], next: Option<Token>) -> Bytes {
    let events: Vec<_> = events
        .iter()
        .map(|event| {
            json!({
                "eventId": format!("{group}-{:056}", event.number),
                "ingestionTime": event.time_ms + 1_000,
                "logStreamName": event.stream,
                "message": event.message,
                "timestamp": event.time_ms,
            })
        })
        .collect();
    let mut answer = json!({"events": events, "searchedLogStreams": []});
    if let Some(next) = next {
        answer["nextToken"] = json!(json!(next).to_string());
    }
    Bytes::from(answer.to_string())
}
