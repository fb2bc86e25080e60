//! A server that answers as AWS does, as far as Sidecarta asks: X-Ray, CloudWatch Logs, CloudWatch, ECS and STS on one
//! address, to which the SDKs are led by `endpoint_url`. Each service answers from what a test has put there.
//!
//! Signatures are not checked, and there is one account, [`ACCOUNT`].

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "the fake fails as a test does, by panicking"
)]

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_cbor::Encoder;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

mod cloudwatch;
mod ecs;
mod logs;
mod xray;

pub use cloudwatch::FakeMetrics;
pub use ecs::FakeEcs;
pub use logs::FakeLogs;
pub use xray::FakeXray;

/// The number of the account that everything belongs to.
pub const ACCOUNT: &str = "123456789012";

/// All services on one address. Clones are one.
#[derive(Clone, Default)]
pub struct FakeAws {
    /// AWS X-Ray.
    pub xray: FakeXray,
    /// CloudWatch Logs.
    pub logs: FakeLogs,
    /// CloudWatch's metrics.
    pub metrics: FakeMetrics,
    /// ECS.
    pub ecs: FakeEcs,
    state: Arc<Mutex<FakeState>>,
}

#[derive(Default)]
struct FakeState {
    address: Option<SocketAddr>,
    /// What goes wrong, and how often still, by operation; those of `""` for every operation.
    faults: BTreeMap<String, Vec<(Fault, u32)>>,
    calls: BTreeMap<String, u64>,
}

/// What can go wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is told to come again later.
    Throttled,
    /// The credentials are too old.
    Expired,
    /// The credentials do not allow it.
    Denied,
    /// The caller's clock is wrong.
    ClockSkew,
    /// The service is broken.
    Broken,
    /// The connection ends without an answer; nothing was done.
    Dropped,
    /// The service does what it is asked, and its answer is lost.
    AnswerLost,
    /// The answer takes so long.
    Late(Duration),
}

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// Of HTTP.
    pub status: u16,
    /// Such as `ThrottlingException`.
    pub code: String,
    /// In words.
    pub message: String,
}

impl AwsError {
    /// An error of the caller's making.
    pub fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    /// The answer to an operation that the fake does not have.
    pub fn unknown(operation: &str) -> Self {
        Self::new(404, "UnknownOperationException", format!("the fake has no {operation}"))
    }
}

/// Which protocol an operation speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Xray,
    Logs,
    Metrics,
    Ecs,
    Sts,
}

impl FakeAws {
    /// Starts the server on a free port of loopback.
    pub async fn start() -> Self {
        let fake = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        fake.lock().address = listener.local_addr().ok();
        let app = Router::new().fallback(answer).with_state(fake.clone());
        tokio::spawn(axum::serve(listener, app).into_future());
        fake
    }

    /// Its address, for `endpoint_url`.
    pub fn url(&self) -> String {
        let address = self.lock().address.expect("it was started");
        format!("http://{address}")
    }

    /// Lets the next so many calls of an operation fail, or with `""` of any; one kind of fault after the other.
    pub fn fail(&self, operation: &str, fault: Fault, times: u32) {
        self.lock().faults.entry(operation.to_owned()).or_default().push((fault, times));
    }

