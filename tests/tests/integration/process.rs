//! The process: its exit codes, its words, and what it refuses to start with.

use std::process::Output;

use sidecarta_tests::harness::{Server, program};
use tokio::process::Command;

const BAD_USAGE: Option<i32> = Some(64);

/// Runs `sidecarta` to its end, with a variable of the environment.
async fn run(arguments: &[&str], (name, value): (&str, &str)) -> Output {
    let mut command = Command::new(program("SIDECARTA_BIN"));
    command.args(arguments).env(name, value).kill_on_drop(true);
    let limit = std::time::Duration::from_mins(1);
    let output = tokio::time::timeout(limit, command.output()).await;
    output.unwrap_or_else(|_| panic!("{arguments:?} does not end")).unwrap()
}

const UNSET: (&str, &str) = ("SIDECARTA_LOG", "info");

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn a_second_server_on_the_same_data_is_refused_and_the_first_goes_on() {
    let server = Server::start().await;
    let data = server.data();
    let free = "127.0.0.1:0";
    let flags =
        ["serve", "--data", data.to_str().unwrap(), "--http", free, "--otlp-grpc", free, "--otlp-http", free];
    let before = std::fs::read_to_string(data.join("addresses.json")).unwrap();
    let second = run(&flags, UNSET).await;
    assert_eq!(second.status.code(), Some(1), "{}", words(&second));
    let said = words(&second);
    assert!(said.lines().last().is_some_and(|line| line.starts_with("sidecarta: ")), "{said}");
    assert!(said.contains("another") || said.contains("lock"), "{said}");
    assert_eq!(std::fs::read_to_string(data.join("addresses.json")).unwrap(), before);
    assert_eq!(server.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn an_address_that_is_taken_is_told_by_its_key() {
    let server = Server::start().await;
    let folder = tempfile::tempdir().unwrap();
    let taken = server.addresses().otlp_http.to_string();
    let free = "127.0.0.1:0";
    let data = folder.path().to_str().unwrap();
    let flags = ["serve", "--data", data, "--http", free, "--otlp-grpc", free, "--otlp-http", &taken];
    let output = run(&flags, UNSET).await;
    assert_eq!(output.status.code(), Some(1));
    let said = words(&output);
    assert!(said.contains("otlp.http") && said.contains(&taken), "{said}");
}

/// Arguments, a variable of the environment with its value, and words that the complaint must hold.
type Case<'a> = (&'a [&'a str], (&'a str, &'a str), &'a [&'a str]);

#[tokio::test]
async fn what_cannot_be_worked_with_ends_with_64_and_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let file = folder.path().join("bad.toml");
    std::fs::write(&file, "[store]\nmemory = 1\n").unwrap();
    let file = file.to_str().unwrap();
    // Everything that is wrong is told at once, and where: a format of a log, and a rule of identity.
    let lists = folder.path().join("lists.toml");
    let format = "[[access_log]]\nname = 'web'\npath = '/tmp/a.log'\nformat = '%START_TIME% %DURATIONS%'\n";
    std::fs::write(&lists, format!("{format}[[identity]]\nmatch = 'host'\npattern = 'a(b'\nservice = 'a'\n"))
        .unwrap();
    let lists = lists.to_str().unwrap();
    let cases: [Case<'_>; 9] = [
        (
            &["serve", "--data", data, "--config", lists],
            UNSET,
            &[
                "access_log `web`: format, at byte 15: `durations`",
                "identity rule 1: pattern `a(b`: at character 2",
            ],
        ),
        (&["serve", "--data", data, "--http", "0.0.0.0:0"], UNSET, &["server.http", "allow_remote"]),
        (&["serve", "--data", data, "--otlp-grpc", "[::]:0"], UNSET, &["otlp.grpc", "allow_remote"]),
        (&["serve", "--data", data, "--envoy", "ftp://nowhere"], UNSET, &["ftp://nowhere"]),
        (&["serve", "--data", data], ("SIDECARTA_STORE__QUEUE_MB", "0"), &["store.queue_mb"]),
        (&["serve", "--data", data], ("SIDECARTA_STORE__QUEUE_MB", "two"), &["queue_mb"]),
        (&["serve", "--data", data], ("SIDECARTA_STORE__THREAD", "2"), &["thread"]),
        (&["serve", "--data", data, "--config", file], UNSET, &["memory"]),
        (&["config", "--config", "/no/such/file.toml"], UNSET, &["/no/such/file.toml"]),
    ];
    for (arguments, variable, expected) in cases {
        let output = run(arguments, variable).await;
        let said = words(&output);
        assert_eq!(output.status.code(), BAD_USAGE, "{arguments:?} {variable:?}: {said}");
        for &words in expected {
            assert!(
                said.to_lowercase().contains(words),
                "{arguments:?} {variable:?}: `{words}` is not in: {said}"
            );
        }
    }
    assert!(!std::path::Path::new(data).exists(), "nothing was started");
}

#[tokio::test]
async fn a_command_line_that_is_not_understood_is_answered_with_its_usage() {
    let cases: [&[&str]; 4] = [&["serve", "--nonsense"], &["serve", "--http", "here"], &["sing"], &[]];
    for arguments in cases {
        let output = run(arguments, UNSET).await;
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(
            words(&output).contains("Usage") || words(&output).contains("--help"),
            "{arguments:?}: {}",
            words(&output)
        );
    }
    for arguments in [["--help"], ["--version"]] {
        let output = run(&arguments, UNSET).await;
        assert!(output.status.success() && !output.stdout.is_empty(), "{arguments:?}");
    }
}

#[tokio::test]
async fn the_configuration_is_printed_with_the_origin_of_each_value() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidecarta.toml");
    std::fs::write(&file, "[store]\nqueue_mb = 3\nmemory_mb = 300\n").unwrap();
    let output =
        run(&["config", "--config", file.to_str().unwrap()], ("SIDECARTA_STORE__MEMORY_MB", "500")).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |key: &str| {
        let found = text.lines().find(|line| line.starts_with(&format!("{key} =")));
        found.unwrap_or_else(|| panic!("{key} is not in:\n{text}")).to_owned()
    };
    assert!(
        line("store.queue_mb").contains("= 3 ") && line("store.queue_mb").contains("sidecarta.toml"),
        "{text}"
    );
    let from_environment = line("store.memory_mb");
    assert!(from_environment.contains("= 500 "), "{text}");
    assert!(from_environment.contains("SIDECARTA_") || from_environment.contains("environment"), "{text}");
    assert!(line("otlp.max_body_bytes").ends_with("# default"), "{text}");

    // The default file with its comments is itself a configuration that can be worked with.
    let output = run(&["config", "--default"], UNSET).await;
    std::fs::write(&file, &output.stdout).unwrap();
    let again = run(&["config", "--config", file.to_str().unwrap()], UNSET).await;
    assert!(again.status.success(), "{}", words(&again));
}
