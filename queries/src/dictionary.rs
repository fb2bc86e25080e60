//! The dictionary of Envoy's statistics: which are kept, what each counts, and what it means for the mesh.
//!
//! One table says it for the scraper, which asks for nothing else, for the API and the dashboard, which show the words,
//! and for `docs/envoy.md`. A statistic is stored by its [`StatId`], which never changes its meaning.

mod cluster;
mod downstream;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::rows::outcome::flag_name;

/// The number that a statistic is stored under. Statistics of a response code are numbered by the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatId(pub i16);

impl StatId {
    /// Final responses: `upstream_rq_completed`.
    pub const REQUESTS: Self = Self(1);
    /// Final responses of class 1xx; the classes up to 5xx follow.
    const CLASSES: Self = Self(2);
    /// Final responses of class 5xx.
    pub const RESPONSES_5XX: Self = Self::class(4);
    /// Tries sent: `upstream_rq_total`.
    pub const ATTEMPTS: Self = Self(7);
    /// Tries beyond the first: `upstream_rq_retry`.
    pub const RETRIES: Self = Self(8);
    /// Requests that ran into the route's time limit: `upstream_rq_timeout`.
    pub const TIMEOUTS: Self = Self(9);
    /// Connections that could not be made: `upstream_cx_connect_fail`.
    pub const CONNECTION_FAILURES: Self = Self(10);
    /// TLS handshakes: `ssl.handshake`.
    pub const TLS_HANDSHAKES: Self = Self(11);
    /// Answers of a connection manager: `downstream_rq_completed`.
    pub const DOWNSTREAM_REQUESTS: Self = Self(200);
    /// Answers of a connection manager of class 5xx.
    pub const DOWNSTREAM_5XX: Self = Self(205);
    /// Requests that ran into a connection manager's time limit.
    pub const DOWNSTREAM_TIMEOUTS: Self = Self(220);
    /// Requests that a breaker refused while they waited for a connection: `upstream_rq_pending_overflow`.
    pub const PENDING_OVERFLOWS: Self = Self(50);
    /// Requests that a breaker refused for too many in flight: `upstream_rq_active_overflow`.
    pub const ACTIVE_OVERFLOWS: Self = Self(51);
    /// Connections made: `upstream_cx_total`.
    pub const CONNECTIONS: Self = Self(74);
    /// When the first certificate expires, seconds since 1970.
    pub const CERTIFICATE_EXPIRY: Self = Self(12);

    /// Final answers with this HTTP status, of 100 to 999.
    pub const fn http_status(status: u16) -> Self {
        Self(FINAL_ANSWERS + status as i16)
    }

    /// The HTTP status of final answers that this counts, if it does.
    pub fn as_http_status(self) -> Option<u16> {
        let status = self.0.checked_sub(FINAL_ANSWERS).filter(|status| (100..1_000).contains(status))?;
        u16::try_from(status).ok()
    }

    /// Answers with this gRPC status, as spans and access logs tell.
    pub const fn grpc_status(status: u8) -> Self {
        Self(GRPC_STATUSES + status as i16)
    }

    /// The gRPC status of answers that this counts, if it does.
    pub fn as_grpc_status(self) -> Option<u8> {
        let status = self.0.checked_sub(GRPC_STATUSES).filter(|status| (0..100).contains(status))?;
        u8::try_from(status).ok()
    }

    /// Requests with the response flag of this number, see [`flag_name`].
    pub const fn flag(number: i16) -> Self {
        Self(RESPONSE_FLAGS + number)
    }

    /// The short name of the response flag that this counts, if it does.
    pub fn as_flag(self) -> Option<&'static str> {
        let number = self.0.checked_sub(RESPONSE_FLAGS).filter(|number| (0..200).contains(number))?;
        flag_name(u8::try_from(number).ok()?)
    }

    /// The class of answers, 0 for 1xx to 4 for 5xx, that this counts for a cluster, a route or a connection manager, if it does.
    pub fn as_class(self) -> Option<usize> {
        const DOWNSTREAM_CLASSES: i16 = StatId::DOWNSTREAM_5XX.0 - 4;
        let class = [Self::CLASSES.0, DOWNSTREAM_CLASSES]
            .into_iter()
            .find_map(|first| self.0.checked_sub(first).filter(|class| (0..5).contains(class)))?;
        usize::try_from(class).ok()
    }

    /// Final responses of a class, 0 for 1xx to 4 for 5xx.
    pub const fn class(index: i16) -> Self {
        Self(Self::CLASSES.0 + index)
    }
}

/// What a statistic belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// An upstream cluster.
    Cluster,
    /// A route with a `stat_prefix`, or a virtual cluster.
    Route,
    /// One endpoint of a cluster.
    Endpoint,
    /// An HTTP connection manager.
    Manager,
    /// A listener.
    Listener,
    /// The process.
    Server,
}

/// How a statistic moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It counts up; what is stored are the differences.
    Counter,
    /// It goes up and down; what is stored is where it stands.
    Gauge,
}

