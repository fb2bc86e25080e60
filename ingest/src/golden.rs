//! What the decoders make of everything that was recorded of a real Envoy, in lines that a person can check.

use std::collections::BTreeMap;
use std::fmt::Display;

mod access_logs;
mod expositions;
mod statistics;

/// Lines, sorted.
fn sorted(lines: impl IntoIterator<Item = String>) -> String {
    let mut lines: Vec<String> = lines.into_iter().collect();
    lines.sort();
    lines.join("\n")
}

/// How often each line is there, sorted by line.
fn counted(lines: impl IntoIterator<Item = String>) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    let lines: Vec<String> = counts.into_iter().map(|(line, count)| format!("{count:4} × {line}")).collect();
    lines.join("\n")
}

/// `name=value`, separated by spaces.
fn pairs<N: Display, V: Display>(pairs: impl IntoIterator<Item = (N, V)>) -> String {
    let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}
