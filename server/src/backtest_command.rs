//! `sidecarta backtest`: asks a server what a policy would have done.

use std::fmt::Write as _;
use std::time::Duration;

use sidecarta_queries::api::backtest::{Backtest, BacktestResponse, TriedRollout};
use sidecarta_queries::api::canary::short_number;

use crate::api::backtest::BacktestRequest;
use crate::canary_report::table;
use crate::cli::{BacktestFlags, ReportFormat};
use crate::remote::{CommandError, Remote, Told, block_on, policy};

/// How long a server may take for a hundred rollouts.
const TIME_LIMIT: Duration = Duration::from_mins(10);

/// Asks what a policy would have done.
///
/// # Errors
/// Where the policy cannot be read, the server does not answer, or refuses the question.
pub fn run(flags: &BacktestFlags) -> Result<Told, CommandError> {
    let request = BacktestRequest {
        service: flags.service.clone(),
        from: Some(flags.from.clone()),
        to: Some(flags.to.clone()),
        policy: flags.policy.as_deref().map(policy).transpose()?.unwrap_or_default(),
    };
    let server = Remote::new(&flags.server, TIME_LIMIT)?;
    let answer = block_on(server.ask::<BacktestResponse>("/api/v1/canary/backtest", &request))?;
    let text = match flags.format {
        ReportFormat::Text => report(&answer.backtest),
        ReportFormat::Json => format!("{}\n", serde_json::to_string_pretty(&answer).unwrap_or_default()),
    };
    Ok(Told { text, code: 0 })
}

fn report(backtest: &Backtest) -> String {
    let Backtest { from, to, stopped, let_through, undecided, not_tried, rollouts, .. } = backtest;
    let mut text = format!(
        "{} rollouts from {from} to {to}: {stopped} would have been stopped, {let_through} let through, {undecided} undecided\n",
        rollouts.len()
    );
    // Writing to a string does not fail.
    if *not_tried > 0 {
        let _ = writeln!(text, "{not_tried} earlier ones were not tried: ask for a shorter time");
    }
    if !rollouts.is_empty() {
        let head = ["service", "from", "to", "came", "result", "after", "requests", "failures caused"];
        let rows: Vec<_> = std::iter::once(head.map(str::to_owned)).chain(rollouts.iter().map(row)).collect();
        let _ = write!(text, "\n{}", table(&rows));
    }
    text
}

fn row(tried: &TriedRollout) -> [String; 8] {
    let after = tried.decided_after_s.map_or_else(|| "–".to_owned(), span);
    let weaker = if tried.before_after { " (before and after)" } else { "" };
    [
        tried.service.clone(),
        tried.baseline.clone(),
        tried.candidate.clone(),
        tried.from.clone(),
        format!("{}{weaker}", tried.result.name()),
        after,
        tried.candidate_requests.to_string(),
        short_number(tried.excess_errors),
    ]
}

fn span(seconds: u64) -> String {
    if seconds < 120 {
        format!("{seconds} s")
    } else {
        format!("{} min", short_number(seconds as f64 / 60.0))
    }
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::api::canary::Outcome;

    use super::*;

    #[test]
    fn every_rollout_has_a_line() {
        let tried = |result, decided_after_s| TriedRollout {
            service: "orders".to_owned(),
            baseline: "v1".to_owned(),
            candidate: "v2".to_owned(),
            result,
            decided_after_s,
            ..TriedRollout::default()
        };
        let rollouts = vec![tried(Outcome::Fail, Some(90)), tried(Outcome::Insufficient, None)];
        let text =
            report(&Backtest { stopped: 1, undecided: 1, not_tried: 3, rollouts, ..Backtest::default() });
        assert!(text.starts_with("2 rollouts"), "{text}");
        assert!(text.contains("1 would have been stopped") && text.contains("3 earlier ones"), "{text}");
        let line = |word: &str| text.lines().find(|line| line.contains(word)).map(str::to_owned);
        assert!(line("fail ").is_some_and(|line| line.contains("90 s")), "{text}");
        assert!(line("insufficient").is_some_and(|line| line.contains('–')), "{text}");
    }
}