/// What an operator looks for when a statistic matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Final answers.
    Requests,
    /// Tries and retries.
    Retries,
    /// Time limits.
    Timeouts,
    /// Streams and connections that broke.
    Resets,
    /// Circuit breakers.
    Breakers,
    /// Connections.
    Connections,
    /// Outlier detection.
    Outliers,
    /// Hosts and health checks.
    Hosts,
    /// TLS.
    Tls,
    /// What Envoy itself counts as canary traffic.
    Canary,
    /// The process.
    Process,
}

impl Topic {
    /// The heading over the topic's statistics.
    pub fn title(self) -> &'static str {
        match self {
            Self::Requests => "Final answers",
            Self::Retries => "Tries and retries",
            Self::Timeouts => "Timeouts",
            Self::Resets => "Resets",
            Self::Breakers => "Circuit breakers",
            Self::Connections => "Connections",
            Self::Outliers => "Outlier detection",
            Self::Hosts => "Hosts and health checks",
            Self::Tls => "TLS",
            Self::Canary => "Canary hosts",
            Self::Process => "Process",
        }
    }
}

/// One statistic.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    /// The number that it is stored under.
    pub id: StatId,
    /// What has it.
    pub scopes: &'static [Scope],
    /// Its name behind that of what has it.
    pub name: &'static str,
    /// How it moves.
    pub kind: Kind,
    /// What it is about.
    pub topic: Topic,
    /// What it means, in a sentence without its full stop.
    pub meaning: &'static str,
}

/// Builds a row of the tables.
const fn stat(
    id: i16,
    scopes: &'static [Scope],
    name: &'static str,
    kind: Kind,
    topic: Topic,
    meaning: &'static str,
) -> Stat {
    Stat { id: StatId(id), scopes, name, kind, topic, meaning }
}

/// Every statistic that has a name of its own.
pub fn stats() -> impl Iterator<Item = &'static Stat> {
    cluster::STATS.iter().chain(downstream::STATS)
}

/// Number of the final answers with status 0.
const FINAL_ANSWERS: i16 = 10_000;
/// Number of the answers with gRPC status 0. No statistic of Envoy is numbered like this.
const GRPC_STATUSES: i16 = 13_000;
/// Number of the response flag 0. No statistic of Envoy is numbered like this.
const RESPONSE_FLAGS: i16 = 14_000;

/// Families of counters by response code: the name before the code, the number of code 0, topic, meaning.
const BY_CODE: [(&str, i16, Topic, &str); 3] = [
    ("upstream_rq_", FINAL_ANSWERS, Topic::Requests, "Final answers with status"),
    (
        "retry.upstream_rq_",
        11_000,
        Topic::Retries,
        "Answers that were not passed on but retried, with status",
    ),
    (
        "canary.upstream_rq_",
        12_000,
        Topic::Canary,
        "Final answers of hosts that are marked as canaries, with status",
    ),
];

/// The statistic with this name behind that of what has it.
pub fn find(scope: Scope, name: &str) -> Option<(StatId, Kind)> {
    static BY_NAME: LazyLock<foldhash::HashMap<&str, Vec<&Stat>>> = LazyLock::new(|| {
        let mut by_name: foldhash::HashMap<&str, Vec<&Stat>> = foldhash::HashMap::default();
        stats().for_each(|stat| by_name.entry(stat.name).or_default().push(stat));
        by_name
    });
    if let Some(stats) = BY_NAME.get(name) {
        let stat = stats.iter().find(|stat| stat.scopes.contains(&scope))?;
        return Some((stat.id, stat.kind));
    }
    if !matches!(scope, Scope::Cluster | Scope::Route) {
        return None;
    }
    BY_CODE.iter().find_map(|(prefix, first, ..)| {
        let code = name.strip_prefix(prefix)?;
        let code: i16 = if code.len() == 3 { code.parse().ok()? } else { return None };
        (100..1_000).contains(&code).then_some((StatId(first + code), Kind::Counter))
    })
}

/// A statistic in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Its name in Envoy, behind that of what has it.
    pub name: String,
    /// How it moves.
    pub kind: Kind,
    /// What it is about.
    pub topic: Topic,
    /// What it means.
    pub meaning: String,
}

/// What a stored number stands for; nothing where no version of Sidecarta has given it out.
pub fn words(id: StatId) -> Option<Words> {
    static BY_ID: LazyLock<HashMap<StatId, &Stat>> =
        LazyLock::new(|| stats().map(|stat| (stat.id, stat)).collect());
    if let Some(stat) = BY_ID.get(&id) {
        let meaning = stat.meaning.to_owned();
        return Some(Words { name: stat.name.to_owned(), kind: stat.kind, topic: stat.topic, meaning });
    }
    BY_CODE.iter().find_map(|&(prefix, first, topic, meaning)| {
        let code = id.0.checked_sub(first).filter(|code| (100..1_000).contains(code))?;
        let (name, meaning) = (format!("{prefix}{code}"), format!("{meaning} {code}"));
        Some(Words { name, kind: Kind::Counter, topic, meaning })
    })
}

