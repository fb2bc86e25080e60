//! From the bytes of an answer to families, whatever the format, within limits.

use super::family::Family;
use super::{protobuf, text};

/// The formats, by what an answer says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `MetricFamily` messages, each behind its length.
    Protobuf,
    /// OpenMetrics text.
    OpenMetrics,
    /// Prometheus text, version 0.0.4.
    Text,
}

impl Format {
    /// What is asked for, the cheapest first.
    pub(super) const ACCEPT: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
         encoding=delimited, application/openmetrics-text; version=1.0.0; q=0.6, text/plain; version=0.0.4; q=0.4, \
         */*; q=0.1";

    /// The format that a `Content-Type` names. Some targets send none, or name none, and mean text.
    ///
    /// # Errors
    /// If it names something that is no exposition.
    pub fn of_content_type(content_type: &str) -> Result<Self, ExpositionError> {
        let lower = content_type.to_ascii_lowercase();
        let mut parts = lower.split(';').map(str::trim);
        let refuse = || ExpositionError::ContentType(content_type.chars().take(200).collect());
        match parts.next().unwrap_or_default() {
            "application/vnd.google.protobuf" => {
                let is_delimited = parts.clone().any(|part| part == "encoding=delimited");
                let is_family = parts.any(|part| part == "proto=io.prometheus.client.metricfamily");
                if is_delimited && is_family { Ok(Self::Protobuf) } else { Err(refuse()) }
            }
            "application/openmetrics-text" => Ok(Self::OpenMetrics),
            "" | "text/plain" | "application/octet-stream" => Ok(Self::Text),
            "text/html" => Err(ExpositionError::Html),
            _ => Err(refuse()),
        }
    }
}

/// How much is taken of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Series, each bucket and quantile counting as one.
    pub max_series: usize,
    /// Labels of one series.
    pub max_labels: usize,
    /// Bytes of a label's name or value, and of a metric's name.
    pub max_label_bytes: usize,
    /// Buckets of one histogram.
    pub max_buckets: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_series: 500_000, max_labels: 64, max_label_bytes: 2_048, max_buckets: 1_000 }
    }
}

/// What an answer holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition<'a> {
    /// Its families, in the order they came.
    pub families: Vec<Family<'a>>,
    /// How many series were read.
    pub series: u64,
    /// What was not taken.
    pub rejects: Rejects,
}

/// How much was not taken, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejects {
    /// Lines or messages that are not what the format has.
    pub malformed: u64,
    /// Counts that are negative, NaN, too large, or not in order.
    pub values: u64,
    /// Series with too many labels, too long ones, or one twice.
    pub labels: u64,
    /// Series beyond the limit of the target.
    pub over_limit: u64,
    /// Series that came twice.
    pub duplicates: u64,
    /// Whether the answer ended before its end.
    pub is_cut: bool,
}

impl Rejects {
    /// How much in all.
    pub fn total(&self) -> u64 {
        self.malformed
            + self.values
            + self.labels
            + self.over_limit
            + self.duplicates
            + u64::from(self.is_cut)
    }

    /// What of it there is, in words; nothing where there is none.
    pub fn in_words(&self) -> Option<String> {
        let parts = [
            (self.malformed, "not in the format"),
            (self.values, "counts that are none"),
            (self.labels, "series with too many, too long or repeated labels"),
            (self.over_limit, "series over `max_series`"),
            (self.duplicates, "series that came twice"),
        ];
        let parts =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        let cut = self.is_cut.then(|| "the answer ended before its end".to_owned());
        let words: Vec<_> = parts.chain(cut).collect();
        (!words.is_empty()).then(|| format!("left out: {}", words.join(", ")))
    }
}

/// Why an answer is no exposition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpositionError {
    /// A web page.
    #[error("a web page (HTML) came back: this is not an address of metrics")]
    Html,
    /// Something else.
    #[error("the answer has the content type `{0}`, which is no format of Prometheus")]
    ContentType(String),
    /// Said to be an exposition, and nothing of it could be read.
    #[error("nothing in the answer is a metric: this is not an address of metrics")]
    Nothing,
}

/// Reads an answer. What cannot be read is counted and left out, and the rest is kept.
///
/// # Errors
/// If nothing of it could be read.
pub fn decode(body: &[u8], format: Format, limits: DecodeLimits) -> Result<Exposition<'_>, ExpositionError> {
    if body.trim_ascii_start().first() == Some(&b'<') {
        return Err(ExpositionError::Html);
    }
    let exposition = match format {
        Format::Protobuf => protobuf::decode_delimited(body, limits),
        Format::OpenMetrics | Format::Text => text::decode_text(body, format, limits),
    };
    if exposition.families.is_empty() && exposition.rejects.total() > 0 {
        return Err(ExpositionError::Nothing);
    }
    Ok(exposition)
}

/// What is left of the limits of one answer.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) limits: DecodeLimits,
    series: usize,
    labels: usize,
}

/// Labels a series has on average at most: long lists of empty labels would take far more memory than bytes.
const LABELS_A_SERIES: usize = 12;

impl Budget {
    pub(super) fn new(limits: DecodeLimits) -> Self {
        Self { limits, series: 0, labels: 0 }
    }

    /// Whether there is room for some more.
    pub(super) fn take(&mut self, series: usize, labels: usize) -> bool {
        let most_labels = self.limits.max_series.saturating_mul(LABELS_A_SERIES);
        if self.limits.max_series - self.series < series || most_labels - self.labels < labels {
            return false;
        }
        self.series += series;
        self.labels += labels;
        true
    }

    pub(super) fn series(&self) -> u64 {
        self.series as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_says_which_format_it_is() {
        let envoy =
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
        for (content_type, format) in [
            (envoy, Some(Format::Protobuf)),
            ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text", None),
            ("application/openmetrics-text; version=1.0.0; charset=utf-8", Some(Format::OpenMetrics)),
            ("text/plain; charset=UTF-8", Some(Format::Text)),
            ("", Some(Format::Text)),
            ("text/html", None),
            ("application/json", None),
        ] {
            assert_eq!(Format::of_content_type(content_type).ok(), format, "{content_type}");
        }
    }

    #[test]
    fn what_is_no_exposition_is_refused() {
        let limits = DecodeLimits::default();
        for format in [Format::Protobuf, Format::OpenMetrics, Format::Text] {
            assert_eq!(decode(b" <html>", format, limits), Err(ExpositionError::Html));
            assert_eq!(decode(b"{\"a\": [1]}\n\n!", format, limits), Err(ExpositionError::Nothing));
        }
        assert_eq!(decode(b"", Format::Text, limits), Ok(Exposition::default()));
    }
}
