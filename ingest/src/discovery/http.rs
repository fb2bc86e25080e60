//! Lists of targets from a server that answers GET with JSON.

use std::str::FromStr;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri};
use tokio::sync::watch;

use super::config::HttpConfig;
use super::group::{GroupsError, TextForm, read_groups};
use super::report::{Report, kept};
use super::{Found, TargetList, pause, publish};
use crate::envoy::address::Address;
use crate::envoy::error::in_one_line;
use crate::http_get::{Get, GetError, GetLimits, get};

/// Where a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    address: Address,
    path_and_query: String,
}

/// Why a text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be asked: {reason}; write http://host:port/path")]
pub struct UrlError {
    text: String,
    reason: &'static str,
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| UrlError { text: text.to_owned(), reason };
        let uri: Uri = text.parse().map_err(|_| refuse("it is not a URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(refuse("TLS is not spoken here")),
            _ => return Err(refuse("the scheme is missing")),
        }
        let authority = uri.authority().ok_or_else(|| refuse("the host is missing"))?;
        if authority.as_str().contains('@') {
            return Err(refuse("a user cannot log in"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let has_port = authority.as_str().len() > authority.host().len();
        let port = if has_port { authority.port_u16() } else { Some(80) };
        let port = port.filter(|port| *port > 0).ok_or_else(|| refuse("the port is out of range"))?;
        if host.is_empty() {
            return Err(refuse("the host is missing"));
        }
        let path_and_query = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self { address: Address::Tcp { host, port }, path_and_query: path_and_query.to_owned() })
    }
}

/// Why a server gave no list.
#[derive(Debug, thiserror::Error)]
pub enum HttpSdError {
    /// No answer came about.
    #[error(transparent)]
    Get(#[from] GetError),
    /// The answer is something else.
    #[error("the answer has the content type `{0}`, and not application/json")]
    ContentType(String),
    /// The answer holds something else.
    #[error("the answer is of no use")]
    Groups(#[from] GroupsError),
}

/// A server that gives lists.
#[derive(Clone, Debug)]
pub struct HttpServer {
    url: ServerUrl,
    limits: GetLimits,
    every: HeaderValue,
    max_targets: usize,
    discovery: String,
    is_list_known: bool,
}

impl HttpServer {
    /// A server that has not been asked yet.
    ///
    /// # Errors
    /// If the URL is none.
    pub fn new(config: &HttpConfig, max_targets: usize) -> Result<Self, UrlError> {
        let timeout = Duration::from_millis(config.timeout_ms);
        Ok(Self {
            url: config.url.parse()?,
            limits: GetLimits { connect_timeout: timeout, timeout, max_body_bytes: config.max_body_bytes },
            every: HeaderValue::from(config.interval_ms.div_ceil(1_000)),
            max_targets,
            discovery: config.name(),
            is_list_known: false,
        })
    }

    /// Asks the server.
    pub async fn look(&mut self) -> Found {
        let looked_at = "the server".to_owned();
        match self.ask().await {
            Ok(found) => {
                self.is_list_known = true;
                Found { looked_at, ..found }
            }
            Err(error) => {
                let reason = format!(
                    "{}; {}; see that `url` is right and its server works",
                    in_one_line(&error),
                    kept(self.is_list_known)
                );
                Found { looked_at, failures: vec![reason], ..Found::default() }
            }
        }
    }

    async fn ask(&self) -> Result<Found, HttpSdError> {
        const EVERY: HeaderName = HeaderName::from_static("x-prometheus-refresh-interval-seconds");
        let extra = [(EVERY, self.every.clone())];
        let what = Get {
            path_and_query: &self.url.path_and_query,
            accept: "application/json",
            extra: &extra,
            limits: self.limits,
            readers: None,
        };
        let answer = get(&self.url.address, what).await?;
        let essence = answer.content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(HttpSdError::ContentType(answer.content_type));
        }
        let groups = read_groups(&answer.body, TextForm::Json)?;
        Ok(Found::of_groups(&groups, self.max_targets, &self.discovery))
    }
}

/// Asks again and again.
pub(super) async fn run(
    mut server: HttpServer,
    every: Duration,
    mut report: Report,
    list: watch::Sender<TargetList>,
) {
    loop {
        let found = server.look().await;
        report.looked(&found);
        publish(&list, found.targets);
        pause(every).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_or_refused_in_words() {
        let url: ServerUrl = "http://sd.mesh/targets?a=b".parse().expect("a URL");
        assert_eq!(url.address, Address::Tcp { host: "sd.mesh".to_owned(), port: 80 });
        assert_eq!(url.path_and_query, "/targets?a=b");
        for (text, reason) in [
            ("", "not a URL"),
            ("/targets", "scheme is missing"),
            ("https://sd.mesh/", "TLS"),
            ("http://user@sd.mesh/", "log in"),
            ("http://sd.mesh:0/", "port"),
            ("http://sd.mesh:99999/", "port"),
        ] {
            let error = text.parse::<ServerUrl>().expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