/// Statistics that are worth a look as soon as they are not zero: failures, limits that were reached, and what is open or
/// out of order.
const TROUBLE: &[i16] = &[
    6, 9, 10, 15, 21, 22, 25, 28, 30, 31, 32, 40, 43, 45, 50, 51, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 70,
    71, 72, 73, 80, 81, 82, 83, 84, 85, 86, 87, 88, 92, 95, 98, 99, 100, 112, 113, 114, 115, 116, 117, 118,
    134, 142, 143, 147, 205, 208, 209, 212, 213, 220, 221, 222, 223, 232, 252, 253, 254, 255, 256, 257, 307,
    308,
];

/// Whether a statistic is worth a look as soon as it is not zero.
pub fn is_trouble(id: StatId) -> bool {
    let is_failure = |(_, first, ..): &(&str, i16, Topic, &str)| (first + 500..first + 600).contains(&id.0);
    TROUBLE.binary_search(&id.0).is_ok() || BY_CODE.iter().any(is_failure)
}

/// The table of `docs/envoy.md`.
pub fn markdown() -> String {
    let mut text = String::from("| statistic | of | meaning |\n|---|---|---|\n");
    let mut sorted: Vec<&Stat> = stats().collect();
    sorted.sort_by_key(|stat| (stat.topic, stat.id));
    for stat in sorted {
        let of: Vec<&str> = stat.scopes.iter().map(|scope| scope.words()).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `{}` | {} | {} |", stat.name, of.join(", "), stat.meaning);
    }
    for (prefix, _, _, meaning) in BY_CODE {
        let _ = writeln!(text, "| `{prefix}<code>` | cluster, route | {meaning} `<code>` |");
    }
    text
}

impl Scope {
    /// What it is called in the mesh.
    pub fn words(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Route => "route",
            Self::Endpoint => "endpoint",
            Self::Manager => "connection manager",
            Self::Listener => "listener",
            Self::Server => "process",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_number_and_no_name_is_given_twice() {
        let mut ids = HashSet::new();
        let mut names = HashSet::new();
        for stat in stats() {
            assert!(ids.insert(stat.id), "{} has the number of another", stat.name);
            assert!(stat.id.0 < 10_000);
            for scope in stat.scopes {
                assert!(names.insert((scope, stat.name)), "{} stands there twice", stat.name);
                assert_eq!(find(*scope, stat.name), Some((stat.id, stat.kind)));
            }
            assert_eq!(words(stat.id).map(|words| words.name), Some(stat.name.to_owned()));
            assert!(!stat.meaning.ends_with('.') && !stat.meaning.is_empty(), "{}", stat.name);
        }
    }

    #[test]
    fn response_codes_are_numbered_by_themselves() {
        let (id, _) = find(Scope::Cluster, "upstream_rq_503").unwrap();
        assert_eq!(id, StatId(10_503));
        assert_eq!(words(id).unwrap().meaning, "Final answers with status 503");
        assert_eq!(find(Scope::Route, "retry.upstream_rq_503"), Some((StatId(11_503), Kind::Counter)));
        for name in
            ["upstream_rq_99", "upstream_rq_0503", "upstream_rq_+50", "upstream_rq_é00", "upstream_rq_"]
        {
            assert_eq!(find(Scope::Cluster, name), None, "{name}");
        }
        assert_eq!(find(Scope::Listener, "upstream_rq_503"), None);
        assert_eq!(words(StatId(9_999)), None);
    }

    #[test]
    fn trouble_is_in_the_table_and_sorted() {
        assert!(TROUBLE.is_sorted());
        assert!(TROUBLE.iter().all(|&id| words(StatId(id)).is_some()));
        assert!(is_trouble(StatId(10_503)) && !is_trouble(StatId(10_404)) && !is_trouble(StatId::REQUESTS));
    }

    #[test]
    fn what_the_code_counts_by_is_what_the_table_says() {
        for (id, name) in [
            (StatId::REQUESTS, "upstream_rq_completed"),
            (StatId::RESPONSES_5XX, "upstream_rq_5xx"),
            (StatId::class(0), "upstream_rq_1xx"),
            (StatId::ATTEMPTS, "upstream_rq_total"),
            (StatId::RETRIES, "upstream_rq_retry"),
            (StatId::TIMEOUTS, "upstream_rq_timeout"),
            (StatId::CONNECTION_FAILURES, "upstream_cx_connect_fail"),
            (StatId::TLS_HANDSHAKES, "ssl.handshake"),
        ] {
            assert_eq!(find(Scope::Cluster, name).map(|(id, _)| id), Some(id), "{name}");
        }
    }

    #[test]
    fn the_documentation_holds_the_whole_table() {
        let documentation = include_str!("../../docs/envoy.md");
        let missing: Vec<String> =
            markdown().lines().filter(|line| !documentation.contains(line)).map(str::to_owned).collect();
        assert_eq!(missing, Vec::<String>::new(), "docs/envoy.md lacks these lines");
    }
}
