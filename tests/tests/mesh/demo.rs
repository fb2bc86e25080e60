//! The program of the demo: however it ends, nothing of it stays behind.

use std::path::Path;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use sidecarta_tests::harness::eventually;
use sidecarta_tests::mesh::Truth;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::{TURN, envoy, sink};

/// Starts the demo without Sidecarta, all its files in `folder`, and returns it with the admin addresses that it prints.
async fn start_demo(folder: &Path) -> (Child, Vec<String>) {
    let (otlp, _received) = sink::start().await;
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo-mesh"))
        .arg("--envoy")
        .arg(envoy())
        .arg("--truth")
        .arg(folder.join("truth.json"))
        // What a killed process leaves behind goes with the test's own folder.
        .env("TMPDIR", folder)
        .args(["--otlp-grpc", &otlp.to_string(), "--rate", "40"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut admin = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some(address) = line.trim().strip_prefix("Admin     http://") {
            admin.push(address.to_owned());
        }
        if line.trim().starts_with("Stop") {
            break;
        }
    }
    // What it prints later has to go somewhere.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    assert_eq!(admin.len(), 10);
    (demo, admin)
}

fn send(demo: &Child, signal: Signal) {
    let pid = demo.id().and_then(|pid| Pid::from_raw(pid.cast_signed())).unwrap();
    kill_process(pid, signal).unwrap();
}

async fn wait_until_gone(admin: &[String]) {
    for address in admin {
        eventually("an Envoy of the demo ends", async || {
            TcpStream::connect(address).await.is_err().then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_the_demo_with_its_truth() {
    let _turn = TURN.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let (mut demo, admin) = start_demo(folder.path()).await;

    send(&demo, Signal::INT);

    assert!(demo.wait().await.unwrap().success());
    let truth: Truth =
        serde_json::from_slice(&std::fs::read(folder.path().join("truth.json")).unwrap()).unwrap();
    assert_eq!(truth.between("client", "gateway").requests, truth.between("gateway", "web").requests);
    wait_until_gone(&admin).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_demo_leaves_no_envoy() {
    let _turn = TURN.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let (mut demo, admin) = start_demo(folder.path()).await;

    send(&demo, Signal::KILL);

    assert!(!demo.wait().await.unwrap().success());
    wait_until_gone(&admin).await;
}
