//! Guards that look at the hosts behind each version, as far as proxies tell.

use crate::dictionary::StatId;
use crate::sketch::Bins;

use super::{LATELY, Scene, sum, two};

/// Where hosts that fail get no traffic, those that are left look well.
pub(super) fn survivors(scene: &Scene<'_>) -> (bool, String) {
    const EJECTIONS: StatId = StatId(81);
    const PANICS: StatId = StatId(95);
    let count =
        |bins: &Bins, stat: StatId| bins.iter().find(|one| one.0 == stat.0).map_or(0, |one| one.1.max(0));
    let mut told = Vec::new();
    for (stats, what) in [
        (&[EJECTIONS][..], "ejections of hosts"),
        (&[PANICS], "requests in panic mode"),
        (&[StatId::PENDING_OVERFLOWS, StatId::ACTIVE_OVERFLOWS], "requests stopped by circuit breakers"),
    ] {
        let [baseline, candidate] =
            scene.sides.stats.each_ref().map(|bins| stats.iter().map(|&stat| count(bins, stat)).sum::<i64>());
        if candidate > 0 {
            told.push(format!("{candidate} {what} of {}, {baseline} of {}", scene.names[1], scene.names[0]));
        }
    }
    if told.is_empty() {
        return (
            false,
            "no hosts ejected, no panic mode, no open circuit breakers, as far as proxies tell".to_owned(),
        );
    }
    (true, told.join("; "))
}

/// A version whose hosts have much less to do than the other's has not shown how it does at their load; one whose hosts have
/// much more may be slow for that alone.
pub(super) fn capacity(scene: &Scene<'_>) -> (bool, String) {
    /// A load that differs by less does not matter.
    const APART: f64 = 2.0;
    let [baseline, candidate] = scene.names;
    let [hosts, candidate_hosts] = scene.sides.hosts;
    if hosts == 0 || candidate_hosts == 0 {
        return (false, "no proxy tells how many healthy hosts both have".to_owned());
    }
    let lately = &scene.by_step[scene.by_step.len().saturating_sub(LATELY)..];
    let seconds = (lately.len() as i64 * scene.step_s).max(1) as f64;
    let [requests, candidate_requests] = sum(lately).map(|requests| requests.max(0) as f64 / seconds);
    let (each, candidate_each) = (requests / hosts as f64, candidate_requests / candidate_hosts as f64);
    let told = format!(
        "{candidate} gets {} requests a second for each of {candidate_hosts} healthy hosts, {baseline} {} for each of {hosts}",
        two(candidate_each),
        two(each)
    );
    if each <= 0.0 || candidate_each <= 0.0 {
        return (false, told);
    }
    let ratio = candidate_each / each;
    (ratio >= APART || ratio <= 1.0 / APART, told)
}
