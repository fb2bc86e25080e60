use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::access_log::tests::parser;

/// A folder with a log in it, and what has been read from it.
struct Log {
    folder: tempfile::TempDir,
    read: Vec<String>,
}

impl Log {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), read: Vec::new() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("access.log")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, text: &str) {
        append(&self.path(), text);
    }

    fn follower(&self, cursor: Option<Cursor>) -> Follower {
        Follower::new(self.path(), parser("%RESPONSE_CODE% %REQ(X)%"), cursor, true)
    }

    /// Polls until there is no more; the last batch comes back, with the notices of all.
    fn poll(&mut self, follower: &mut Follower) -> Batch {
        let mut notices = Vec::new();
        loop {
            let batch = follower.poll(7).unwrap();
            for row in &batch.rows {
                let value = row.attributes.first().map(|(_, value)| value.clone());
                self.read.push(value.unwrap_or_else(|| format!("raw {}", row.raw)));
            }
            notices.extend(batch.notice.clone());
            if batch.is_at_end {
                return Batch { notice: (!notices.is_empty()).then(|| notices.join("; ")), ..batch };
            }
        }
    }

    fn taken(&mut self) -> Vec<String> {
        std::mem::take(&mut self.read)
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Lines that are long enough for a few of them to make a file known by its start.
fn line(number: u32) -> String {
    format!("200 {number:0>40}\n")
}

fn lines(numbers: std::ops::Range<u32>) -> String {
    numbers.map(line).collect()
}

fn values(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("{number:0>40}")).collect()
}

#[test]
fn what_is_added_is_read_once() {
    let mut log = Log::new();
    let mut follower = log.follower(None);
    let batch = log.poll(&mut follower);
    assert!(batch.is_missing && batch.cursor.is_none());
    log.append("200 a\n\nwhat\n200 b");
    let batch = log.poll(&mut follower);
    assert_eq!((batch.raw_lines, batch.is_missing), (1, false));
    assert_eq!(log.taken(), ["a", "raw what"]);
    log.append("c\n");
    log.poll(&mut follower);
    log.poll(&mut follower);
    assert_eq!(log.taken(), ["bc"]);
}

#[test]
fn a_cursor_continues_where_it_was_made() {
    let mut log = Log::new();
    log.append("200 a\n200 b");
    let cursor = log.poll(&mut log.follower(None)).cursor.unwrap();
    assert_eq!(cursor.offset(), 6);
    let json = serde_json::to_string(&cursor).unwrap();
    let cursor: Cursor = serde_json::from_str(&json).unwrap();
    log.append("c\n200 d\n");
    let mut follower = log.follower(Some(cursor));
    log.poll(&mut follower);
    assert_eq!(log.taken(), ["a", "bc", "d"]);
}

#[test]
fn a_file_may_be_read_from_its_end_only() {
    let mut log = Log::new();
    log.append("200 old\n200 torn");
    let mut follower = Follower::new(log.path(), parser("%RESPONSE_CODE% %REQ(X)%"), None, false);
    log.poll(&mut follower);
    log.append("apart\n200 new\n");
    log.poll(&mut follower);
    assert_eq!(log.taken(), ["new"]);
    // One that appears later is new as a whole.
    let other = Log::new();
    let mut follower = Follower::new(other.path(), parser("%RESPONSE_CODE% %REQ(X)%"), None, false);
    assert!(follower.poll(7).unwrap().is_missing);
    other.append("200 first\n");
    assert_eq!(follower.poll(7).unwrap().rows.len(), 1);
}

#[test]
fn a_renamed_file_is_read_to_its_end_first() {
    let mut log = Log::new();
    log.append(&lines(0..3));
    let mut follower = log.follower(None);
    log.poll(&mut follower);
    fs::rename(log.path(), log.beside("access.log.1")).unwrap();
    append(&log.beside("access.log.1"), &lines(3..4));
    log.poll(&mut follower);
    // The new file is there before Envoy writes to it.
    log.append("");
    append(&log.beside("access.log.1"), "200 torn");
    log.poll(&mut follower);
    assert_eq!(log.taken(), values(0..4));
    log.append(&lines(4..5));
    log.poll(&mut follower);
    assert_eq!(log.taken(), [&["torn".to_owned()], &values(4..5)[..]].concat());
}

#[test]
fn a_file_that_was_renamed_meanwhile_is_found_beside() {
    for is_rewritten in [false, true] {
        let mut log = Log::new();
        log.append(&lines(0..3));
        let cursor = log.poll(&mut log.follower(None)).cursor;
        log.append(&lines(3..5));
        fs::rename(log.path(), log.beside("access.log.1")).unwrap();
        append(&log.beside("access.log.2"), &lines(90..99));
        if is_rewritten {
            log.append(&lines(5..7));
        }
        let mut follower = log.follower(cursor);
        let batch = log.poll(&mut follower);
        assert_eq!(batch.notice, None);
        assert_eq!(log.taken(), values(0..if is_rewritten { 7 } else { 5 }));
        if !is_rewritten {
            log.append(&lines(5..7));
            log.poll(&mut follower);
            assert_eq!(log.taken(), values(5..7));
        }
    }
}

