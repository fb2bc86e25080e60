//! Puts lines together to families: the lines of one histogram stand apart from each other.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::prometheus::exposition::{Budget, Exposition, Rejects};
use crate::prometheus::family::{
    Bucket, Family, Kind, Labels, Quantile, Sample, Summary, Temporality, Value, count,
};
use crate::prometheus::histogram::Parts;

/// The families as far as they have come.
pub(super) struct Assembly<'a> {
    pub(super) budget: Budget,
    pub(super) rejects: Rejects,
    families: Vec<Building<'a>>,
    /// Families by their declared name.
    by_name: HashMap<&'a str, usize>,
    current: Option<usize>,
}

struct Building<'a> {
    /// As declared, on which the names of its samples build.
    base: &'a str,
    name: &'a str,
    kind: Kind,
    unit: Option<&'a str>,
    samples: Vec<(Labels<'a>, Option<i64>, Part)>,
    /// Samples by their labels, of histograms and summaries.
    by_labels: HashMap<Labels<'a>, usize>,
}

enum Part {
    Number(f64),
    Histogram(Parts),
    Summary { parts: Parts, quantiles: Vec<Quantile> },
}

/// What a sample is to its family, by the end of its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Whole,
    Total,
    Bucket,
    Sum,
    Count,
    Created,
}

fn role(kind: Kind, end: &str) -> Option<Role> {
    match (kind, end) {
        (Kind::Histogram, "_bucket") => Some(Role::Bucket),
        (Kind::Histogram | Kind::Summary, "_sum") => Some(Role::Sum),
        (Kind::Histogram | Kind::Summary, "_count") => Some(Role::Count),
        (Kind::Counter, "_total") => Some(Role::Total),
        (Kind::Histogram | Kind::Summary | Kind::Counter, "_created") => Some(Role::Created),
        (_, "") => Some(Role::Whole),
        _ => None,
    }
}

