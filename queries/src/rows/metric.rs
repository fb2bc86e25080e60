//! Data points of metrics: what a source decodes, and the columns they become.

use std::borrow::Cow;

use super::Origin;

mod batch;

pub use batch::{MetricBatch, MetricBatchBuilder};

/// One data point as decoded, borrowed from its request.
#[derive(Clone, Debug, Default)]
pub struct MetricPoint<'a> {
    /// When the value held, ns since 1970; when it was received where the point has no time.
    pub time_ns: i64,
    /// Since when it counts, ns since 1970; zero where that is not known.
    pub start_ns: i64,
    /// Name of the metric; never empty.
    pub name: &'a str,
    /// Unit in UCUM, or empty.
    pub unit: &'a str,
    /// Whether it counts from its start or from the point before it.
    pub temporality: Temporality,
    /// Whether a sum can only grow.
    pub is_monotonic: bool,
    /// Who made it.
    pub origin: Origin<'a>,
    /// Name of the instrumentation scope, or empty.
    pub scope: &'a str,
    /// All attributes as text, each key once: arrays and maps as JSON.
    pub attributes: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// The attributes of the resource it comes from.
    pub resource: &'a [(Cow<'a, str>, Cow<'a, str>)],
    /// Bits as in OTLP; the lowest one says that nothing was recorded, see [`MetricPoint::NO_RECORDED_VALUE`].
    pub flags: u32,
    /// What was measured.
    pub data: PointData<'a>,
}

impl MetricPoint<'_> {
    /// The bit in [`MetricPoint::flags`] by which a sender says that a series has ended.
    pub const NO_RECORDED_VALUE: u32 = 1;
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PointData<'a> {
    /// A value that goes up and down.
    Gauge(Number),
    /// A count.
    Sum(Number),
    /// Counts in buckets with stated bounds.
    Histogram(Histogram<'a>),
    /// Counts in buckets whose bounds are powers of one base.
    ExponentialHistogram(ExponentialHistogram<'a>),
    /// Quantiles that the sender worked out.
    Summary(Summary<'a>),
}

impl Default for PointData<'_> {
    fn default() -> Self {
        Self::Gauge(Number::None)
    }
}

impl PointData<'_> {
    /// Its kind.
    pub fn kind(&self) -> MetricKind {
        match self {
            Self::Gauge(_) => MetricKind::Gauge,
            Self::Sum(_) => MetricKind::Sum,
            Self::Histogram(_) => MetricKind::Histogram,
            Self::ExponentialHistogram(_) => MetricKind::ExponentialHistogram,
            Self::Summary(_) => MetricKind::Summary,
        }
    }
}

/// The value of a gauge or sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Number {
    /// Nothing was recorded.
    #[default]
    None,
    /// A floating-point number.
    Double(f64),
    /// A whole number.
    Int(i64),
}

/// Counts in buckets with stated bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Histogram<'a> {
    /// Values in it.
    pub count: u64,
    /// Their sum, where stated.
    pub sum: Option<f64>,
    /// The smallest, where stated.
    pub min: Option<f64>,
    /// The largest, where stated.
    pub max: Option<f64>,
    /// Upper bounds of the buckets, inclusive, each greater than the one before. The last bucket has none.
    pub bounds: &'a [f64],
    /// Values in each bucket: one more than there are bounds, or none where only the totals are known.
    pub counts: &'a [u64],
}

/// Counts in buckets whose bounds are powers of 2^(2^-scale).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExponentialHistogram<'a> {
    /// Values in it.
    pub count: u64,
    /// Their sum, where stated.
    pub sum: Option<f64>,
    /// The smallest, where stated.
    pub min: Option<f64>,
    /// The largest, where stated.
    pub max: Option<f64>,
    /// How fine the buckets are.
    pub scale: i32,
    /// Values not further from zero than [`ExponentialHistogram::zero_threshold`].
    pub zero_count: u64,
    /// What still counts as zero.
    pub zero_threshold: f64,
    /// Values above zero.
    pub positive: Buckets<'a>,
    /// Values below zero, by their distance from it.
    pub negative: Buckets<'a>,
}

/// One side of an exponential histogram: bucket `i` holds values from base^(offset+i), exclusive, to base^(offset+i+1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buckets<'a> {
    /// Number of the first bucket.
    pub offset: i32,
    /// Values in each bucket.
    pub counts: &'a [u64],
}

/// Quantiles that the sender worked out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary<'a> {
    /// Values in it.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Quantile, from 0 to 1, and the value there.
    pub quantiles: &'a [(f64, f64)],
}

/// What kind of metric a point belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge = 1,
    /// A count.
    Sum = 2,
    /// Counts in buckets with stated bounds.
    Histogram = 3,
    /// Counts in buckets whose bounds are powers of one base.
    ExponentialHistogram = 4,
    /// Quantiles that the sender worked out.
    Summary = 5,
}

impl MetricKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Sum => "sum",
            Self::Histogram => "histogram",
            Self::ExponentialHistogram => "exponential_histogram",
            Self::Summary => "summary",
        }
    }
}

/// Since when a point counts, numbered as in OTLP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Temporality {
    /// Not stated, or without meaning, as for a gauge.
    #[default]
    None = 0,
    /// Since the point before it.
    Delta = 1,
    /// Since its start.
    Cumulative = 2,
}

impl Temporality {
    /// The temporality with this number in OTLP; unknown numbers are none.
    pub fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Delta,
            2 => Self::Cumulative,
            _ => Self::None,
        }
    }
}
