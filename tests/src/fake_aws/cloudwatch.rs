//! CloudWatch's metrics, in CBOR as the SDK speaks it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use aws_smithy_cbor::{Decoder, Encoder};
use axum::body::Bytes;
use serde_json::{Map, Value, json};

use super::AwsError;

/// How many metrics one page lists.
const LISTED: usize = 50;
/// How many queries one call may have.
const QUERIES: usize = 500;

/// A metric's name and its dimensions.
type Name = (String, BTreeMap<String, String>);

/// The metrics. Clones are one.
#[derive(Clone, Default)]
pub struct FakeMetrics {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Samples by metric and minute since 1970.
    metrics: BTreeMap<Name, BTreeMap<i64, Vec<f64>>>,
    /// Data points of a page; no limit where it is none.
    page: Option<usize>,
    /// How many metrics were asked for, by what was billed.
    asked: u64,
}

impl FakeMetrics {
    /// Adds samples to a minute since 1970 of a metric of a call: the cluster and the service that calls, and the name that it
    /// calls.
    pub fn put(&self, metric: &str, [cluster, service, discovery]: [&str; 3], minute: i64, samples: &[f64]) {
        let dimensions =
            [("ClusterName", cluster), ("ServiceName", service), ("TargetDiscoveryName", discovery)];
        let dimensions = dimensions.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut state = self.lock();
        let minutes = state.metrics.entry((metric.to_owned(), dimensions.into())).or_default();
        minutes.entry(minute).or_default().extend(samples);
    }

    /// Lets every page hold so many data points at most.
    pub fn page(&self, points: usize) {
        self.lock().page = Some(points);
    }

    /// How many metrics were asked for.
    pub fn asked(&self) -> u64 {
        self.lock().asked
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn answer(&self, operation: &str, body: &Bytes) -> Result<Bytes, AwsError> {
        let refused =
            |error: DeserializeError| AwsError::new(400, "SerializationException", error.to_string());
        let asked = read(&mut Decoder::new(body)).map_err(refused)?;
        let mut state = self.lock();
        let answer = match operation {
            "ListMetrics" => state.list(&asked),
            "GetMetricData" => state.data(&asked)?,
            _ => return Err(AwsError::unknown(operation)),
        };
        let mut encoder = Encoder::new(Vec::new());
        write(&mut encoder, "", &answer);
        Ok(Bytes::from(encoder.into_writer()))
    }
}

impl State {
    fn list(&self, asked: &Value) -> Value {
        let filters = asked["Dimensions"].as_array().cloned().unwrap_or_default();
        let passes = |(_, dimensions): &&Name| {
            filters.iter().all(|filter| {
                let value = filter["Name"].as_str().and_then(|name| dimensions.get(name));
                value.is_some_and(|value| filter["Value"].as_str().is_none_or(|wanted| wanted == value))
            })
        };
        let found: Vec<&Name> = self.metrics.keys().filter(passes).collect();
        let start = token(asked);
        let listed: Vec<Value> = found
            .iter()
            .skip(start)
            .take(LISTED)
            .map(|(metric, dimensions)| {
                let pairs = dimensions.iter().map(|(name, value)| json!({"Name": name, "Value": value}));
                let pairs: Vec<Value> = pairs.collect();
                json!({"Namespace": "AWS/ECS", "MetricName": metric, "Dimensions": pairs})
            })
            .collect();
        with_token(json!({"Metrics": listed}), start + LISTED, found.len())
    }

