//! `sidecarta canary`: asks a server for a verdict, and waits for it if told to.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use sidecarta_queries::api::canary::{CanaryResponse, Outcome, Verdict};
use sidecarta_queries::api::error::ErrorResponse;
use sidecarta_queries::api::policy::{Policy, PolicyError};
use tokio::time::Instant;

use crate::api::canary::CanaryRequest;
use crate::canary_report;
use crate::cli::{CanaryFlags, CanaryFormat};
use crate::error::causes;

/// Exit codes: of a bad command line, policy or question, and of a server that does not answer.
const BAD_USAGE: u8 = 64;
const NOT_REACHABLE: u8 = 69;
/// How long a server may take for an answer.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// A server that answers no more is asked again for so long while one waits, since it may be starting anew.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is printed, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// For standard output.
    pub text: String,
    /// 0 for a pass, 1 for a failure, 2 if it cannot be told.
    pub code: u8,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum CanaryError {
    /// The policy's file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The policy's file is none.
    #[error("{path} is no policy: {problem}")]
    NoPolicy {
        /// The file.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Values of the policy that cannot be worked with.
    #[error("{path}: {source}")]
    BadPolicy {
        /// The file.
        path: String,
        /// All of them.
        source: PolicyError,
    },
    /// The server does not answer as a server of ours does.
    #[error("{server} does not answer: {problem}")]
    NotReachable {
        /// Its address.
        server: String,
        /// What came instead.
        problem: String,
    },
    /// The server refuses the question.
    #[error("{message}")]
    Refused {
        /// Its words.
        message: String,
    },
    /// This process cannot wait for anything.
    #[error("cannot start")]
    Runtime(#[source] std::io::Error),
}

impl CanaryError {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::NotReachable { .. } => NOT_REACHABLE,
            Self::Runtime(_) => 1,
            _ => BAD_USAGE,
        }
    }
}

/// Asks for a verdict.
///
/// # Errors
/// Where the policy cannot be read, the server does not answer, or refuses the question.
pub fn run(flags: &CanaryFlags) -> Result<Told, CanaryError> {
    let request = request(flags, Timestamp::now())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CanaryError::Runtime)?;
    let answer = runtime.block_on(wait(flags, request))?;
    let code = match answer.verdict.result {
        Outcome::Pass => 0,
        Outcome::Fail => 1,
        Outcome::Insufficient => 2,
    };
    let text = match flags.format {
        CanaryFormat::Text => canary_report::report(&answer.verdict),
        CanaryFormat::Json => format!("{}\n", serde_json::to_string_pretty(&answer).unwrap_or_default()),
    };
    Ok(Told { text, code })
}

fn request(flags: &CanaryFlags, now: Timestamp) -> Result<CanaryRequest, CanaryError> {
    let policy = flags.policy.as_deref().map(policy).transpose()?.unwrap_or_default();
    // Whoever waits compares what comes from now on, and not a window that moves along.
    let from = match (&flags.from, flags.wait) {
        (Some(from), None) => Some(from.clone()),
        (Some(from), Some(_)) => Some(
            crate::params::time(from, "--from", now)
                .map_err(|error| CanaryError::Refused { message: error.response().error.message })?
                .to_string(),
        ),
        (None, Some(_)) => Some(now.to_string()),
        (None, None) => None,
    };
    Ok(CanaryRequest {
        service: flags.service.clone(),
        baseline: flags.baseline.clone(),
        candidate: flags.candidate.clone(),
        from,
        to: flags.to.clone(),
        baseline_to: flags.baseline_to.clone(),
        is_final: flags.wait.is_none(),
        policy,
    })
}

/// Reads a policy from a file, by its name's ending.
fn policy(path: &Path) -> Result<Policy, CanaryError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| CanaryError::Unreadable { path: name.clone(), source })?;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let parsed: Result<Policy, String> = match ending {
        "toml" => toml::from_str(&text).map_err(|error| error.to_string()),
        "yaml" | "yml" => serde_saphyr::from_str(&text).map_err(|error| error.to_string()),
        "json" => serde_json::from_str(&text).map_err(|error| error.to_string()),
        _ => Err("its name ends neither in .toml nor in .yaml, .yml or .json".to_owned()),
    };
    let policy = parsed.map_err(|problem| CanaryError::NoPolicy { path: name.clone(), problem })?;
    policy.check().map_err(|source| CanaryError::BadPolicy { path: name, source })?;
    Ok(policy)
}

