//! The client of Envoy's admin interface: GET only, and only the pages of [`Page`].
//!
//! The same port also ends, drains and resets the proxy, so no path ever comes from outside this file. One scrape is
//! one connection: everything asked on it is answered by one process, even while another takes over the address.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::address::Address;
use super::config::Configurations;
use super::error::ScrapeError;
use super::stats;

/// From this size on, answers are decoded beside the tasks that wait on sockets.
const LARGE_BYTES: usize = 1024 * 1024;

/// How much is read of a connection at once.
const READ_BYTES: usize = 32 * 1024;

/// The unit in which memory for answers is handed out. The first one of each is free.
const UNIT_BYTES: usize = 64 * 1024;

/// How long the next piece of an answer may take before another answer is read instead. Not less, since on a busy machine
/// every answer would be begun before one is read to its end.
const STALLED_AFTER: Duration = Duration::from_millis(250);

/// What is asked of a proxy. There is nothing else that Sidecarta ever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// When the process started, and nothing else: the configuration dump with all resources filtered out.
    Process,
    /// Who the proxy is.
    ServerInfo,
    /// Counters, and histograms with Envoy's own fine bins.
    Stats(Copies),
    /// Counters, and histograms with fixed bounds, from an Envoy that does not know the fine bins.
    CoarseStats(Copies),
    /// Counters, from an Envoy that knows no bins at all.
    Counters(Copies),
    /// The statistics by which a change of the configuration is seen.
    ConfigurationSign,
    /// The configuration.
    ConfigDump,
}

/// Whether Envoy is to tell what it counts again by the origin of requests. It is never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// It may not be known how to leave them out.
    Told,
    /// They are left out.
    LeftOut,
}

impl Page {
    fn path_and_query(self) -> &'static str {
        static STATS: LazyLock<[String; 6]> = LazyLock::new(|| {
            [
                ("&histogram_buckets=detailed", false),
                ("&histogram_buckets=detailed", true),
                ("&histogram_buckets=cumulative", false),
                ("&histogram_buckets=cumulative", true),
                ("", false),
                ("", true),
            ]
            .map(|(buckets, without_copies)| {
                let filter = percent_encoded(&stats::filter(without_copies));
                format!("/stats?format=json&usedonly{buckets}&filter={filter}")
            })
        });
        static SIGN: LazyLock<String> = LazyLock::new(|| {
            let filter = percent_encoded(&format!("^({})$", stats::CONFIGURATION_SIGN));
            format!("/stats?format=json&usedonly&filter={filter}")
        });
        match self {
            Self::Process => "/config_dump?name_regex=%5E%24&mask=last_updated",
            Self::ServerInfo => "/server_info",
            Self::Stats(copies) => &STATS[copies as usize],
            Self::CoarseStats(copies) => &STATS[2 + copies as usize],
            Self::Counters(copies) => &STATS[4 + copies as usize],
            Self::ConfigurationSign => &SIGN,
            Self::ConfigDump => "/config_dump",
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Process | Self::ConfigDump => "/config_dump",
            Self::ServerInfo => "/server_info",
            Self::Stats(_) | Self::CoarseStats(_) | Self::Counters(_) | Self::ConfigurationSign => "/stats",
        })
    }
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
    /// How many answers may be read and decoded at once, over all proxies. Waiting for an answer to begin or to go on is
    /// free, so a proxy that does not answer, or stops in the middle, holds up no other.
    pub readers: Arc<Semaphore>,
    /// Memory for all answers together, see [`answer_memory`], of which those that stop in the middle keep their part.
    pub memory: Arc<Semaphore>,
    /// Room that answers are read into, kept for the next ones.
    pub rooms: Rooms,
    /// The configurations of all proxies, each once.
    pub configurations: Configurations,
}

/// Buffers that are used again: getting fresh memory for each answer costs as much as reading it.
#[derive(Clone, Debug, Default)]
pub struct Rooms(Arc<Mutex<Vec<Vec<u8>>>>);

impl Rooms {
    /// Buffers that are kept, and how large each may be.
    const MAX_KEPT: usize = 8;
    const MAX_KEPT_BYTES: usize = 4 << 20;

    fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, mut room: Vec<u8>) {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() < Self::MAX_KEPT && room.capacity() <= Self::MAX_KEPT_BYTES {
            room.clear();
            rooms.push(room);
        }
    }
}

/// Memory for answers of so many bytes at least, for [`Limits::memory`].
pub fn answer_memory(bytes: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(bytes.div_ceil(UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS)))
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
        // The same room for each piece of an answer: hyper would take ever larger ones for every connection.
        let (sender, connection) = http1::Builder::new()
            .read_buf_exact_size(Some(READ_BYTES))
            .handshake(TokioIo::new(stream))
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
        let (body, _permits) = timeout(limit, read(page, body, &self.limits)).await.map_err(too_late)??;
        if body.len() < LARGE_BYTES {
            let decoded = decode(&body);
            self.limits.rooms.give_back(body);
            return decoded;
        }
        let rooms = self.limits.rooms.clone();
        let decoding = tokio::task::spawn_blocking(move || {
            let decoded = decode(&body);
            rooms.give_back(body);
            decoded
        });
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

/// A place among those whose answers are read, and the memory that an answer takes.
type Permits<'a> = (Option<SemaphorePermit<'a>>, Option<SemaphorePermit<'a>>);

/// Reads a body to its end, and keeps the place for decoding it.
async fn read(
    page: Page,
    mut body: Incoming,
    limits: &Limits,
) -> Result<(Vec<u8>, Permits<'_>), ScrapeError> {
    let mut bytes = Vec::new();
    let (mut place, mut memory): Permits<'_> = (None, None);
    loop {
        let next = if let Ok(next) = timeout(STALLED_AFTER, body.frame()).await {
            next
        } else {
            place = None;
            body.frame().await
        };
        if place.is_none() {
            // The semaphore is never closed, so an error here cannot be; going on without a place would be right then.
            place = limits.readers.acquire().await.ok();
            // Not before, or those that wait would hold what those that read need.
            if bytes.capacity() == 0 {
                bytes = limits.rooms.take();
            }
        }
        let Some(frame) = next else { break };
        let Ok(data) = frame.map_err(|_| ScrapeError::Cut { page })?.into_data() else { continue };
        let length = bytes.len() + data.len();
        if length > limits.max_body_bytes {
            return Err(ScrapeError::TooLarge { page, limit_bytes: limits.max_body_bytes });
        }
        let missing = length / UNIT_BYTES - memory.as_ref().map_or(0, SemaphorePermit::num_permits);
        if missing > 0 {
            // Who waits for memory here holds some that others wait for.
            let more = limits.memory.try_acquire_many(missing as u32);
            let more = more.map_err(|_| ScrapeError::NoMemory { page })?;
            match &mut memory {
                Some(memory) => memory.merge(more),
                None => memory = Some(more),
            }
        }
        bytes.extend_from_slice(&data);
    }
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'<') => Err(ScrapeError::Html { page }),
        _ => Ok((bytes, (place, memory))),
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