    fn data(&mut self, asked: &Value) -> Result<Value, AwsError> {
        let queries = asked["MetricDataQueries"].as_array().cloned().unwrap_or_default();
        if queries.len() > QUERIES {
            return Err(AwsError::new(400, "ValidationError", "The maximum number of queries is 500."));
        }
        let minute = |name: &str| asked[name].as_i64().unwrap_or_default().div_euclid(60);
        let range = minute("StartTime")..minute("EndTime");
        let mut billed: BTreeMap<Name, u64> = BTreeMap::new();
        let mut points: Vec<(usize, i64, f64)> = Vec::new();
        for (number, query) in queries.iter().enumerate() {
            let metric = &query["MetricStat"]["Metric"];
            let pairs = metric["Dimensions"].as_array().cloned().unwrap_or_default();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let dimensions = pairs.iter().map(|pair| (text(&pair["Name"]), text(&pair["Value"])));
            let name: Name = (text(&metric["MetricName"]), dimensions.collect());
            let minutes = self.metrics.get(&name);
            *billed.entry(name).or_default() += 1;
            let statistic = query["MetricStat"]["Stat"].as_str().unwrap_or_default();
            for (&minute, samples) in minutes.into_iter().flat_map(|minutes| minutes.range(range.clone())) {
                points.push((number, minute * 60, statistic_of(statistic, samples)));
            }
        }
        // Five statistics of a metric are billed as one.
        self.asked += billed.values().map(|statistics| statistics.div_ceil(5)).sum::<u64>();
        let (start, all) = (token(asked), points.len());
        let end = self.page.map_or(all, |page| all.min(start + page));
        let results: Vec<Value> = queries
            .iter()
            .enumerate()
            .map(|(number, query)| {
                let of = |points: &[(usize, i64, f64)]| -> Vec<(i64, f64)> {
                    let of_query = points.iter().filter(|point| point.0 == number);
                    of_query.map(|&(_, second, value)| (second, value)).collect()
                };
                let told = of(&points[start.min(end)..end]);
                let is_complete = of(&points[end..]).is_empty();
                json!({
                    "Id": query["Id"],
                    "Label": query["Id"],
                    "Timestamps": told.iter().map(|point| point.0).collect::<Vec<_>>(),
                    "Values": told.iter().map(|point| point.1).collect::<Vec<_>>(),
                    "StatusCode": if is_complete { "Complete" } else { "PartialData" },
                })
            })
            .collect();
        Ok(with_token(json!({"MetricDataResults": results, "Messages": []}), end, all))
    }
}

fn token(asked: &Value) -> usize {
    asked["NextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0)
}

fn with_token(mut answer: Value, end: usize, all: usize) -> Value {
    if end < all {
        answer["NextToken"] = json!(end.to_string());
    }
    answer
}

fn statistic_of(statistic: &str, samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((share * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len()) - 1];
    match statistic {
        "Sum" => sorted.iter().sum(),
        "SampleCount" => sorted.len() as f64,
        "Maximum" => at(1.0),
        percentile => at(percentile.trim_start_matches('p').parse().unwrap_or(0.0) / 100.0),
    }
}

/// A value of CBOR as JSON has it; times are whole seconds.
fn read(decoder: &mut Decoder<'_>) -> Result<Value, DeserializeError> {
    Ok(match decoder.datatype()? {
        Type::Map | Type::MapIndef => {
            let mut left = decoder.map()?;
            let mut map = Map::new();
            while more(decoder, &mut left)? {
                let key = decoder.string()?;
                map.insert(key, read(decoder)?);
            }
            Value::Object(map)
        }
        Type::Array | Type::ArrayIndef => {
            let mut left = decoder.list()?;
            let mut list = Vec::new();
            while more(decoder, &mut left)? {
                list.push(read(decoder)?);
            }
            Value::Array(list)
        }
        Type::String | Type::StringIndef => json!(decoder.string()?),
        Type::Tag => json!(decoder.timestamp()?.secs()),
        Type::Bool => json!(decoder.boolean()?),
        Type::F16 | Type::F32 | Type::F64 => json!(decoder.double()?),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
            json!(decoder.long()?)
        }
        _ => {
            decoder.skip()?;
            Value::Null
        }
    })
}

/// Whether a list or map goes on.
fn more(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DeserializeError> {
    match left {
        Some(0) => Ok(false),
        Some(left) => {
            *left -= 1;
            Ok(true)
        }
        None if decoder.datatype()? == Type::Break => {
            decoder.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

/// Writes what [`read`] reads; the numbers of `Timestamps` are times, and all others have a fraction.
fn write(encoder: &mut Encoder, key: &str, value: &Value) {
    match value {
        Value::Object(map) => {
            encoder.map(map.len());
            for (key, value) in map {
                encoder.str(key);
                write(encoder, key, value);
            }
        }
        Value::Array(list) => {
            encoder.array(list.len());
            for value in list {
                write(encoder, key, value);
            }
        }
        Value::String(text) => {
            encoder.str(text);
        }
        Value::Number(number) if key == "Timestamps" => {
            let seconds = number.as_i64().unwrap_or_default();
            encoder.timestamp(&aws_smithy_types::DateTime::from_secs(seconds));
        }
        Value::Number(number) => {
            encoder.double(number.as_f64().unwrap_or_default());
        }
        Value::Bool(_) | Value::Null => {
            encoder.null();
        }
    }
}
