//! What every exposition format says, in one form.

use std::borrow::Cow;

/// Names with values, sorted by name, each name once.
pub type Labels<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// All samples of one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Family<'a> {
    /// Its name; that of a counter as its samples bear it, with `_total` where they have it.
    pub name: Cow<'a, str>,
    /// What its samples are.
    pub kind: Kind,
    /// The unit, where told.
    pub unit: Option<Cow<'a, str>>,
    /// Whether values reach back to a start or only to the message before.
    pub temporality: Temporality,
    /// The samples, in the order they came.
    pub samples: Vec<Sample<'a>>,
}

/// What a family's samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A count that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
    /// Quantiles.
    Summary,
    /// Anything.
    Unknown,
}

/// What the values of a family reach back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Temporality {
    /// The start of the process, or of the series.
    #[default]
    Cumulative,
    /// The message before.
    Delta,
}

/// One series at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// Its labels, without `le` and `quantile`.
    pub labels: Labels<'a>,
    /// Its value.
    pub value: Value,
    /// When it was taken, ms since 1970, where told.
    pub timestamp_ms: Option<i64>,
}

impl Sample<'_> {
    /// The value of a label; empty where it has none, which means the same.
    pub fn label(&self, name: &str) -> &str {
        self.labels
            .binary_search_by(|(known, _)| known.as_ref().cmp(name))
            .map_or("", |at| self.labels[at].1.as_ref())
    }
}

/// A sample's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of a counter, a gauge or something unknown. A counter's is neither negative nor NaN.
    Number(f64),
    /// Of a histogram.
    Histogram(Histogram),
    /// Of a summary.
    Summary(Summary),
}

/// Counts by size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Buckets with an upper bound, ascending in bound and count.
    pub buckets: Vec<Bucket>,
    /// How many there are in all.
    pub count: u64,
    /// Their sum; nothing where it is not told or no finite number.
    pub sum: Option<f64>,
    /// The exponential buckets, where the target offers them.
    pub native: Option<NativeHistogram>,
}

/// How many are at most as large as a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The bound, inclusive by Prometheus' rules. Envoy counts its whole bin that starts at a bound to it, so that 50 takes
    /// in what took 50 to 51 ms.
    pub upper_bound: f64,
    /// How many there are up to it.
    pub cumulative: u64,
}

/// Exponential buckets. The bucket of index `i` reaches from `base^(i - 1)` to `base^i`, exclusive and inclusive, where the
/// base is `2^(2^-schema)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NativeHistogram {
    /// How fine the buckets are: each step halves them.
    pub schema: i32,
    /// Up to which size, in either direction, all is taken for zero.
    pub zero_threshold: f64,
    /// How many are taken for zero.
    pub zero_count: u64,
    /// Index and count of the buckets of positive sizes, ascending.
    pub positive: Vec<(i32, u64)>,
    /// The same of negative sizes.
    pub negative: Vec<(i32, u64)>,
}

/// Quantiles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The quantiles; the values are NaN where there is nothing to take them of.
    pub quantiles: Vec<Quantile>,
    /// How many there are in all.
    pub count: u64,
    /// Their sum; nothing where it is not told or no finite number.
    pub sum: Option<f64>,
}

/// One quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// Which, 0 to 1.
    pub quantile: f64,
    /// Its value.
    pub value: f64,
}

/// A number as a count. Nothing for what is no count: negative, NaN, or so large that it was negative before it was written
/// down, as some of Envoy's gauges near 2^64 are.
pub fn count(number: f64) -> Option<u64> {
    const TOO_LARGE: f64 = (1_u64 << 63) as f64;
    (0.0..TOO_LARGE).contains(&number).then(|| number.round() as u64)
}