#[test]
fn a_copied_and_truncated_file_is_read_from_its_copy() {
    for is_running in [true, false] {
        let mut log = Log::new();
        log.append(&lines(0..3));
        let mut follower = log.follower(None);
        let cursor = log.poll(&mut follower).cursor;
        log.append(&lines(3..5));
        fs::copy(log.path(), log.beside("access.log.1")).unwrap();
        OpenOptions::new().write(true).truncate(true).open(log.path()).unwrap();
        // It may have grown beyond what was read before anybody looks again.
        log.append(&lines(5..15));
        let mut follower = if is_running { follower } else { log.follower(cursor) };
        let batch = log.poll(&mut follower);
        assert_eq!((log.taken(), batch.notice), (values(0..15), None), "running: {is_running}");
    }
}

#[test]
fn what_cannot_be_found_again_is_said() {
    let mut log = Log::new();
    log.append(&lines(0..3));
    let mut follower = log.follower(None);
    let cursor = log.poll(&mut follower).cursor;
    OpenOptions::new().write(true).truncate(true).open(log.path()).unwrap();
    log.append(&lines(3..4));
    let batch = log.poll(&mut follower);
    assert!(batch.notice.unwrap().contains("truncated"));
    let mut follower = log.follower(cursor);
    assert!(log.poll(&mut follower).notice.unwrap().contains("gone"));
    assert_eq!(log.taken(), [values(0..3), values(3..4), values(3..4)].concat());
}

#[test]
fn an_endless_line_is_cut_and_its_rest_skipped_across_restarts() {
    let mut log = Log::new();
    log.append(&format!("200 {}", "x".repeat(MAX_LINE_BYTES)));
    let mut follower = log.follower(None);
    let batch = follower.poll(7).unwrap();
    assert_eq!((batch.rows.len(), batch.cut_lines), (1, 1));
    log.append("yyy");
    let cursor = log.poll(&mut follower).cursor;
    log.append("zzz\n200 next\n");
    let mut follower = log.follower(cursor);
    log.poll(&mut follower);
    assert_eq!(log.taken(), ["next"]);
}

#[test]
fn a_batch_is_bounded_and_nothing_is_lost_between_two() {
    let mut log = Log::new();
    log.append(&"a\n".repeat(100_000));
    let mut follower = log.follower(None);
    let batch = follower.poll(7).unwrap();
    assert!(batch.rows.len() < 100_000 && !batch.is_at_end);
    log.poll(&mut follower);
    assert_eq!(batch.rows.len() + log.taken().len(), 100_000);
}

#[test]
fn what_is_no_file_is_an_error() {
    let log = Log::new();
    fs::create_dir(log.path()).unwrap();
    assert!(log.follower(None).poll(7).unwrap_err().to_string().contains("regular file"));
    let missing =
        Follower::new("/nowhere/at/all".into(), parser("envoy"), Some(Cursor::default()), true).poll(7);
    assert!(missing.unwrap().is_missing);
}

#[derive(Clone, Debug)]
enum Step {
    Write(u32),
    Torn,
    Poll,
    Restart,
    Rename,
    CopyAndTruncate,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u32..6).prop_map(Step::Write),
        1 => Just(Step::Torn),
        3 => Just(Step::Poll),
        2 => Just(Step::Restart),
        1 => Just(Step::Rename),
        1 => Just(Step::CopyAndTruncate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is written, rotated, read and killed in whatever order: each line comes once and in order, as long as
    /// somebody looks between two rotations and the first lines of a file have been seen.
    #[test]
    fn each_line_comes_once(steps in prop::collection::vec(step(), 0..40)) {
        let mut log = Log::new();
        let mut follower = log.follower(None);
        let mut stored = None;
        let (mut written, mut rotations) = (0, 0);
        let write = |log: &Log, written: &mut u32, count| {
            log.append(&lines(*written..*written + count));
            *written += count;
        };
        write(&log, &mut written, 3);
        stored = log.poll(&mut follower).cursor.or(stored);
        for step in steps {
            match step {
                Step::Write(count) => write(&log, &mut written, count),
                Step::Torn => {
                    let whole = line(written);
                    let (start, end) = whole.split_at(20);
                    log.append(start);
                    stored = log.poll(&mut follower).cursor;
                    log.append(end);
                    written += 1;
                }
                Step::Poll => stored = log.poll(&mut follower).cursor,
                Step::Restart => follower = log.follower(stored.clone()),
                Step::Rename | Step::CopyAndTruncate => {
                    rotations += 1;
                    let left = log.beside(&format!("access.log.{rotations}"));
                    if matches!(step, Step::Rename) {
                        fs::rename(log.path(), left).unwrap();
                    } else {
                        fs::copy(log.path(), left).unwrap();
                        OpenOptions::new().write(true).truncate(true).open(log.path()).unwrap();
                    }
                    write(&log, &mut written, 3);
                    stored = log.poll(&mut follower).cursor;
                }
            }
        }
        log.poll(&mut follower);
        prop_assert_eq!(log.taken(), values(0..written));
    }
}
