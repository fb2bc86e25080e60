//! Which process pushes, as its statistics tell it.
//!
//! `server.uptime` is the whole seconds since the first of the processes that hot restarts followed, and
//! `server.hot_restart_epoch` numbers these. So the time of a message less its uptime is one second for all messages of a
//! process, give or take one where the second changed in between.

use crate::envoy::delta::Process;

/// How far the starts that two messages tell may lie apart and be one, s.
const JITTER_S: u64 = 2;

/// How a process pushes. What it counted by one way cannot be compared with what it says by another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Over its metrics service.
    Service,
    /// Over its metrics service, its counters as deltas.
    ServiceWithDeltas,
    /// As OTLP metrics.
    Otlp,
}

impl Way {
    /// What the start of a process is written with; of a process that is scraped, it is a time.
    fn words(self) -> &'static str {
        match self {
            Self::Service => "pushed",
            Self::ServiceWithDeltas => "pushed as deltas",
            Self::Otlp => "pushed as OTLP",
        }
    }

    /// The process that had been up so long at a time by its own clock, ms since 1970, which was `received_at_ns` by ours.
    pub(super) fn process(
        self,
        time_ms: i64,
        uptime_s: u64,
        restart_epoch: u64,
        received_at_ns: i64,
    ) -> Process {
        let uptime_s = i64::try_from(uptime_s).unwrap_or(i64::MAX);
        let started_s = time_ms.div_euclid(1_000).saturating_sub(uptime_s);
        Process {
            started: format!("{} {started_s}/{restart_epoch}", self.words()),
            started_at_ns: received_at_ns.saturating_sub(uptime_s.saturating_mul(1_000_000_000)).max(0),
            restart_epoch,
        }
    }

    /// The process of a proxy that does not push `server.uptime`.
    pub(super) fn unknown(self) -> Process {
        Process { started: self.words().to_owned(), started_at_ns: 0, restart_epoch: 0 }
    }
}

/// Whether it is told by what was pushed.
pub(super) fn is_pushed(process: &Process) -> bool {
    process.started.starts_with(Way::Service.words())
}

/// Whether both are one process, as far as can be told.
pub(in crate::envoy) fn is_same(one: &Process, other: &Process) -> bool {
    match (start(one), start(other)) {
        (Some((one_way, one_s)), Some((other_way, other_s))) => {
            one_way == other_way
                && one.restart_epoch == other.restart_epoch
                && one_s.abs_diff(other_s) <= JITTER_S
        }
        _ => one.started == other.started,
    }
}

/// How a process pushes, in words, and when it started, s since 1970.
fn start(process: &Process) -> Option<(&str, i64)> {
    let (way, start) = process.started.rsplit_once(' ')?;
    Some((way, start.split_once('/')?.0.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_process_tell_one_start() {
        let process =
            |time_ms, uptime_s, epoch| Way::Service.process(time_ms, uptime_s, epoch, 7_000_000_000);
        let first = process(1_795_423_236_769, 5, 0);
        assert_eq!((first.started.as_str(), first.started_at_ns), ("pushed 1795423231/0", 2_000_000_000));
        assert_eq!(process(1_795_423_246_769, 15, 0).started, first.started);
        // The second changed between the uptime and the time.
        assert!(is_same(&first, &process(1_795_423_247_001, 15, 0)));
        assert!(!is_same(&first, &process(1_795_423_247_001, 10, 0)));
        assert!(
            !is_same(&first, &process(1_795_423_246_769, 15, 1)),
            "a hot restart goes on counting uptime"
        );
        for way in [Way::ServiceWithDeltas, Way::Otlp] {
            let other = way.process(1_795_423_236_769, 5, 0, 7_000_000_000);
            assert!(is_same(&other, &other) && is_pushed(&other) && !is_same(&other, &first), "{way:?}");
        }
    }

    #[test]
    fn nothing_is_known_of_a_process_without_its_uptime() {
        let unknown = Way::Otlp.unknown();
        assert!(is_same(&unknown, &unknown) && is_pushed(&unknown));
        assert!(!is_same(&Way::Otlp.process(10_000, 3, 0, 0), &unknown));
        assert!(!is_same(&Way::Service.unknown(), &unknown));
        let scraped = Process { started: "2026-11-23T08:36:50.961Z".to_owned(), ..Process::default() };
        assert!(!is_pushed(&scraped) && !is_same(&scraped, &unknown));
        assert_eq!(Way::Otlp.process(i64::MIN, u64::MAX, u64::MAX, i64::MIN).started_at_ns, 0);
    }
}
