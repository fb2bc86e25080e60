//! Sending traces, by gRPC and by HTTP.

use std::io::Write as _;
use std::net::SocketAddr;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::Status;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint, Error};

use super::http::Answer;

/// The content type of protobuf.
pub const PROTOBUF: &str = "application/x-protobuf";
/// The content type of JSON.
pub const JSON: &str = "application/json";

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
    /// What HTTP calls deflate: zlib.
    Deflate,
}

impl Encoding {
    /// The word in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }
}

/// These bytes, compressed.
pub fn with_encoding(encoding: Encoding, plain: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Identity => plain.to_vec(),
        Encoding::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(plain).and_then(|()| encoder.finish()).expect("gzip into memory")
        }
        Encoding::Zstd => zstd::encode_all(plain, 1).expect("zstd into memory"),
        Encoding::Deflate => {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(plain).and_then(|()| encoder.finish()).expect("zlib into memory")
        }
    }
}

/// Posts a body, compressed already, to an OTLP address such as `http://…/v1/traces`.
///
/// # Errors
/// If nobody answers.
pub async fn post_traces(
    client: &reqwest::Client,
    url: &str,
    content_type: &str,
    encoding: Encoding,
    body: Vec<u8>,
) -> reqwest::Result<Answer> {
    let mut request = client.post(url).header("content-type", content_type).body(body);
    if encoding != Encoding::Identity {
        request = request.header("content-encoding", encoding.name());
    }
    Answer::to(request).await
}

/// A gRPC client of the trace service.
#[derive(Clone, Debug)]
pub struct GrpcSender {
    client: TraceServiceClient<Channel>,
}

impl GrpcSender {
    /// Connects. `Identity`, `Gzip` and `Zstd` are what gRPC has.
    ///
    /// # Errors
    /// If nobody listens there.
    pub async fn connect(address: SocketAddr, encoding: Encoding) -> Result<Self, Error> {
        let channel = Endpoint::from_shared(format!("http://{address}"))?.connect().await?;
        let client = TraceServiceClient::new(channel).max_encoding_message_size(usize::MAX);
        let client = match encoding {
            Encoding::Identity => client,
            Encoding::Gzip => client.send_compressed(CompressionEncoding::Gzip),
            Encoding::Zstd => client.send_compressed(CompressionEncoding::Zstd),
            Encoding::Deflate => panic!("gRPC has no client for deflate"),
        };
        Ok(Self { client })
    }

    /// Sends a request.
    ///
    /// # Errors
    /// If it was not acknowledged.
    pub async fn send(
        &mut self,
        request: ExportTraceServiceRequest,
    ) -> Result<ExportTraceServiceResponse, Status> {
        Ok(self.client.export(request).await?.into_inner())
    }
}
