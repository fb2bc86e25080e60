//! What can go wrong with a call, in words that say what to do.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use jiff::Timestamp;

use super::budget::clock_time;
use crate::otlp::PullError;
use crate::pipeline::SubmitError;

/// How long to wait after a fault that only a person can mend.
const UNTIL_MENDED: Duration = Duration::from_mins(1);

/// Why a round of reading did not come to its end. What it had stored by then is stored.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The budget of the day is used up.
    #[error("{limit} are used up; it goes on at {}", clock_time(*until))]
    Spent {
        /// When it goes on.
        until: Timestamp,
        /// What is used up.
        limit: String,
    },
    /// AWS says that it is asked too often.
    #[error("AWS is asked too often and said so ({api}); the next tries come more slowly")]
    Throttled {
        /// What was asked.
        api: String,
    },
    /// The credentials do not allow the call.
    #[error(
        "the credentials may not call {action}: allow it by a policy with {{\"Effect\": \"Allow\", \"Action\": \
         \"{action}\", \"Resource\": \"*\"}}; docs/aws.md has the whole policy{}",
        Reason(message)
    )]
    Denied {
        /// By IAM's name.
        action: String,
        /// What AWS said.
        message: String,
    },
    /// The credentials are too old, or no such credentials are known.
    #[error(
        "the credentials are not accepted{}: renew them, and they are read again by themselves",
        Reason(message)
    )]
    Credentials {
        /// What AWS said.
        message: String,
    },
    /// There are no credentials.
    #[error("no credentials were found{}: see \"Credentials\" in docs/aws.md", Reason(message))]
    NoCredentials {
        /// What was tried.
        message: String,
    },
    /// The clocks of this machine and of AWS differ too much.
    #[error(
        "the clock of this machine is wrong, AWS refuses its signatures{}: set the clock by NTP",
        Reason(message)
    )]
    ClockSkew {
        /// What AWS said.
        message: String,
    },
    /// No answer came, or one that says that the service is broken.
    #[error("{api} in {region} does not answer{}", Reason(message))]
    Unreachable {
        /// What was asked.
        api: String,
        /// The region.
        region: String,
        /// What went wrong.
        message: String,
    },
    /// AWS refuses what it is asked, such as for a log group that is not there.
    #[error("{api} was refused: {code}{}", Reason(message))]
    Refused {
        /// What was asked.
        api: String,
        /// AWS's name of the reason.
        code: String,
        /// What AWS said.
        message: String,
    },
    /// What was read cannot be stored.
    #[error(transparent)]
    Store(#[from] PullError),
}

/// A reason behind a colon, where there is one.
struct Reason<'a>(&'a str);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(formatter, " ({})", self.0) }
    }
}

impl From<SubmitError> for Fault {
    fn from(error: SubmitError) -> Self {
        Self::Store(error.into())
    }
}

impl Fault {
    /// How long to wait before the next try, after so many failures in a row, the first being 1.
    pub fn pause(&self, failures: u32) -> Duration {
        let backed_off = Duration::from_secs(1) * 2_u32.pow(failures.saturating_sub(1).min(6));
        match self {
            Self::Spent { until, .. } => {
                let left = until.duration_since(Timestamp::now());
                Duration::try_from(left).unwrap_or_default() + Duration::from_secs(1)
            }
            Self::Store(PullError::Submit(SubmitError::Full { retry_after })) => *retry_after,
            Self::Throttled { .. } | Self::Unreachable { .. } | Self::Store(_) => {
                backed_off.min(UNTIL_MENDED)
            }
            Self::Denied { .. }
            | Self::Credentials { .. }
            | Self::NoCredentials { .. }
            | Self::ClockSkew { .. }
            | Self::Refused { .. } => (backed_off * 2).min(UNTIL_MENDED),
        }
    }

