//! The shape of the workspace, as a test: which room may use which, what may not be used where, and how long a file
//! may grow.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

/// Each room with the rooms that it may use.
const ROOMS: [(&str, &[&str]); 5] = [
    ("queries", &[]),
    ("ingest", &["queries"]),
    ("server", &["queries", "ingest"]),
    ("frontend", &["queries"]),
    ("tests", &["queries", "ingest", "server"]),
];

/// Crates with the only rooms that may use them, in the code that ships.
const RESERVED: [(&str, &[&str]); 5] = [
    ("duckdb", &["queries"]),
    ("leptos", &["frontend"]),
    ("axum", &["ingest", "server"]),
    ("tonic", &["ingest", "server"]),
    ("hyper", &["ingest", "server"]),
];

/// What is wanted is 300; above this a file is refused.
const MAX_CODE_LINES: usize = 500;

const SQL_STARTS: [&str; 7] = [
    "SELECT ",
    "INSERT INTO ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE VIEW ",
    "ALTER TABLE ",
    "DROP TABLE ",
];

#[test]
fn rooms_depend_in_one_direction() {
    for (room, allowed) in ROOMS {
        let used: BTreeSet<String> = dependencies(room)
            .into_iter()
            .filter_map(|dependency| dependency.name.strip_prefix("sidecarta-").map(ToOwned::to_owned))
            .collect();
        for other in used {
            assert!(allowed.contains(&other.as_str()), "`{room}` may not use `{other}`, only {allowed:?}");
        }
    }
}

#[test]
fn reserved_crates_stay_in_their_rooms() {
    for (room, _) in ROOMS.iter().filter(|(room, _)| *room != "tests") {
        for dependency in dependencies(room).into_iter().filter(|dependency| dependency.ships) {
            for (name, rooms) in RESERVED {
                let misplaced = dependency.name == name && !rooms.contains(room);
                assert!(!misplaced, "`{room}` may not use the crate `{name}`, only {rooms:?}");
            }
        }
    }
}

#[test]
fn members_take_the_lints_of_the_workspace() {
    for (room, _) in ROOMS {
        let manifest = fs::read_to_string(root().join(room).join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{room}/Cargo.toml lacks the workspace's lints"
        );
    }
}

#[test]
fn files_stay_short() {
    let mut too_long = Vec::new();
    for file in sources(&["rs", "sql", "css", "mjs"]) {
        let lines = code_lines(&fs::read_to_string(&file).unwrap());
        if lines > MAX_CODE_LINES {
            too_long.push(format!("{} has {lines}", file.display()));
        }
    }
    assert!(too_long.is_empty(), "more than {MAX_CODE_LINES} lines of code: {too_long:#?}");
}

#[test]
fn sql_lives_in_sql_files() {
    let mut misplaced = Vec::new();
    for file in sources(&["rs"]) {
        let relative = file.strip_prefix(root()).unwrap();
        let checked =
            ["queries/src", "ingest/src", "server/src"].iter().any(|room| relative.starts_with(room));
        // A child file `foo/tests.rs` is a test module like an inline one.
        if !checked
            || relative.ends_with("tests.rs")
            || relative.components().any(|part| part.as_os_str() == "tests")
        {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        // A line with `{table}` puts a partition's name into a statement that comes from a file.
        let found = shipped_lines(&text)
            .find(|line| SQL_STARTS.iter().any(|start| line.contains(start)) && !line.contains("{table}"));
        misplaced.extend(found.map(|line| format!("{}: {line}", relative.display())));
    }
    assert!(misplaced.is_empty(), "SQL belongs in queries/sql/*.sql: {misplaced:#?}");
}

#[test]
fn lock_files_name_no_registry() {
    for set in ["duckdb", "node"] {
        let lock = fs::read_to_string(root().join(".setup").join(set).join("package-lock.json")).unwrap();
        assert!(lock.contains("\"integrity\""), "{set}: the lock file holds no checksums");
        assert!(!lock.contains("\"resolved\""), "{set}: lock with --omit-lockfile-registry-resolved");
    }
}

#[test]
fn code_lines_leave_out_comments_blanks_and_inline_tests() {
    let text = "//! Doc.\n\nfn a() {\n    // why\n    b(); // because\n}\n\n#[cfg(test)]\nmod tests {\n    fn c() {}\n}\n";
    assert_eq!(code_lines(text), 3);
}

struct Dependency {
    name: String,
    /// False for a development dependency.
    ships: bool,
}

/// What the manifest of `room` asks for.
fn dependencies(room: &str) -> Vec<Dependency> {
    let output = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(root().join(room).join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let name = format!("sidecarta-{room}");
    let package =
        metadata["packages"].as_array().unwrap().iter().find(|package| package["name"] == name.as_str());
    let listed = package.unwrap()["dependencies"].as_array().unwrap();
    listed
        .iter()
        .map(|dependency| Dependency {
            name: dependency["name"].as_str().unwrap().to_owned(),
            ships: dependency["kind"] != "dev",
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The files of the five rooms with one of `extensions`, but for what was generated.
fn sources(extensions: &[&str]) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = ROOMS.iter().map(|(room, _)| root().join(room)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let generated = name.starts_with('.')
                || name.starts_with("dist")
                || name == "node_modules"
                || name == "target";
            if path.is_dir() && !generated {
                folders.push(path);
            } else if path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)) {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "no sources were found under {}", root().display());
    files
}

/// The lines before the first inline test module that hold more than a comment.
fn shipped_lines(text: &str) -> impl Iterator<Item = &str> {
    let comment = |line: &str| ["//", "--", "/*"].iter().any(|mark| line.starts_with(mark));
    text.lines()
        .map(str::trim)
        .take_while(|line| *line != "#[cfg(test)]")
        .filter(move |line| !line.is_empty() && !comment(line))
}

fn code_lines(text: &str) -> usize {
    shipped_lines(text).count()
}
