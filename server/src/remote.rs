//! What commands have in common that ask a server: their policies, their errors, and how they ask.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sidecarta_queries::api::error::ErrorResponse;
use sidecarta_queries::api::policy::{Policy, PolicyError};

use crate::error::causes;

/// Exit codes: of a bad command line, policy or question, and of a server that does not answer.
const BAD_USAGE: u8 = 64;
const NOT_REACHABLE: u8 = 69;

/// What is printed, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// For standard output.
    pub text: String,
    /// Of the process.
    pub code: u8,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
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

impl CommandError {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::NotReachable { .. } => NOT_REACHABLE,
            Self::Runtime(_) => 1,
            _ => BAD_USAGE,
        }
    }
}

/// Reads a policy from a file, by its name's ending.
pub(crate) fn policy(path: &Path) -> Result<Policy, CommandError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|source| CommandError::Unreadable { path: name.clone(), source })?;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let parsed: Result<Policy, String> = match ending {
        "toml" => toml::from_str(&text).map_err(|error| error.to_string()),
        "yaml" | "yml" => serde_saphyr::from_str(&text).map_err(|error| error.to_string()),
        "json" => serde_json::from_str(&text).map_err(|error| error.to_string()),
        _ => Err("its name ends neither in .toml nor in .yaml, .yml or .json".to_owned()),
    };
    let policy = parsed.map_err(|problem| CommandError::NoPolicy { path: name.clone(), problem })?;
    policy.check().map_err(|source| CommandError::BadPolicy { path: name, source })?;
    Ok(policy)
}

/// A server that is asked.
#[derive(Debug)]
pub(crate) struct Remote {
    client: reqwest::Client,
    server: String,
}

impl Remote {
    /// The server at this address, which may take so long for an answer.
    pub(crate) fn new(server: &str, time_limit: Duration) -> Result<Self, CommandError> {
        let client = reqwest::Client::builder().timeout(time_limit).build();
        let client = client.map_err(|error| not_reachable(server, error.to_string()))?;
        Ok(Self { client, server: server.trim_end_matches('/').to_owned() })
    }

    /// Posts a question to a path of the API.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        question: &impl Serialize,
    ) -> Result<T, CommandError> {
        let not_reachable = |problem: String| not_reachable(&self.server, problem);
        let answer = self.client.post(format!("{}{path}", self.server)).json(question).send().await;
        let answer = answer.map_err(|error| not_reachable(causes(&error)))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| not_reachable(causes(&error)))?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| not_reachable(format!("its answer is none of ours: {error}")));
        }
        match serde_json::from_slice::<ErrorResponse>(&body) {
            Ok(refused) if status.is_client_error() => {
                Err(CommandError::Refused { message: refused.error.message })
            }
            Ok(failed) => Err(not_reachable(failed.error.message)),
            Err(_) => Err(not_reachable(format!("it answered {status}"))),
        }
    }
}

fn not_reachable(server: &str, problem: String) -> CommandError {
    CommandError::NotReachable { server: server.to_owned(), problem }
}

/// Runs what waits for a server, on this thread.
pub(crate) fn block_on<T>(asking: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(CommandError::Runtime)?.block_on(asking)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy_of(name: &str, text: &str) -> Result<Policy, CommandError> {
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
