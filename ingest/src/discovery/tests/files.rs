use std::path::Path;

use tempfile::TempDir;

use super::{addresses, told};
use crate::discovery::Files;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// Renames the text into place, so that it is another file whatever the clock says.
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path("new"), text).expect("a file");
        std::fs::rename(self.path("new"), self.path(name)).expect("a file");
    }

    fn remove(&self, name: &str) {
        std::fs::remove_file(Path::new(&self.path(name))).expect("a file");
    }

    fn files(&self, patterns: &[&str]) -> Files {
        let paths: Vec<_> = patterns.iter().map(|pattern| self.path(pattern)).collect();
        Files::new(&paths, 3, 200, "file test")
    }
}

#[test]
fn a_file_is_read_when_it_changes() {
    let folder = Folder::new();
    folder.write("a.json", r#"[{"targets": ["a:1", "a:1"], "labels": {"service": "orders"}}]"#);
    let mut files = folder.files(&["a.json"]);
    let found = files.look();
    assert_eq!(addresses(&found), told(&["a:1"]));
    let target = &found.targets.as_ref().expect("a list")[0];
    assert_eq!((target.label("service"), &*target.discovery), (Some("orders"), "file test"));
    assert_eq!(addresses(&files.look()), None, "nothing has changed");
    folder.write("a.json", r#"[{"targets": ["a:1", "b:1"]}]"#);
    assert_eq!(addresses(&files.look()), told(&["a:1", "b:1"]));
}

#[test]
fn a_broken_file_keeps_its_last_good_list_and_says_so() {
    let folder = Folder::new();
    folder.write("a.json", r#"[{"targets": ["a:1"]}]"#);
    folder.write("b.yml", "- targets: ['b:1']\n");
    let mut files = folder.files(&["*.json", "*.yml"]);
    assert_eq!(addresses(&files.look()), told(&["a:1", "b:1"]));
    folder.write("a.json", r#"[{"targets": ["a:"#);
    folder.write("b.yml", "- targets: ['c:1']\n");
    let found = files.look();
    assert_eq!(addresses(&found), told(&["a:1", "c:1"]));
    assert_eq!(found.failures.len(), 1);
    for words in ["a.json`", "JSON list", "line 1", "its last good list stays in use"] {
        assert!(found.failures[0].contains(words), "{words}: {}", found.failures[0]);
    }
    assert_eq!(files.look().failures.len(), 1, "it is still broken");
    folder.write("a.json", "[]");
    let mended = files.look();
    assert_eq!((addresses(&mended), mended.failures), (told(&["c:1"]), vec![]));
}

#[test]
fn files_come_and_go() {
    let folder = Folder::new();
    let mut files = folder.files(&["targets-*.json"]);
    let found = files.look();
    assert_eq!(addresses(&found), told(&[]));
    assert!(found.failures[0].contains("no file is at"), "{:?}", found.failures);
    folder.write("targets-1.json", r#"[{"targets": ["a:1"]}]"#);
    folder.write("other.json", r#"[{"targets": ["z:1"]}]"#);
    assert_eq!(addresses(&files.look()), told(&["a:1"]));
    folder.write("targets-2.json", r#"[{"targets": ["b:1"]}]"#);
    assert_eq!(addresses(&files.look()), told(&["a:1", "b:1"]));
    folder.remove("targets-1.json");
    assert_eq!(addresses(&files.look()), told(&["b:1"]));
}

#[test]
fn a_folder_that_cannot_be_listed_takes_nothing_away() {
    let folder = Folder::new();
    let inner = folder.0.path().join("inner");
    std::fs::create_dir(&inner).expect("a folder");
    folder.write("inner/a.json", r#"[{"targets": ["a:1"]}]"#);
    let mut files = folder.files(&["inner/*.json"]);
    assert_eq!(addresses(&files.look()), told(&["a:1"]));
    std::fs::rename(&inner, folder.0.path().join("elsewhere")).expect("a folder");
    let found = files.look();
    assert_eq!(addresses(&found), None);
    assert!(found.failures[0].contains("cannot be looked for"), "{:?}", found.failures);
}

#[test]
fn bad_entries_and_too_many_are_counted_and_the_rest_is_kept() {
    let folder = Folder::new();
    folder.write(
        "a.json",
        r#"[{"targets": ["a:1", "b", "https://c:1", "d:1", "e:1", "f:1", "g:1", "h:0", "i"]}]"#,
    );
    let mut files = folder.files(&["a.json"]);
    let found = files.look();
    assert_eq!(addresses(&found), told(&["a:1", "d:1", "e:1"]));
    assert_eq!((found.refused_count, found.refused.len(), found.over_limit), (4, 3, 2));
    folder.write("a.json", &format!("[{}]", " ".repeat(300)));
    let found = files.look();
    assert!(found.failures[0].contains("larger than 200 bytes"), "{:?}", found.failures);
    assert_eq!(addresses(&found), told(&["a:1", "d:1", "e:1"]));
}