    /// Whether the source only waits, and nothing is wrong.
    pub fn is_wait(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Store(PullError::Submit(SubmitError::Full { .. })))
    }

    /// What an error of an SDK means.
    pub(super) fn of<E>(action: &str, region: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let api = super::budget::api_of(action).to_owned();
        match error {
            SdkError::ServiceError(refused) => {
                let status = refused.raw().status().as_u16();
                let (code, message) = (refused.err().code(), refused.err().message());
                Self::answered(action, region, status, code.unwrap_or_default(), message.unwrap_or_default())
            }
            other => {
                let message = chain(other);
                if message.contains("credential") {
                    Self::NoCredentials { message }
                } else {
                    Self::Unreachable { api, region: region.to_owned(), message }
                }
            }
        }
    }

    /// What an answer means that is an error: a status of HTTP, AWS's name for it, and its words.
    fn answered(action: &str, region: &str, status: u16, code: &str, message: &str) -> Self {
        let (api, message) = (super::budget::api_of(action).to_owned(), message.to_owned());
        // Some services put a namespace before the name.
        let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
        let lower = message.to_ascii_lowercase();
        match code {
            "ThrottlingException"
            | "ThrottledException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "LimitExceededException"
            | "RequestThrottled" => Self::Throttled { api },
            "RequestTimeTooSkewed" | "RequestInTheFuture" | "RequestExpired" => Self::ClockSkew { message },
            "InvalidSignatureException" | "SignatureDoesNotMatch"
                if ["earlier than", "later than", "expired", "not yet current"]
                    .iter()
                    .any(|words| lower.contains(words)) =>
            {
                Self::ClockSkew { message }
            }
            "ExpiredTokenException"
            | "ExpiredToken"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "IncompleteSignature"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException" => Self::Credentials { message },
            "AccessDeniedException" | "AccessDenied" | "NotAuthorized" | "UnauthorizedOperation" => {
                Self::Denied { action: action.to_owned(), message }
            }
            _ if status == 429 => Self::Throttled { api },
            _ if status == 403 => Self::Denied { action: action.to_owned(), message },
            _ if status >= 500 => {
                let message = if message.is_empty() { code.to_owned() } else { message };
                Self::Unreachable { api, region: region.to_owned(), message }
            }
            _ => Self::Refused {
                api,
                code: if code.is_empty() { status.to_string() } else { code.to_owned() },
                message,
            },
        }
    }
}

/// An error with its causes, each once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !words.iter().any(|before| before.contains(&text)) {
            words.push(text);
        }
        next = error.source();
    }
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_told_in_words_that_say_what_to_do() {
        let answers = [
            (429, "ThrottledException", ""),
            (400, "com.amazonaws.xray#ThrottlingException", "Rate exceeded"),
            (
                403,
                "AccessDeniedException",
                "User: arn:aws:iam::1:user/u is not authorized to perform: xray:GetTraceSummaries",
            ),
            (403, "ExpiredTokenException", "The security token included in the request is expired"),
            (
                403,
                "InvalidSignatureException",
                "Signature expired: 20261124T100000Z is now earlier than 20261124T110000Z",
            ),
            (403, "InvalidSignatureException", "The request signature we calculated does not match"),
            (400, "ResourceNotFoundException", "The specified log group does not exist."),
            (503, "", ""),
            (400, "", ""),
        ];
        let told = answers.map(|(status, code, message)| {
            Fault::answered("xray:GetTraceSummaries", "eu-west-1", status, code, message).to_string()
        });
        insta::assert_snapshot!(told.join("\n"), @r#"
        AWS is asked too often and said so (GetTraceSummaries); the next tries come more slowly
        AWS is asked too often and said so (GetTraceSummaries); the next tries come more slowly
        the credentials may not call xray:GetTraceSummaries: allow it by a policy with {"Effect": "Allow", "Action": "xray:GetTraceSummaries", "Resource": "*"}; docs/aws.md has the whole policy (User: arn:aws:iam::1:user/u is not authorized to perform: xray:GetTraceSummaries)
        the credentials are not accepted (The security token included in the request is expired): renew them, and they are read again by themselves
        the clock of this machine is wrong, AWS refuses its signatures (Signature expired: 20261124T100000Z is now earlier than 20261124T110000Z): set the clock by NTP
        the credentials are not accepted (The request signature we calculated does not match): renew them, and they are read again by themselves
        GetTraceSummaries was refused: ResourceNotFoundException (The specified log group does not exist.)
        GetTraceSummaries in eu-west-1 does not answer
        GetTraceSummaries was refused: 400
        "#);
    }

    #[test]
    fn waits_grow_and_have_an_end() {
        let unreachable =
            Fault::Unreachable { api: String::new(), region: String::new(), message: String::new() };
        let waits = [1, 2, 3, 30].map(|failures| unreachable.pause(failures).as_secs());
        assert_eq!(waits, [1, 2, 4, 60]);
        let until = Timestamp::now() + Duration::from_mins(10);
        let spent = Fault::Spent { until, limit: String::new() }.pause(1).as_secs();
        assert!((590..=601).contains(&spent), "{spent}");
    }
}
