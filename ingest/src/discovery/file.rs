//! Lists of targets in files. A file is read again when its time, size or identity changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use super::group::{GroupsError, TargetGroup, TextForm, read_groups};
use super::report::{Report, kept};
use super::{Found, TargetList, pause, publish};
use crate::envoy::error::in_one_line;

/// How many files the patterns of one source may match.
const MAX_FILES: usize = 1_000;

/// Why a file gives no list.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[from] io::Error),
    /// It is larger than is taken.
    #[error("it is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// It holds something else.
    #[error(transparent)]
    Groups(#[from] GroupsError),
}

/// Why a path names no files.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` {reason}")]
pub struct PatternError {
    path: String,
    reason: &'static str,
}

/// A path whose last element may hold `*`.
#[derive(Clone, Debug)]
pub(super) struct FilePattern {
    path: PathBuf,
    name: Option<glob::Pattern>,
}

impl FilePattern {
    pub(super) fn new(text: &str) -> Result<Self, PatternError> {
        let refuse = |reason| PatternError { path: text.to_owned(), reason };
        let path = PathBuf::from(text);
        if form_of(&path).is_none() {
            return Err(refuse("must end in .json, .yml or .yaml"));
        }
        let (folder, name) = text.rsplit_once('/').unwrap_or(("", text));
        if folder.contains('*') {
            return Err(refuse("may hold * only after its last /"));
        }
        if !name.contains('*') {
            return Ok(Self { path, name: None });
        }
        // Prometheus knows no other sign than the star here.
        let pattern: Vec<_> = name.split('*').map(glob::Pattern::escape).collect();
        let name = glob::Pattern::new(&pattern.join("*")).map_err(|_| refuse("is no pattern"))?;
        Ok(Self { path, name: Some(name) })
    }

    /// The files that are there, sorted.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let Some(pattern) = &self.name else {
            return Ok(if self.path.try_exists()? { vec![self.path.clone()] } else { Vec::new() });
        };
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut files = Vec::new();
        for entry in folder.read_dir()? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|name| pattern.matches(name)) {
                files.push(folder.join(entry.file_name()));
            }
        }
        files.sort();
        Ok(files)
    }
}

fn form_of(path: &Path) -> Option<TextForm> {
    match path.extension()?.to_str()? {
        "json" | "JSON" => Some(TextForm::Json),
        "yml" | "yaml" | "YML" | "YAML" => Some(TextForm::Yaml),
        _ => None,
    }
}

/// What changes when a file does.
type Stamp = (u64, i64, i64, u64);

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec(), metadata.ino())
}

#[derive(Debug, Default)]
struct KnownFile {
    stamp: Option<Stamp>,
    /// The last good list.
    groups: Option<Vec<TargetGroup>>,
    failure: Option<String>,
}

impl KnownFile {
    /// Reads the file if it changed. Gives whether its list may have.
    fn look(&mut self, path: &Path, max_bytes: u64) -> bool {
        let metadata = path.metadata();
        let now = metadata.as_ref().ok().map(stamp);
        if now.is_some() && now == self.stamp {
            return false;
        }
        let read = metadata.map_err(FileError::from).and_then(|_| read(path, max_bytes));
        match read {
            Ok(groups) => {
                self.groups = Some(groups);
                self.failure = None;
            }
            Err(error) => {
                let reason = in_one_line(&error);
                let kept = kept(self.groups.is_some());
                self.failure = Some(format!("`{}`: {reason}; {kept}; mend the file", path.display()));
            }
        }
        // Taken before the content, so that a change in between is seen the next time.
        self.stamp = now;
        true
    }
}

fn read(path: &Path, max_bytes: u64) -> Result<Vec<TargetGroup>, FileError> {
    let mut text = Vec::new();
    io::copy(&mut File::open(path)?.take(max_bytes.saturating_add(1)), &mut text)?;
    if text.len() as u64 > max_bytes {
        return Err(FileError::TooLarge { limit_bytes: max_bytes });
    }
    Ok(read_groups(&text, form_of(path).unwrap_or(TextForm::Json))?)
}

/// The files of one source, with what is known of each.
#[derive(Debug)]
pub struct Files {
    patterns: Vec<FilePattern>,
    max_targets: usize,
    max_bytes: u64,
    discovery: String,
    known: BTreeMap<PathBuf, KnownFile>,
    last: Found,
}

impl Files {
    /// Files that nobody has looked at yet. Paths that are no patterns are left out; the configuration refuses them.
    pub fn new(paths: &[String], max_targets: usize, max_bytes: u64, discovery: &str) -> Self {
        Self {
            patterns: paths.iter().filter_map(|path| FilePattern::new(path).ok()).collect(),
            max_targets,
            max_bytes,
            discovery: discovery.to_owned(),
            known: BTreeMap::new(),
            last: Found::default(),
        }
    }

    /// Looks at all files and reads those that changed. Blocks.
    pub fn look(&mut self) -> Found {
        let mut present = BTreeSet::new();
        let mut failures = Vec::new();
        let mut is_listed = true;
        for pattern in &self.patterns {
            let path = pattern.path.display();
            match pattern.files() {
                Ok(files) if files.is_empty() => {
                    failures.push(format!("no file is at `{path}`: create it, or correct `paths`"));
                }
                Ok(files) => present.extend(files),
                Err(error) => {
                    is_listed = false;
                    failures.push(format!("`{path}` cannot be looked for: {error}"));
                }
            }
        }
        if present.len() > MAX_FILES {
            failures.push(format!("{} files match, of which the first {MAX_FILES} are read", present.len()));
            present = present.into_iter().take(MAX_FILES).collect();
        }
        let mut is_changed = self.last.targets.is_none();
        if is_listed {
            // What is gone is gone; what cannot be listed at the moment may still be there.
            let before = self.known.len();
            self.known.retain(|path, _| present.contains(path));
            is_changed |= self.known.len() != before;
        }
        for path in &present {
            is_changed |= self.known.entry(path.clone()).or_default().look(path, self.max_bytes);
        }
        if is_changed {
            let groups = self.known.values().filter_map(|file| file.groups.as_ref()).flatten();
            self.last = Found::of_groups(groups, self.max_targets, &self.discovery);
        }
        failures.extend(self.known.values().filter_map(|file| file.failure.clone()));
        let files = if self.known.len() == 1 { "file" } else { "files" };
        Found {
            targets: self.last.targets.clone().filter(|_| is_changed),
            failures,
            looked_at: format!("{} {files}", self.known.len()),
            ..self.last.clone()
        }
    }
}

/// Looks again and again.
pub(super) async fn run(
    mut files: Files,
    every: Duration,
    mut report: Report,
    list: watch::Sender<TargetList>,
) {
    loop {
        let looking = tokio::task::spawn_blocking(move || {
            let found = files.look();
            (files, found)
        });
        let Ok((looked, found)) = looking.await else { return };
        files = looked;
        report.looked(&found);
        publish(&list, found.targets);
        pause(every).await;
    }
}
