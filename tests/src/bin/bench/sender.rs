//! Sending of prepared requests over a few connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::Failure;

/// The server's OTLP addresses as URLs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Doors {
    pub(crate) http: String,
    pub(crate) grpc: String,
}

/// How requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    HttpGzip,
    HttpPlain,
    GrpcGzip,
}

/// A request ready to be sent: packed for [`Way::HttpGzip`], else plain. A gRPC client packs it when it sends it.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    pub(crate) body: Bytes,
    pub(crate) spans: u32,
}

/// Requests ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) requests: Arc<Vec<Prepared>>,
    pub(crate) way: Way,
}

impl Load {
    /// Spans in all requests.
    pub(crate) fn spans(&self) -> u64 {
        self.requests.iter().map(|request| u64::from(request.spans)).sum()
    }

    /// Bytes of all requests.
    pub(crate) fn bytes(&self) -> u64 {
        self.requests.iter().map(|request| request.body.len() as u64).sum()
    }
}

/// How a load went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// Until the last acknowledgement.
    pub(crate) elapsed: Duration,
    /// Requests that were told to come again later, and did.
    pub(crate) refused: u64,
}

/// Sends everything: as fast as it is acknowledged, or at so many spans a second.
pub(crate) async fn send_all(
    doors: &Doors,
    load: &Load,
    connections: u32,
    rate: Option<u32>,
) -> Result<Sent, Failure> {
    let next = Arc::new(AtomicUsize::new(0));
    let refused = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut senders = JoinSet::<Result<(), Failure>>::new();
    for _ in 0..connections {
        let mut connection = Connection::open(doors, load.way).await?;
        let (load, next, refused) = (load.clone(), Arc::clone(&next), Arc::clone(&refused));
        senders.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(request) = load.requests.get(number) else { return Ok(()) };
                if let Some(rate) = rate {
                    let spans_before = number as f64 * f64::from(request.spans);
                    sleep_until(begin + Duration::from_secs_f64(spans_before / f64::from(rate))).await;
                }
                let times = connection.send(&request.body).await?;
                refused.fetch_add(times, Ordering::Relaxed);
            }
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended??;
    }
    Ok(Sent { elapsed: begin.elapsed(), refused: refused.load(Ordering::Relaxed) })
}

/// One connection of one sender.
#[derive(Debug)]
pub(crate) enum Connection {
    Http { client: reqwest::Client, url: String, is_gzip: bool },
    Grpc(TraceServiceClient<Channel>),
}

impl Connection {
    pub(crate) async fn open(doors: &Doors, way: Way) -> Result<Self, Failure> {
        if way == Way::GrpcGzip {
            let client = TraceServiceClient::connect(doors.grpc.clone()).await?;
            return Ok(Self::Grpc(client.send_compressed(CompressionEncoding::Gzip)));
        }
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self::Http { client, url: format!("{}/v1/traces", doors.http), is_gzip: way == Way::HttpGzip })
    }

    /// Sends a request until it is acknowledged; returns how often it was not.
    pub(crate) async fn send(&mut self, body: &Bytes) -> Result<u64, Failure> {
        let mut refused = 0;
        while let Some(wait) = self.send_once(body).await? {
            refused += 1;
            sleep(wait).await;
        }
        Ok(refused)
    }

    /// Sends a request; returns how long to wait before the next time if there has to be one.
    async fn send_once(&mut self, body: &Bytes) -> Result<Option<Duration>, Failure> {
        match self {
            Self::Http { client, url, is_gzip } => {
                let mut request =
                    client.post(&*url).header(CONTENT_TYPE, "application/x-protobuf").body(body.clone());
                if *is_gzip {
                    request = request.header(CONTENT_ENCODING, "gzip");
                }
                let answer = request.send().await?;
                let status = answer.status();
                let retry_after =
                    answer.headers().get(RETRY_AFTER).and_then(|text| text.to_str().ok()?.parse().ok());
                let content = answer.bytes().await?;
                match status {
                    // Where every span is taken the answer is empty.
                    StatusCode::OK if content.is_empty() => Ok(None),
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        Ok(Some(Duration::from_secs(retry_after.unwrap_or(1))))
                    }
                    _ => Err(format!("{status}: {}", String::from_utf8_lossy(&content)).into()),
                }
            }
            Self::Grpc(client) => {
                let request = Request::new(ExportTraceServiceRequest::decode(body.clone())?);
                match client.export(request).await {
                    Ok(answer) if answer.get_ref().partial_success.is_none() => Ok(None),
                    Ok(answer) => Err(format!("{:?}", answer.into_inner()).into()),
                    Err(status) if matches!(status.code(), Code::ResourceExhausted | Code::Unavailable) => {
                        Ok(Some(Duration::from_secs(1)))
                    }
                    Err(status) => Err(status.into()),
                }
            }
        }
    }
}
