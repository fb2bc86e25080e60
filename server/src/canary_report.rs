//! A verdict as text for a terminal or a log.

use std::fmt::Write as _;

use sidecarta_queries::api::canary::{
    Check, Interval, RouteCheck, SideSummary, Unit, Verdict, short_number as number,
};
use sidecarta_queries::api::policy::GuardAction;

/// Routes that are listed at most.
const MAX_ROUTES: usize = 10;

/// The whole verdict.
pub(crate) fn report(verdict: &Verdict) -> String {
    let mut text = format!("{}: {}\n\n", verdict.result.name(), verdict.summary);
    let traffic = &verdict.traffic;
    let configured =
        traffic.configured_share.map_or_else(String::new, |share| format!(", {} configured", percent(share)));
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{}, {} against {}, {} to {}\n{} of {} requests to {}{configured}; {} compared{}",
        verdict.service,
        verdict.candidate,
        verdict.baseline,
        verdict.from,
        verdict.to,
        percent(traffic.candidate_share),
        traffic.baseline_requests + traffic.candidate_requests,
        verdict.candidate,
        traffic.compared_requests,
        if verdict.before_after { "; two times were compared, which is the weaker evidence" } else { "" },
    );
    let mut rows = vec![
        ["check", "result", &verdict.baseline, &verdict.candidate, "difference", "between", "margin"]
            .map(str::to_owned),
    ];
    for check in &verdict.checks {
        let muted = if check.muted { " (muted)" } else { "" };
        rows.push([
            check.name.clone(),
            format!("{}{muted}", check.result.name()),
            value(check.unit, &check.baseline),
            value(check.unit, &check.candidate),
            amount(check.unit, check.difference),
            between(check.unit, &check.interval),
            amount(check.unit, check.margin_difference),
        ]);
    }
    let _ = write!(text, "\n{}", table(&rows));
    if verdict.routes.len() > 1 {
        let _ = write!(text, "\n{}", table(&routes(verdict)));
        if verdict.routes.len() > MAX_ROUTES {
            let _ = writeln!(text, "and {} more routes", verdict.routes.len() - MAX_ROUTES);
        }
    }
    text.push('\n');
    for guard in &verdict.guards {
        let sign = match (guard.found, guard.action) {
            (false, _) | (_, GuardAction::Off) => "ok  ",
            (true, GuardAction::Fail) => "FAIL",
            (true, GuardAction::Hold) => "HOLD",
            (true, GuardAction::Warn) => "warn",
        };
        let _ = writeln!(text, "{sign} {}: {}", guard.name, guard.summary);
    }
    text
}

/// How things stand, in one line.
pub(crate) fn progress(verdict: &Verdict) -> String {
    let errors = verdict.checks.first().filter(|check| check.candidate.requests > 0);
    let errors = errors.map_or_else(String::new, |check| {
        let margin = amount(check.unit, check.margin_difference);
        format!("; errors {} (margin {margin})", between(check.unit, &check.interval))
    });
    let traffic = &verdict.traffic;
    format!(
        "{}: {}; {} of the traffic, {} requests compared{errors}",
        verdict.result.name(),
        verdict.summary,
        percent(traffic.candidate_share),
        traffic.compared_requests
    )
}

fn routes(verdict: &Verdict) -> Vec<[String; 7]> {
    let mut rows = vec![
        ["route", "from", "check", "result", &verdict.baseline, &verdict.candidate, "between"]
            .map(str::to_owned),
    ];
    for route in verdict.routes.iter().take(MAX_ROUTES) {
        // The check that speaks loudest.
        let loudest = route.checks.iter().zip(&verdict.checks);
        let Some((part, check)) =
            loudest.max_by(|(one, _), (other, _)| one.ln_evidence.total_cmp(&other.ln_evidence))
        else {
            continue;
        };
        rows.push(route_row((route.name(), route.caller.as_deref()), part, check));
    }
    rows
}

fn route_row((route, caller): (&str, Option<&str>), part: &RouteCheck, check: &Check) -> [String; 7] {
    [
        route.to_owned(),
        caller
            .map_or_else(|| "–".to_owned(), |id| id.split_once(':').map_or(id, |(_, name)| name).to_owned()),
        check.name.clone(),
        part.result.name().to_owned(),
        value(check.unit, &part.baseline),
        value(check.unit, &part.candidate),
        between(check.unit, &part.interval),
    ]
}

fn value(unit: Unit, side: &SideSummary) -> String {
    match unit {
        _ if side.requests == 0 => "–".to_owned(),
        Unit::Share => format!("{} of {} ({})", side.errors, side.requests, percent(side.value)),
        Unit::Ms => format!("{} ms", number(side.value)),
    }
}

fn amount(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Share => format!("{} points", number(100.0 * value)),
        Unit::Ms => format!("{} ms", number(value)),
    }
}

fn between(unit: Unit, interval: &Interval) -> String {
    let scale = if unit == Unit::Share { 100.0 } else { 1.0 };
    let name = if unit == Unit::Share { "points" } else { "ms" };
    let bound = |bound: f64| number(scale * bound);
    match (interval.low, interval.high) {
        (Some(low), Some(high)) => format!("{} to {} {name}", bound(low), bound(high)),
        (Some(low), None) => format!("from {} {name}", bound(low)),
        (None, Some(high)) => format!("up to {} {name}", bound(high)),
        (None, None) => "unknown".to_owned(),
    }
}

fn percent(share: f64) -> String {
    format!("{} %", number(100.0 * share))
}

/// Columns below each other.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["a".to_owned(), "b".to_owned()], ["long".to_owned(), "é".to_owned()]];
        assert_eq!(table(&rows), "a     b\nlong  é\n");
    }

    #[test]
    fn an_open_interval_is_told_as_such() {
        let interval = |low, high| Interval { low, high };
        assert_eq!(between(Unit::Share, &interval(Some(0.019), Some(0.034))), "1.9 to 3.4 points");
        assert_eq!(between(Unit::Ms, &interval(Some(1_234.5), None)), "from 1234 ms");
        assert_eq!(between(Unit::Ms, &interval(None, None)), "unknown");
    }
}
