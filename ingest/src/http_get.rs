//! One GET over HTTP/1.1, within limits: how lists of targets and expositions are fetched.
//!
//! A redirect is an answer like any other and never followed: a target may not send the scraper elsewhere.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::envoy::address::Address;

/// Limits of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetLimits {
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long the answer may take from the request to its last byte.
    pub timeout: Duration,
    /// How large the answer may be, as it comes and unpacked, bytes.
    pub max_body_bytes: usize,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Get<'a> {
    /// The path with its query.
    pub(crate) path_and_query: &'a str,
    /// What is understood.
    pub(crate) accept: &'static str,
    /// More headers.
    pub(crate) extra: &'a [(HeaderName, HeaderValue)],
    pub(crate) limits: GetLimits,
    /// Limits how many answers are read at once. Waiting for an answer to begin is free, so that who never answers holds
    /// up nobody.
    pub(crate) readers: Option<&'a Arc<Semaphore>>,
}

/// What came back with status 200.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The header `Content-Type`, or nothing.
    pub(crate) content_type: String,
    /// The body, unpacked.
    pub(crate) body: Bytes,
    /// Held as long as the answer is, as one of those that are read at once.
    pub(crate) _permit: Option<OwnedSemaphorePermit>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// No connection came about; the cause says why.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// No connection came about in time.
    #[error("cannot connect within {seconds} s")]
    ConnectTimedOut {
        /// The limit.
        seconds: f64,
    },
    /// No whole answer came in time.
    #[error("no whole answer within {seconds} s")]
    TimedOut {
        /// The limit.
        seconds: f64,
    },
    /// The path makes no request.
    #[error("`{0}` cannot be asked for: it is not the path of a URL")]
    Path(String),
    /// What came back is not HTTP, or the connection broke before an answer.
    #[error("no answer")]
    Http(#[source] hyper::Error),
    /// A redirect.
    #[error(
        "answered with status {status}, a redirect to `{location}`, which is not followed: configure that address"
    )]
    Redirect {
        /// What was answered.
        status: StatusCode,
        /// Where it leads.
        location: String,
    },
    /// An answer that is neither 200 nor a redirect.
    #[error("answered with status {0}")]
    Status(StatusCode),
    /// The answer is larger than is taken.
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The answer ended before its end.
    #[error("the answer broke off in the middle")]
    Cut,
    /// The answer is packed in a way that was not offered.
    #[error("the answer is packed as `{0}`, which was not asked for")]
    Encoding(String),
    /// The answer is not the gzip that it says it is.
    #[error("the answer is not valid gzip")]
    Gzip(#[source] io::Error),
}

/// Asks `address`.
pub(crate) async fn get(address: &Address, what: Get<'_>) -> Result<Answer, GetError> {
    let limit = what.limits.connect_timeout;
    let too_late = |_| GetError::ConnectTimedOut { seconds: limit.as_secs_f64() };
    match address {
        Address::Tcp { host, port } => {
            let connecting = TcpStream::connect((host.as_str(), *port));
            let stream = timeout(limit, connecting).await.map_err(too_late)?;
            let authority = address.to_string();
            ask(stream.map_err(GetError::Connect)?, authority.trim_start_matches("http://"), what).await
        }
        Address::Unix(path) => {
            let stream = timeout(limit, UnixStream::connect(path)).await.map_err(too_late)?;
            ask(stream.map_err(GetError::Connect)?, "localhost", what).await
        }
    }
}

async fn ask(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    authority: &str,
    what: Get<'_>,
) -> Result<Answer, GetError> {
    let Get { path_and_query, accept, extra, limits, readers } = what;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = path_and_query.parse().map_err(|_| GetError::Path(path_and_query.to_owned()))?;
    let headers = request.headers_mut();
    headers.extend(extra.iter().cloned());
    headers.insert(HOST, authority.parse().map_err(|_| GetError::Path(authority.to_owned()))?);
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("sidecarta/", env!("CARGO_PKG_VERSION"))));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let asking = async {
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(GetError::Http)?;
        let _driver = AbortOnDropHandle::new(tokio::spawn(async move {
            // What breaks the connection also reaches whoever waits for the answer, and is told there.
            drop(connection.await);
        }));
        let response = sender.send_request(request).await.map_err(GetError::Http)?;
        let (head, body) = response.into_parts();
        if head.status.is_redirection() {
            let location = header(&head.headers, http::header::LOCATION).to_owned();
            return Err(GetError::Redirect { status: head.status, location });
        }
        if head.status != StatusCode::OK {
            return Err(GetError::Status(head.status));
        }
        let permit = match readers {
            // The semaphore is never closed, so an error cannot be; going on without a permit would be right then.
            Some(readers) => Arc::clone(readers).acquire_owned().await.ok(),
            None => None,
        };
        Ok((head.headers, read(body, limits.max_body_bytes).await?, permit))
    };
    let too_late = |_| GetError::TimedOut { seconds: limits.timeout.as_secs_f64() };
    let (headers, body, permit) = timeout(limits.timeout, asking).await.map_err(too_late)??;
    let encoding = header(&headers, CONTENT_ENCODING).trim().to_ascii_lowercase();
    let body = match encoding.as_str() {
        "" | "identity" => body,
        "gzip" | "x-gzip" => unpacked(body, limits.max_body_bytes).await?,
        _ => return Err(GetError::Encoding(encoding)),
    };
    Ok(Answer { content_type: header(&headers, CONTENT_TYPE).to_owned(), body, _permit: permit })
}

fn header(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn read(body: Incoming, limit_bytes: usize) -> Result<Bytes, GetError> {
    match Limited::new(body, limit_bytes).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(GetError::TooLarge { limit_bytes }),
        Err(_) => Err(GetError::Cut),
    }
}

/// Unpacks beside the tasks that wait on sockets: a small body may hold a large one.
async fn unpacked(body: Bytes, limit_bytes: usize) -> Result<Bytes, GetError> {
    let unpacking = tokio::task::spawn_blocking(move || gunzip(&body, limit_bytes));
    unpacking.await.unwrap_or(Err(GetError::Cut))
}

fn gunzip(packed: &[u8], limit_bytes: usize) -> Result<Bytes, GetError> {
    let mut plain = Vec::new();
    let one_too_many = limit_bytes as u64 + 1;
    io::copy(&mut MultiGzDecoder::new(packed).take(one_too_many), &mut plain).map_err(GetError::Gzip)?;
    if plain.len() > limit_bytes { Err(GetError::TooLarge { limit_bytes }) } else { Ok(plain.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_bomb_is_not_unpacked_beyond_the_limit() {
        let packed = gzip(&vec![b'a'; 1 << 20]);
        assert!(packed.len() < 1 << 16);
        assert!(matches!(gunzip(&packed, 1 << 16), Err(GetError::TooLarge { limit_bytes: 0x1_0000 })));
        assert_eq!(gunzip(&packed, 1 << 20).unwrap().len(), 1 << 20);
        assert!(matches!(gunzip(&packed[..packed.len() / 2], 1 << 20), Err(GetError::Gzip(_))));
        assert!(matches!(gunzip(b"plain", 100), Err(GetError::Gzip(_))));
    }
}