/// Asks until there is a verdict, or the time is over.
async fn wait(flags: &CanaryFlags, mut request: CanaryRequest) -> Result<CanaryResponse, CanaryError> {
    let client = reqwest::Client::builder().timeout(TIME_LIMIT).build().map_err(|error| {
        CanaryError::NotReachable { server: flags.server.clone(), problem: error.to_string() }
    })?;
    let begin = Instant::now();
    let until = begin + flags.wait.unwrap_or_default();
    let mut answered = begin;
    let mut progress = Progress::default();
    loop {
        request.is_final = flags.wait.is_none() || Instant::now() >= until;
        match ask(&client, &flags.server, &request).await {
            Ok(answer) if request.is_final || answer.verdict.result != Outcome::Insufficient => {
                progress.end();
                return Ok(answer);
            }
            Ok(answer) => {
                answered = Instant::now();
                progress.tell(&answer.verdict);
            }
            Err(error @ CanaryError::NotReachable { .. })
                if !request.is_final && answered > begin && answered.elapsed() < PATIENCE =>
            {
                progress.say(&error.to_string());
            }
            Err(error) => {
                progress.end();
                return Err(error);
            }
        }
        tokio::time::sleep_until(until.min(Instant::now() + flags.every)).await;
    }
}

async fn ask(
    client: &reqwest::Client,
    server: &str,
    request: &CanaryRequest,
) -> Result<CanaryResponse, CanaryError> {
    let not_reachable = |problem: String| CanaryError::NotReachable { server: server.to_owned(), problem };
    let url = format!("{}/api/v1/canary", server.trim_end_matches('/'));
    let answer = client.post(url).json(request).send().await;
    let answer = answer.map_err(|error| not_reachable(causes(&error)))?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(|error| not_reachable(causes(&error)))?;
    if status.is_success() {
        return serde_json::from_slice(&body)
            .map_err(|error| not_reachable(format!("its answer is none of ours: {error}")));
    }
    match serde_json::from_slice::<ErrorResponse>(&body) {
        Ok(refused) if status.is_client_error() => {
            Err(CanaryError::Refused { message: refused.error.message })
        }
        Ok(failed) => Err(not_reachable(failed.error.message)),
        Err(_) => Err(not_reachable(format!("it answered {status}"))),
    }
}

/// What is told while one waits: one line that changes on a terminal, else a line whenever there is something new.
#[derive(Debug, Default)]
struct Progress {
    last: String,
}

impl Progress {
    fn tell(&mut self, verdict: &Verdict) {
        self.say(&canary_report::progress(verdict));
    }

    fn say(&mut self, line: &str) {
        if line == self.last {
            return;
        }
        let mut out = std::io::stderr().lock();
        // Where standard error is closed, nobody wants to know.
        let _unheard = if out.is_terminal() {
            write!(out, "\r\x1b[2K{line}").and_then(|()| out.flush())
        } else {
            writeln!(out, "{line}")
        };
        line.clone_into(&mut self.last);
    }

    fn end(&self) {
        let mut out = std::io::stderr().lock();
        if out.is_terminal() && !self.last.is_empty() {
            let _unheard = writeln!(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy_of(name: &str, text: &str) -> Result<Policy, CanaryError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        policy(&path)
    }

    #[test]
    fn a_policy_is_the_same_in_every_format() {
        let toml = policy_of(
            "p.toml",
            "confidence = 0.9\n[errors]\nmargin = { relative = 0.5 }\n[[latency]]\nquantile = 0.9\n",
        );
        let yaml = policy_of(
            "p.yaml",
            "confidence: 0.9\nerrors:\n  margin:\n    relative: 0.5\nlatency:\n  - quantile: 0.9\n",
        );
        let json = policy_of(
            "p.json",
            r#"{"confidence": 0.9, "errors": {"margin": {"relative": 0.5}}, "latency": [{"quantile": 0.9}]}"#,
        );
        let toml = toml.unwrap();
        assert_eq!((toml.confidence, toml.latency.len()), (0.9, 1));
        assert_eq!((&yaml.unwrap(), &json.unwrap()), (&toml, &toml));
    }

    #[test]
    fn a_policy_that_is_none_is_bad_usage() {
        for (name, text, expected) in [
            ("p.toml", "confidense = 1", "confidense"),
            ("p.toml", "confidence = 2.0\nleast_s = 999999", "least_s = 999999"),
            ("p.yaml", "confidence: [", "is no policy"),
            ("p.txt", "", "its name ends"),
        ] {
            let error = policy_of(name, text).unwrap_err();
            assert_eq!(error.code(), BAD_USAGE);
            assert!(error.to_string().contains(expected), "{error}");
        }
        let missing = policy(Path::new("/nowhere/p.toml")).unwrap_err();
        assert_eq!(missing.code(), BAD_USAGE);
    }
}
