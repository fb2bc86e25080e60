//! Which process of a target has answered, as far as its metrics tell: a new one has counted all it counts since it started.

use serde::{Deserialize, Serialize};

use super::exposition::Exposition;
use super::family::Value;

/// How far two starts may lie apart and be one: some targets work theirs out from their uptime.
const TOLERANCE_S: f64 = 1.5;

/// What a target says of its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessSign {
    /// When it started, seconds since 1970: `process_start_time_seconds`.
    pub started_s: Option<f64>,
    /// How long an Envoy has run, s: `envoy_server_uptime`. It is behind by a flush, and zero before the first one; it goes
    /// on through hot restarts, but never falls.
    pub uptime_s: Option<f64>,
}

impl ProcessSign {
    /// Of an exposition of one process. One that was put together of many says nothing of any.
    pub fn of(exposition: &Exposition<'_>) -> Self {
        let only = |name: &str| {
            let mut samples = exposition
                .families
                .iter()
                .filter(|family| family.name == name)
                .flat_map(|family| &family.samples);
            match (samples.next().map(|sample| &sample.value), samples.next()) {
                (Some(&Value::Number(value)), None) if value.is_finite() && value >= 0.0 => Some(value),
                _ => None,
            }
        };
        Self { started_s: only("process_start_time_seconds"), uptime_s: only("envoy_server_uptime") }
    }

    /// Whether this is surely another process than the one that said so `before`.
    pub fn is_new_since(&self, before: &Self) -> bool {
        let restarted =
            self.started_s.zip(before.started_s).is_some_and(|(now, then)| now > then + TOLERANCE_S);
        restarted || self.uptime_s.zip(before.uptime_s).is_some_and(|(now, then)| now < then)
    }

    /// Whether it surely started at `time_s` or later, seconds since 1970, asked at `now_s`.
    pub fn has_started_since(&self, time_s: f64, now_s: f64) -> bool {
        let started_s = self.started_s.or(self.uptime_s.map(|uptime_s| now_s - uptime_s));
        started_s.is_some_and(|started_s| started_s >= time_s)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DecodeLimits, Format, decode};
    use super::*;

    fn sign(text: &str) -> ProcessSign {
        ProcessSign::of(&decode(text.as_bytes(), Format::Text, DecodeLimits::default()).expect("text"))
    }

    #[test]
    fn a_process_is_known_by_its_start() {
        let old = sign("process_start_time_seconds 1.7e9\n");
        assert_eq!(old, ProcessSign { started_s: Some(1.7e9), uptime_s: None });
        assert!(!sign("process_start_time_seconds 1700000001\n").is_new_since(&old), "a rounded uptime");
        assert!(sign("process_start_time_seconds 1700000002\n").is_new_since(&old));
        assert!(!sign("process_start_time_seconds 1600000000\n").is_new_since(&old), "a clock that was set");
        assert!(!sign("a 1\n").is_new_since(&old), "nothing said");
        assert!(old.has_started_since(1.7e9 - 1.0, 1.7e9) && !old.has_started_since(1.7e9 + 1.0, 1.7e9));
    }

    #[test]
    fn an_envoy_is_known_by_its_uptime() {
        let old = sign("# TYPE envoy_server_uptime gauge\nenvoy_server_uptime{} 90\n");
        assert!(sign("envoy_server_uptime{} 5\n").is_new_since(&old));
        assert!(!sign("envoy_server_uptime{} 95\n").is_new_since(&old));
        assert!(old.has_started_since(900.0, 1_000.0) && !old.has_started_since(920.0, 1_000.0));
    }

    #[test]
    fn many_processes_at_once_say_nothing() {
        let federated = "process_start_time_seconds{pod=\"a\"} 5\nprocess_start_time_seconds{pod=\"b\"} 6\n";
        assert_eq!(sign(federated), ProcessSign::default());
        assert_eq!(sign("process_start_time_seconds NaN\n"), ProcessSign::default());
    }
}