impl<'a> Assembly<'a> {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            rejects: Rejects::default(),
            families: Vec::new(),
            by_name: HashMap::new(),
            current: None,
        }
    }

    /// Begins a family. What is said of one a second time is not believed.
    pub(super) fn declare(&mut self, name: &'a str, kind: Kind) {
        match self.by_name.entry(name) {
            Entry::Occupied(known) => {
                let at = *known.get();
                self.current = Some(at);
                if self.families[at].samples.is_empty() && self.families[at].kind == Kind::Unknown {
                    self.families[at].kind = kind;
                } else if self.families[at].kind != kind {
                    self.rejects.malformed += 1;
                }
            }
            Entry::Vacant(free) => {
                if !self.budget.take(1, 0) {
                    self.rejects.over_limit += 1;
                    self.current = None;
                    return;
                }
                free.insert(self.families.len());
                self.current = Some(self.families.len());
                self.families.push(Building::new(name, kind));
            }
        }
    }

    /// Takes note of a family's unit, which may come before its type.
    pub(super) fn unit(&mut self, name: &'a str, unit: &'a str) {
        if !self.by_name.contains_key(name) {
            self.declare(name, Kind::Unknown);
        }
        if let Some(at) = self.by_name.get(name) {
            self.families[*at].unit = Some(unit);
        }
    }

    /// Adds a sample.
    pub(super) fn add(&mut self, name: &'a str, labels: Labels<'a>, value: f64, timestamp_ms: Option<i64>) {
        let Some((at, role)) = self.family_of(name) else { return };
        let family = &mut self.families[at];
        match (family.kind, role) {
            (_, Role::Created) => {}
            (Kind::Histogram | Kind::Summary, _) => self.add_part(at, role, labels, value, timestamp_ms),
            (Kind::Counter, _) if value.is_nan() || value < 0.0 => self.rejects.values += 1,
            _ => {
                if !self.budget.take(1, labels.len()) {
                    self.rejects.over_limit += 1;
                    return;
                }
                if role == Role::Total {
                    family.name = name;
                }
                family.samples.push((labels, timestamp_ms, Part::Number(value)));
            }
        }
    }

    fn add_part(
        &mut self,
        at: usize,
        role: Role,
        mut labels: Labels<'a>,
        value: f64,
        timestamp_ms: Option<i64>,
    ) {
        let is_histogram = self.families[at].kind == Kind::Histogram;
        let max_buckets = self.budget.limits.max_buckets;
        let own = if is_histogram { "le" } else { "quantile" };
        let bound = match role {
            Role::Bucket | Role::Whole => {
                let place = labels.iter().position(|(name, _)| name == own);
                let bound = place.and_then(|place| labels.remove(place).1.parse::<f64>().ok());
                let Some(bound) = bound.filter(|_| is_histogram == (role == Role::Bucket)) else {
                    self.rejects.malformed += 1;
                    return;
                };
                bound
            }
            _ => 0.0,
        };
        let Some(part) = self.part_of(at, labels, timestamp_ms) else {
            self.rejects.over_limit += 1;
            return;
        };
        let (parts, quantiles) = match part {
            Part::Number(_) => return,
            Part::Histogram(parts) => (parts, None),
            Part::Summary { parts, quantiles } => (parts, Some(quantiles)),
        };
        match (role, count(value)) {
            (Role::Sum, _) => parts.sum = Some(value),
            (Role::Count, Some(count)) => parts.count = Some(count),
            (Role::Bucket, Some(cumulative)) => {
                parts.buckets.push(Bucket { upper_bound: bound, cumulative });
                parts.is_bad |= parts.buckets.len() > max_buckets;
            }
            (Role::Whole, _) => {
                if let Some(quantiles) = quantiles.filter(|known| known.len() < max_buckets) {
                    quantiles.push(Quantile { quantile: bound, value });
                }
            }
            _ => parts.is_bad = true,
        }
    }

    /// The histogram or summary that a line belongs to.
    fn part_of(&mut self, at: usize, labels: Labels<'a>, timestamp_ms: Option<i64>) -> Option<&mut Part> {
        let family = &mut self.families[at];
        // The lines of a series mostly stand together.
        let last = family.samples.len().checked_sub(1).filter(|last| family.samples[*last].0 == labels);
        let known = last.or_else(|| family.by_labels.get(&labels).copied());
        // A new one keeps its labels twice.
        let new_labels = if known.is_some() { 0 } else { labels.len().saturating_mul(2) };
        if !self.budget.take(1, new_labels) {
            return None;
        }
        let place = known.unwrap_or_else(|| {
            let part = match family.kind {
                Kind::Histogram => Part::Histogram(Parts::default()),
                _ => Part::Summary { parts: Parts::default(), quantiles: Vec::new() },
            };
            family.by_labels.insert(labels.clone(), family.samples.len());
            family.samples.push((labels, timestamp_ms, part));
            family.samples.len() - 1
        });
        family.samples.get_mut(place).map(|(_, _, part)| part)
    }

    /// The family that a sample belongs to and what it is there; an unknown one where none was declared. Nothing where
    /// there is no room for another, which is counted.
    fn family_of(&mut self, name: &'a str) -> Option<(usize, Role)> {
        let in_family = |family: &Building<'_>| role(family.kind, name.strip_prefix(family.base)?);
        if let Some(at) = self.current
            && let Some(role) = in_family(&self.families[at])
        {
            return Some((at, role));
        }
        let ends = ["", "_bucket", "_sum", "_count", "_total", "_created"];
        let known = ends.iter().find_map(|end| {
            let at = *self.by_name.get(name.strip_suffix(end)?)?;
            Some((at, role(self.families[at].kind, end)?))
        });
        if let Some((at, role)) = known {
            self.current = Some(at);
            return Some((at, role));
        }
        self.declare(name, Kind::Unknown);
        Some((self.current?, Role::Whole))
    }

    /// The families, with what contradicts itself left out.
    pub(super) fn finished(self) -> Exposition<'a> {
        let mut rejects = self.rejects;
        let mut families = Vec::with_capacity(self.families.len());
        for family in self.families {
            let mut samples = Vec::with_capacity(family.samples.len());
            for (labels, timestamp_ms, part) in family.samples {
                match value(part) {
                    Some(value) => samples.push(Sample { labels, value, timestamp_ms }),
                    None => rejects.values += 1,
                }
            }
            if !samples.is_empty() {
                families.push(Family {
                    name: Cow::Borrowed(family.name),
                    kind: family.kind,
                    unit: family.unit.map(Cow::Borrowed),
                    temporality: Temporality::Cumulative,
                    samples,
                });
            }
        }
        Exposition { families, series: self.budget.series(), rejects }
    }
}

fn value(part: Part) -> Option<Value> {
    match part {
        Part::Number(number) => Some(Value::Number(number)),
        Part::Histogram(parts) => Some(Value::Histogram(parts.finished()?)),
        Part::Summary { parts, quantiles } => {
            let sum = parts.sum.filter(|sum| sum.is_finite());
            (!parts.is_bad)
                .then(|| Value::Summary(Summary { quantiles, count: parts.count.unwrap_or(0), sum }))
        }
    }
}

impl<'a> Building<'a> {
    fn new(name: &'a str, kind: Kind) -> Self {
        Self { base: name, name, kind, unit: None, samples: Vec::new(), by_labels: HashMap::new() }
    }
}
