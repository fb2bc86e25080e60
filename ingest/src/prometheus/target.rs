//! One target: fetched, decoded and mapped.

use sidecarta_queries::rows::mesh::MeshCounter;

use super::Limits;
use super::exposition::{Exposition, ExpositionError, Format, Rejects, decode};
use super::mapping::{MappingContext, mesh_counters};
use super::process::ProcessSign;
use crate::discovery::{DiscoveredTarget, GetError};
use crate::http_get::{Answer, Get, get};

/// One target to be scraped.
#[derive(Clone, Debug)]
pub struct Target {
    discovered: DiscoveredTarget,
    path_and_query: String,
    context: MappingContext,
    limits: Limits,
}

/// Why a target cannot be used, whatever it answers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableTarget {
    /// Its counters would not be cumulative.
    #[error(
        "`{0}` asks the agent for `delta`, and so for counts since a minute ago: a scrape that fails would lose them; \
         ask without `delta`"
    )]
    Delta(String),
    /// Its histograms would not be cumulative.
    #[error(
        "`{0}` asks for `histogram_buckets=summary`, which Envoy gives of its last flush alone: ask without it"
    )]
    IntervalSummary(String),
}

/// Why a scrape gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeError {
    /// No answer came about.
    #[error(transparent)]
    Get(#[from] GetError),
    /// The answer is no exposition.
    #[error(transparent)]
    Exposition(#[from] ExpositionError),
    /// Decoding ended without a result.
    #[error("the answer could not be decoded")]
    NotDecoded,
}

/// What one scrape found.
#[derive(Clone, Debug, PartialEq)]
pub struct Scraped {
    /// The target that was asked.
    pub target: DiscoveredTarget,
    /// When the answer had come, ns since 1970.
    pub scraped_at_ns: i64,
    /// Which process it was, as far as it tells.
    pub process: ProcessSign,
    /// The edges, with cumulative counts.
    pub counters: Vec<MeshCounter>,
    /// How many series were read.
    pub series: u64,
    /// What was not taken.
    pub rejects: Rejects,
    /// In which format the target answered.
    pub format: Format,
    /// What the user should know, in words.
    pub detail: String,
}

impl Target {
    /// A target that has not been asked yet.
    ///
    /// # Errors
    /// If what it is asked for would not be cumulative.
    pub fn new(target: DiscoveredTarget, limits: Limits) -> Result<Self, UnusableTarget> {
        let path_and_query = target.path_and_query();
        let shown = || format!("{}{path_and_query}", target.address);
        for (name, value) in target.params() {
            match (name, value) {
                ("delta", _) => return Err(UnusableTarget::Delta(shown())),
                ("histogram_buckets", "summary") => return Err(UnusableTarget::IntervalSummary(shown())),
                _ => {}
            }
        }
        Ok(Self { context: MappingContext::of(&target), path_and_query, discovered: target, limits })
    }

    /// Where it is.
    pub fn target(&self) -> &DiscoveredTarget {
        &self.discovered
    }

    /// Asks the target.
    ///
    /// # Errors
    /// If no exposition came. What is bad in one that did is counted in [`Scraped::rejects`].
    pub async fn scrape(&self) -> Result<Scraped, ScrapeError> {
        let what = Get {
            path_and_query: &self.path_and_query,
            accept: Format::ACCEPT,
            extra: &[],
            limits: self.limits.get,
            readers: Some(&self.limits.readers),
        };
        let answer = get(&self.discovered.address, what).await?;
        let scraped_at_ns = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        let this = self.clone();
        // Beside the tasks that wait on sockets: a large text takes a while.
        let decoding = tokio::task::spawn_blocking(move || this.decoded(&answer, scraped_at_ns));
        decoding.await.unwrap_or(Err(ScrapeError::NotDecoded))
    }

    fn decoded(self, answer: &Answer, scraped_at_ns: i64) -> Result<Scraped, ScrapeError> {
        let format = Format::of_content_type(&answer.content_type)?;
        let exposition = decode(&answer.body, format, self.limits.decode)?;
        let Exposition { series, rejects, .. } = exposition;
        let process = ProcessSign::of(&exposition);
        let mapped = mesh_counters(&exposition, &self.context);
        let rejects = Rejects {
            values: rejects.values + mapped.rejects.values,
            labels: rejects.labels + mapped.rejects.labels,
            duplicates: rejects.duplicates + mapped.rejects.duplicates,
            ..rejects
        };
        let read = match format {
            Format::Protobuf => "protobuf",
            Format::OpenMetrics => "OpenMetrics text",
            Format::Text => "Prometheus text",
        };
        let mut detail = format!("{series} series as {read}, {} of a mesh", mapped.counters.len());
        for remark in [mapped.remark(), rejects.in_words()].into_iter().flatten() {
            detail += "; ";
            detail += &remark;
        }
        Ok(Scraped {
            target: self.discovered,
            scraped_at_ns,
            process,
            counters: mapped.counters,
            series,
            rejects,
            format,
            detail,
        })
    }
}