    /// Lets everything work again.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// How often an operation was called, those among it that failed.
    pub fn calls(&self, operation: &str) -> u64 {
        self.lock().calls.get(operation).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, FakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and says what is to go wrong with it.
    fn called(&self, operation: &str) -> Option<Fault> {
        let mut state = self.lock();
        *state.calls.entry(operation.to_owned()).or_default() += 1;
        let keys = [operation, ""];
        keys.into_iter().find_map(|key| {
            let faults = state.faults.get_mut(key)?;
            faults.retain(|&(_, times)| times > 0);
            let (fault, times) = faults.first_mut()?;
            *times -= 1;
            Some(*fault)
        })
    }

    fn answer(&self, service: Service, operation: &str, body: &Bytes) -> Result<Bytes, AwsError> {
        match service {
            Service::Xray => self.xray.answer(operation, body),
            Service::Logs => self.logs.answer(operation, body),
            Service::Metrics => self.metrics.answer(operation, body),
            Service::Ecs => self.ecs.answer(operation, body),
            Service::Sts if operation == "GetCallerIdentity" => Ok(caller_identity()),
            Service::Sts => Err(AwsError::unknown(operation)),
        }
    }
}

async fn answer(State(fake): State<FakeAws>, headers: HeaderMap, uri: Uri, body: Bytes) -> Response {
    let (service, operation) = operation(&headers, &uri, &body);
    let fault = fake.called(&operation);
    if let Some(Fault::Late(delay)) = fault {
        tokio::time::sleep(delay).await;
    }
    let result = match fault.and_then(|fault| error_of(fault, service, &operation)) {
        Some(error) => Err(error),
        None if fault == Some(Fault::Dropped) => return broken_off(),
        None => fake.answer(service, &operation, &body),
    };
    if fault == Some(Fault::AnswerLost) {
        return broken_off();
    }
    match result {
        Ok(body) => ([("content-type", content_type(service))], PROTOCOL_OF_CBOR, body).into_response(),
        Err(error) => refusal(service, &error),
    }
}

/// A header that answers in CBOR must have, and that nobody minds elsewhere.
const PROTOCOL_OF_CBOR: [(&str, &str); 1] = [("smithy-protocol", "rpc-v2-cbor")];

/// Which service is asked for what: by a header, by the path, or by a form.
fn operation(headers: &HeaderMap, uri: &Uri, body: &Bytes) -> (Service, String) {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    if let Some((service, operation)) = target.and_then(|target| target.rsplit_once('.')) {
        let service = if service.starts_with("Logs") { Service::Logs } else { Service::Ecs };
        return (service, operation.to_owned());
    }
    if let Some((_, operation)) = uri.path().rsplit_once("/operation/") {
        return (Service::Metrics, operation.to_owned());
    }
    if uri.path() == "/" {
        let form = String::from_utf8_lossy(body);
        let action = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
        return (Service::Sts, action.unwrap_or_default().to_owned());
    }
    (Service::Xray, uri.path().to_owned())
}

fn error_of(fault: Fault, service: Service, operation: &str) -> Option<AwsError> {
    let error = |status, code, message: String| Some(AwsError::new(status, code, message));
    match fault {
        Fault::Throttled if service == Service::Xray => {
            error(429, "ThrottledException", "The request exceeds the maximum number of requests per second.".into())
        }
        Fault::Throttled => error(400, "ThrottlingException", "Rate exceeded".into()),
        Fault::Expired => {
            error(403, "ExpiredTokenException", "The security token included in the request is expired".into())
        }
        Fault::Denied => error(
            403,
            "AccessDeniedException",
            format!(
                "User: arn:aws:iam::{ACCOUNT}:user/sidecarta is not authorized to perform: {operation} because no \
                 identity-based policy allows the action"
            ),
        ),
        Fault::ClockSkew => error(
            403,
            "InvalidSignatureException",
            "Signature expired: 20261124T100000Z is now earlier than 20261124T110000Z (20261124T110500Z - 5 min.)"
                .into(),
        ),
        Fault::Broken => error(500, "InternalServerError", "An internal error occurred".into()),
        Fault::Dropped | Fault::AnswerLost | Fault::Late(_) => None,
    }
}

fn refusal(service: Service, error: &AwsError) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = match service {
        Service::Sts => format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>",
            error.code, error.message
        )
        .into_bytes(),
        Service::Metrics => {
            let mut encoder = Encoder::new(Vec::new());
            encoder.map(2).str("__type").str(&error.code).str("message").str(&error.message);
            encoder.into_writer()
        }
        Service::Xray | Service::Logs | Service::Ecs => {
            serde_json::json!({"__type": error.code, "message": error.message}).to_string().into_bytes()
        }
    };
    let mut response =
        (status, [("content-type", content_type(service))], PROTOCOL_OF_CBOR, body).into_response();
    if let Ok(code) = HeaderValue::from_str(&error.code) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    response
}

fn content_type(service: Service) -> &'static str {
    match service {
        Service::Xray => "application/json",
        Service::Logs | Service::Ecs => "application/x-amz-json-1.1",
        Service::Metrics => "application/cbor",
        Service::Sts => "text/xml",
    }
}

/// An answer whose connection ends before it does.
fn broken_off() -> Response {
    let nothing = futures::stream::iter([Err::<Bytes, _>(io::Error::other("the connection was lost"))]);
    let mut response = Body::from_stream(nothing).into_response();
    response.headers_mut().insert("content-length", HeaderValue::from_static("1000"));
    response
}

fn caller_identity() -> Bytes {
    Bytes::from(format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::{ACCOUNT}:user/sidecarta</Arn><UserId>AIDAEXAMPLE</UserId><Account>{ACCOUNT}</Account>\
         </GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>"
    ))
}
