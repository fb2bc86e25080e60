//! Lists of targets as Prometheus has them in files and on HTTP servers: groups of addresses with labels.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Some addresses and the labels that they share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct TargetGroup {
    /// Addresses, each `host:port`.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Their labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// Why a text is no list of targets.
#[derive(Debug, thiserror::Error)]
pub enum GroupsError {
    /// Not text at all.
    #[error("it is not UTF-8 text")]
    Utf8(#[from] std::str::Utf8Error),
    /// Not the JSON that is wanted.
    #[error("it is not a JSON list of {{\"targets\": [\"host:port\"], \"labels\": {{}}}}")]
    Json(#[from] serde_json::Error),
    /// Not the YAML that is wanted.
    #[error("it is not a YAML list of `targets` with `labels`: {0}")]
    Yaml(String),
}

/// Reads a list.
///
/// # Errors
/// If it is not such a list as a whole; a single bad address is for [`super::DiscoveredTarget::new`] to refuse.
pub fn read_groups(text: &[u8], form: TextForm) -> Result<Vec<TargetGroup>, GroupsError> {
    let text = std::str::from_utf8(text)?;
    match form {
        TextForm::Json => Ok(serde_json::from_str(text)?),
        // An empty file is an empty list in YAML.
        TextForm::Yaml if text.trim().is_empty() => Ok(Vec::new()),
        TextForm::Yaml => serde_saphyr::from_str(text).map_err(|error| {
            // The first line says what and where; the rest draws a picture of it.
            GroupsError::Yaml(error.to_string().lines().next().unwrap_or_default().to_owned())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_yaml_say_the_same() {
        let json = br#"[{"targets": ["a:1", "b:2"], "labels": {"service": "orders", "version": "2"}}, {"targets": []}]"#;
        let yaml =
            b"- targets: ['a:1', \"b:2\"]\n  labels:\n    service: orders\n    version: 2\n- targets: []\n";
        // YAML has more words for true and more ways to write a number than anyone means in a label.
        let odd = b"- targets: [a:1]\n  labels: {a: y, b: no, c: 1.10, d: 0x10, e: true}\n";
        let odd = read_groups(odd, TextForm::Yaml).expect("YAML");
        assert_eq!(odd[0].labels.values().collect::<Vec<_>>(), ["y", "no", "1.10", "0x10", "true"]);
        let groups = read_groups(json, TextForm::Json).expect("JSON");
        assert_eq!(groups, read_groups(yaml, TextForm::Yaml).expect("YAML"));
        assert_eq!(groups[0].labels["version"], "2");
        assert_eq!(read_groups(b"", TextForm::Yaml).expect("an empty list"), []);
    }

    #[test]
    fn what_is_no_list_is_refused_in_words() {
        let laughs = "- &a [x,x,x,x,x,x,x,x,x]\n".to_owned()
            + &(b'b'..b'k').fold(String::new(), |text, letter| {
                let (name, before) = (char::from(letter), char::from(letter - 1));
                text + &format!("- &{name} [{}]\n", format!("*{before},").repeat(9))
            });
        for (text, form) in [
            (&b"[{\"targets\": "[..], TextForm::Json),
            (b"{}", TextForm::Json),
            (b"<html>", TextForm::Json),
            (b"\xff\xfe", TextForm::Json),
            (b"- targets: [", TextForm::Yaml),
            (b"targets: a", TextForm::Yaml),
            (laughs.as_bytes(), TextForm::Yaml),
            ("[".repeat(100_000).as_bytes(), TextForm::Json),
            ("[".repeat(100_000).as_bytes(), TextForm::Yaml),
        ] {
            let error = read_groups(text, form).expect_err("no list").to_string();
            assert!(error.starts_with("it is not "), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
