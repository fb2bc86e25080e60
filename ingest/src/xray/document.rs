//! One segment or subsegment: what every one must have.

use super::ids::{span_id, trace_id};
use super::json::Object;
use super::time::{TimeError, nanoseconds};

/// Why a segment or subsegment cannot be taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Flaw {
    #[error("it is not an object of JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("trace_id is not `1-<8 hex>-<24 hex>` or 32 hex digits")]
    TraceId,
    #[error("id is not 16 hex digits")]
    Id,
    #[error("parent_id is not 16 hex digits")]
    ParentId,
    #[error("{key} {error}")]
    Time { key: &'static str, error: TimeError },
    #[error("a subsegment without parent_id belongs to no segment")]
    NoParent,
    #[error("subsegments are nested more than {limit} deep")]
    TooDeep { limit: usize },
}

/// A segment, or a subsegment of one.
#[derive(Debug)]
pub(super) struct Entity<'a> {
    pub(super) object: Object<'a>,
    pub(super) trace_id: u128,
    pub(super) id: u64,
    /// Zero where there is none.
    pub(super) parent_id: u64,
    /// May be empty.
    pub(super) name: String,
    /// ns since 1970.
    pub(super) start_ns: u64,
    /// ns since 1970; none while it is in progress.
    pub(super) end_ns: Option<u64>,
    pub(super) is_segment: bool,
}

impl<'a> Entity<'a> {
    /// Reads a document.
    ///
    /// # Errors
    /// If it is no segment or subsegment.
    pub(super) fn document(text: &'a str) -> Result<Self, Flaw> {
        let object = Object::parse(text)?;
        let trace_id = object.text("trace_id").and_then(|text| trace_id(&text)).ok_or(Flaw::TraceId)?;
        let is_segment = object.text("type").as_deref() != Some("subsegment");
        let parent_id = parent(&object)?;
        if !is_segment && parent_id == 0 {
            return Err(Flaw::NoParent);
        }
        Self::read(object, trace_id, parent_id, is_segment)
    }

    /// Reads a subsegment that is within the document of `above`.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn embedded(text: &'a str, trace_id: u128, above: u64) -> Result<Self, Flaw> {
        Self::read(Object::parse(text)?, trace_id, above, false)
    }

    fn read(object: Object<'a>, trace_id: u128, parent_id: u64, is_segment: bool) -> Result<Self, Flaw> {
        let id = object.text("id").and_then(|text| span_id(&text)).ok_or(Flaw::Id)?;
        let time = |key| match object.raw(key) {
            Some(raw) => nanoseconds(raw).map(Some).map_err(|error| Flaw::Time { key, error }),
            None => Ok(None),
        };
        let not_there = Flaw::Time { key: "start_time", error: TimeError::NotNumber };
        let start_ns = time("start_time")?.ok_or(not_there)?;
        let end_ns = time("end_time")?;
        let name = object.text("name").unwrap_or_default();
        Ok(Self { object, trace_id, id, parent_id, name, start_ns, end_ns, is_segment })
    }

    /// The subsegments within it, as they stand there.
    pub(super) fn subsegments(&self) -> Vec<&'a str> {
        self.object.list("subsegments")
    }

    /// Whether X-Ray made it of what a subsegment says of its call.
    pub(super) fn is_inferred(&self) -> bool {
        self.object.flag("inferred")
    }

    /// Whether a proxy made it.
    pub(super) fn is_by_proxy(&self) -> bool {
        if self.object.text("origin").as_deref() == Some("AWS::AppMesh::Proxy") {
            return true;
        }
        let annotations = self.object.object("annotations");
        let has = |key| annotations.raw(key).is_some();
        annotations.text("component").as_deref() == Some("proxy")
            && (has("upstream_cluster") || has("response_flags") || has("direction"))
    }
}

fn parent(object: &Object<'_>) -> Result<u64, Flaw> {
    match object.text("parent_id") {
        Some(text) => span_id(&text).ok_or(Flaw::ParentId),
        None => Ok(0),
    }
}

/// The trace that a document is of, by which documents can be put together before they are converted. None where it
/// says nothing valid.
pub fn trace_of(document: &str) -> Option<u128> {
    Object::parse(document).ok()?.text("trace_id").and_then(|text| trace_id(&text))
}
