//! The client of Envoy's admin interface: GET only, and only the pages of [`Page`].
//!
//! The same port also ends, drains and resets the proxy, so no path ever comes from outside this file. One scrape is
//! one connection: everything asked on it is answered by one process, even while another takes over the address.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::address::Address;
use super::error::ScrapeError;
use super::stats;

/// From this size on, answers are decoded beside the tasks that wait on sockets.
const LARGE_BYTES: usize = 256 * 1024;

/// What is asked of a proxy. There is nothing else that Sidecarta ever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// When the process started, and nothing else: the configuration dump with all resources filtered out.
    Process,
    /// Who the proxy is.
    ServerInfo,
    /// Counters, and histograms with Envoy's own fine bins.
    Stats,
    /// Counters, and histograms with fixed bounds, from an Envoy that does not know the fine bins.
    CoarseStats,
    /// Counters, from an Envoy that knows no bins at all.
    Counters,
    /// The configuration.
    ConfigDump,
}

impl Page {
    fn path_and_query(self) -> String {
        match self {
            Self::Process => "/config_dump?name_regex=%5E%24&mask=last_updated".to_owned(),
            Self::ServerInfo => "/server_info".to_owned(),
            Self::Stats => statistics("&histogram_buckets=detailed"),
            Self::CoarseStats => statistics("&histogram_buckets=cumulative"),
            Self::Counters => statistics(""),
            Self::ConfigDump => "/config_dump".to_owned(),
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Process | Self::ConfigDump => "/config_dump",
            Self::ServerInfo => "/server_info",
            Self::Stats | Self::CoarseStats | Self::Counters => "/stats",
        })
    }
}

fn statistics(buckets: &str) -> String {
    format!("/stats?format=json&usedonly{buckets}&filter={}", percent_encoded(&stats::filter()))
}

/// Limits that hold for every proxy. Clones share the limit on answers read at once.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long an answer may take to begin, and then to end.
    pub timeout: Duration,
    /// How large an answer may be.
    pub max_body_bytes: usize,
    /// How many answers may be read and decoded at once, over all proxies. Waiting for an answer to begin is free, so
    /// a proxy that never answers holds up no other.
    pub readers: Arc<Semaphore>,
}

/// One connection to one proxy.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    host: String,
    limits: Limits,
    _driver: AbortOnDropHandle<()>,
}

impl Connection {
    /// Connects to a proxy.
    pub async fn open(address: &Address, limits: &Limits) -> Result<Self, ScrapeError> {
        let opening = async {
            match address {
                Address::Tcp { host, port } => {
                    let stream =
                        TcpStream::connect((host.as_str(), *port)).await.map_err(ScrapeError::Connect)?;
                    let host = if host.contains(':') {
                        format!("[{host}]:{port}")
                    } else {
                        format!("{host}:{port}")
                    };
                    Self::over(stream, host, limits).await
                }
                Address::Unix(path) => {
                    let stream = UnixStream::connect(path).await.map_err(ScrapeError::Connect)?;
                    Self::over(stream, "localhost".to_owned(), limits).await
                }
            }
        };
        let too_late = |_| ScrapeError::ConnectTimedOut { seconds: limits.connect_timeout.as_secs_f64() };
        timeout(limits.connect_timeout, opening).await.map_err(too_late)?
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        host: String,
        limits: &Limits,
    ) -> Result<Self, ScrapeError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|source| ScrapeError::Http { page: Page::Process, source })?;
        let driver = tokio::spawn(async move {
            // What breaks the connection also reaches whoever waits for an answer on it, and is told there.
            drop(connection.await);
        });
        Ok(Self { sender, host, limits: limits.clone(), _driver: AbortOnDropHandle::new(driver) })
    }

    /// Asks for a page and gives what `decode` makes of its body.
    pub async fn get<T: Send + 'static>(
        &mut self,
        page: Page,
        decode: impl FnOnce(&[u8]) -> Result<T, ScrapeError> + Send + 'static,
    ) -> Result<T, ScrapeError> {
        let limit = self.limits.timeout;
        let too_late = |_| ScrapeError::TimedOut { page, seconds: limit.as_secs_f64() };
        let body = timeout(limit, self.ask(page)).await.map_err(too_late)??;
        // The semaphore is never closed, so an error here cannot be; going on without a permit would be right then.
        let _permit = self.limits.readers.acquire().await.ok();
        let body = timeout(limit, read(page, body, self.limits.max_body_bytes)).await.map_err(too_late)??;
        if body.len() < LARGE_BYTES {
            return decode(&body);
        }
        let decoding = tokio::task::spawn_blocking(move || decode(&body));
        decoding.await.unwrap_or(Err(ScrapeError::NotDecoded { page }))
    }

    async fn ask(&mut self, page: Page) -> Result<Incoming, ScrapeError> {
        let broken = |source| ScrapeError::Http { page, source };
        self.sender.ready().await.map_err(broken)?;
        let mut request = Request::new(Empty::new());
        if let Ok(uri) = page.path_and_query().parse() {
            *request.uri_mut() = uri;
        }
        if let Ok(host) = self.host.parse() {
            request.headers_mut().insert(HOST, host);
        }
        request.headers_mut().insert(ACCEPT, http::HeaderValue::from_static("application/json"));
        let response = self.sender.send_request(request).await.map_err(broken)?;
        let is_html = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"));
        // A redirect is an answer like any other: it is never followed.
        if response.status() != StatusCode::OK {
            return Err(ScrapeError::Status { page, status: response.status() });
        }
        if is_html {
            return Err(ScrapeError::Html { page });
        }
        Ok(response.into_body())
    }
}

async fn read(page: Page, body: Incoming, limit_bytes: usize) -> Result<Bytes, ScrapeError> {
    let body = match Limited::new(body, limit_bytes).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Err(ScrapeError::TooLarge { page, limit_bytes });
        }
        Err(_) => return Err(ScrapeError::Cut { page }),
    };
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => Err(ScrapeError::Html { page }),
        _ => Ok(body),
    }
}

fn percent_encoded(text: &str) -> String {
    use fmt::Write as _;
    let mut encoded = String::with_capacity(2 * text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
