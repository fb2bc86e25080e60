//! Sources that change, break and come back, and the tasks that follow them.

mod dns;
mod files;
mod servers;
mod supervised;

use super::{DiscoveredTarget, Found};

/// The addresses of what was found; nothing where the last list stays.
fn addresses(found: &Found) -> Option<Vec<String>> {
    let address =
        |target: &DiscoveredTarget| target.address.to_string().trim_start_matches("http://").to_owned();
    found.targets.as_ref().map(|targets| targets.iter().map(address).collect())
}

/// A list as [`addresses`] gives it.
#[expect(clippy::unnecessary_wraps, reason = "it stands beside what may be nothing")]
fn told(list: &[&str]) -> Option<Vec<String>> {
    Some(list.iter().map(|address| (*address).to_owned()).collect())
}
