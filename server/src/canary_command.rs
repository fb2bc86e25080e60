//! `sidecarta canary`: asks a server for a verdict, and waits for it if told to.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use jiff::Timestamp;
use sidecarta_queries::api::canary::{CanaryResponse, Outcome, Verdict};
use tokio::time::Instant;

use crate::api::canary::CanaryRequest;
use crate::canary_report;
use crate::cli::{CanaryFlags, ReportFormat};
use crate::remote::{CommandError, Remote, Told, block_on, policy};

/// How long a server may take for an answer.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// A server that answers no more is asked again for so long while one waits, since it may be starting anew.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks for a verdict.
///
/// # Errors
/// Where the policy cannot be read, the server does not answer, or refuses the question.
pub fn run(flags: &CanaryFlags) -> Result<Told, CommandError> {
    let request = request(flags, Timestamp::now())?;
    let answer = block_on(wait(flags, request))?;
    let code = match answer.verdict.result {
        Outcome::Pass => 0,
        Outcome::Fail => 1,
        Outcome::Insufficient => 2,
    };
    let text = match flags.format {
        ReportFormat::Text => canary_report::report(&answer.verdict),
        ReportFormat::Json => format!("{}\n", serde_json::to_string_pretty(&answer).unwrap_or_default()),
    };
    Ok(Told { text, code })
}

fn request(flags: &CanaryFlags, now: Timestamp) -> Result<CanaryRequest, CommandError> {
    let policy = flags.policy.as_deref().map(policy).transpose()?.unwrap_or_default();
    // Whoever waits compares what comes from now on, and not a window that moves along.
    let from = match (&flags.from, flags.wait) {
        (Some(from), None) => Some(from.clone()),
        (Some(from), Some(_)) => Some(
            crate::params::time(from, "--from", now)
                .map_err(|error| CommandError::Refused { message: error.response().error.message })?
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

/// Asks until there is a verdict, or the time is over.
async fn wait(flags: &CanaryFlags, mut request: CanaryRequest) -> Result<CanaryResponse, CommandError> {
    let server = Remote::new(&flags.server, TIME_LIMIT)?;
    let begin = Instant::now();
    let until = begin + flags.wait.unwrap_or_default();
    let mut answered = begin;
    let mut progress = Progress::default();
    loop {
        request.is_final = flags.wait.is_none() || Instant::now() >= until;
        match server.ask::<CanaryResponse>("/api/v1/canary", &request).await {
            Ok(answer) if request.is_final || answer.verdict.result != Outcome::Insufficient => {
                progress.end();
                return Ok(answer);
            }
            Ok(answer) => {
                answered = Instant::now();
                progress.tell(&answer.verdict);
            }
            Err(error @ CommandError::NotReachable { .. })
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
