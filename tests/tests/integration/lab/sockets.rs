//! Who listens where, as Linux tells it.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// Whether a process holds a socket that listens on one of these addresses.
pub(super) fn holds_listener(pid: u32, addresses: &[SocketAddr]) -> bool {
    let ports: Vec<String> = addresses.iter().map(|address| format!(":{:04X}", address.port())).collect();
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    let listening: BTreeSet<String> = sockets
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| columns.get(3) == Some(&LISTENING))
        .filter(|columns| ports.iter().any(|port| columns[1].ends_with(port)))
        .map(|columns| format!("socket:[{}]", columns[9]))
        .collect();
    // A process that has ended holds nothing.
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
    targets.into_iter().any(|target| listening.contains(target.to_string_lossy().as_ref()))
}
