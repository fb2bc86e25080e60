//! Targets that DNS knows: SRV records give hosts and ports, A and AAAA records give hosts.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType as DnsRecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use tokio::sync::watch;
use tokio::time::timeout;

use super::config::{DnsConfig, RecordType};
use super::group::TargetGroup;
use super::report::{Report, kept};
use super::{Found, TargetList, pause, publish};

/// Why DNS gives no list.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The system's configuration is of no use.
    #[error("the system's name servers are not known ({0}): set `name_server`")]
    System(String),
    /// No answer, or a refusal.
    #[error("`{name}` cannot be looked up: {reason}")]
    Lookup {
        /// The name.
        name: String,
        /// What went wrong.
        reason: String,
    },
}

/// Whether a text can be asked for.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.is_ascii() && Name::from_utf8(text).is_ok()
}

/// Asks DNS for the names of one source.
#[derive(Debug)]
pub struct Resolver {
    client: TokioResolver,
    names: Vec<String>,
    record_type: RecordType,
    port: u16,
    timeout: Duration,
    max_targets: usize,
    discovery: String,
    is_list_known: bool,
}

impl Resolver {
    /// A resolver that has asked for nothing yet.
    ///
    /// # Errors
    /// If the system's name servers are wanted and not to be found.
    pub fn new(config: &DnsConfig, max_targets: usize) -> Result<Self, DnsError> {
        let timeout = Duration::from_millis(config.timeout_ms);
        let in_words = |error: NetError| DnsError::System(error.to_string());
        let mut builder = match config.name_server {
            Some(server) => asking(server),
            None => TokioResolver::builder_tokio().map_err(in_words)?,
        };
        let options = builder.options_mut();
        options.timeout = timeout;
        options.attempts = 1;
        // The interval says how often to ask; an answer kept for longer would hide what has changed.
        options.cache_size = 0;
        Ok(Self {
            client: builder.build().map_err(in_words)?,
            names: config.names.clone(),
            record_type: config.record_type,
            port: config.port.unwrap_or_default(),
            timeout,
            max_targets,
            discovery: config.name(),
            is_list_known: false,
        })
    }

    /// Asks for all names. A name that does not exist has no targets; one that cannot be looked up fails the whole list,
    /// so that its targets are not taken for gone.
    pub async fn look(&mut self) -> Found {
        let mut group = TargetGroup::default();
        let mut failures = Vec::new();
        let mut absent = Vec::new();
        for name in &self.names {
            match self.look_up(name).await {
                Ok(addresses) if addresses.is_empty() => absent.push(format!("`{name}`")),
                Ok(addresses) => group.targets.extend(addresses),
                Err(error) => failures.push(format!(
                    "{error}; {}; see that the name server works and `name_server` is right",
                    kept(self.is_list_known)
                )),
            }
        }
        let looked_at = match &absent[..] {
            [] => "DNS".to_owned(),
            absent => format!("DNS; no record is there for {}", absent.join(", ")),
        };
        if !failures.is_empty() {
            return Found { failures, looked_at, ..Found::default() };
        }
        self.is_list_known = true;
        Found { looked_at, ..Found::of_groups([&group], self.max_targets, &self.discovery) }
    }

    async fn look_up(&self, name: &str) -> Result<Vec<String>, DnsError> {
        let failed = |reason: String| DnsError::Lookup { name: name.to_owned(), reason };
        let record_type = match self.record_type {
            RecordType::Srv => DnsRecordType::SRV,
            RecordType::A => DnsRecordType::A,
            RecordType::Aaaa => DnsRecordType::AAAA,
        };
        // Search domains and several servers may each take their time; together they may take a little more.
        let looking = timeout(self.timeout.saturating_mul(3), self.client.lookup(name, record_type));
        let lookup = match looking.await {
            Err(_) => return Err(failed("no answer came in time".to_owned())),
            Ok(Err(error)) if error.is_no_records_found() => return Ok(Vec::new()),
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Ok(Ok(lookup)) => lookup,
        };
        Ok(lookup.answers().iter().filter_map(|record| self.address(&record.data)).collect())
    }

    fn address(&self, data: &RData) -> Option<String> {
        match data {
            RData::SRV(record) => {
                let host = record.target.to_utf8();
                let host = host.trim_end_matches('.');
                // The root as target says that the service is decidedly not there.
                (!host.is_empty()).then(|| format!("{host}:{}", record.port))
            }
            RData::A(address) => Some(format!("{}:{}", address.0, self.port)),
            RData::AAAA(address) => Some(format!("[{}]:{}", address.0, self.port)),
            _ => None,
        }
    }
}

fn asking(server: SocketAddr) -> ResolverBuilder<TokioRuntimeProvider> {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.into());
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
}

/// Asks again and again.
pub(super) async fn run(
    mut resolver: Resolver,
    every: Duration,
    mut report: Report,
    list: watch::Sender<TargetList>,
) {
    loop {
        let found = resolver.look().await;
        report.looked(&found);
        publish(&list, found.targets);
        pause(every).await;
    }
}
