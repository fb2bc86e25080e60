//! Rollups in steps of 10 s, 1 min, 1 h and 1 d, so that a month costs what a quarter of an hour costs.

use duckdb::{Connection, params};

use crate::trace::BUCKET_SECONDS;

use super::measures::{Rollup, append_rollup};
use super::reader::read_rows;

/// A set of series with rollups of its own, in tables of its own: who reads the ones does not pay for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// Edges, as traces, proxies and others see them, and the parts of proxies.
    Edges,
    /// Routes between a caller and a callee.
    Routes,
}

impl Family {
    pub(super) const ALL: [Self; 2] = [Self::Edges, Self::Routes];

    /// Its tables, the finest tier first.
    const fn tables(self) -> [&'static str; 4] {
        match self {
            Self::Edges => ["rollup_10s", "rollup_1m", "rollup_1h", "rollup_1d"],
            Self::Routes => ["route_rollup_10s", "route_rollup_1m", "route_rollup_1h", "route_rollup_1d"],
        }
    }

    /// The table of its finest tier.
    pub(super) const fn finest(self) -> &'static str {
        self.tables()[0]
    }

    /// Its tables in memory, without the parity of the generation.
    pub(super) const fn hot(self) -> &'static str {
        match self {
            Self::Edges => "hot_rollup",
            Self::Routes => "hot_route_rollup",
        }
    }
}

/// A tier above the finest one.
struct Tier {
    /// Its place in [`Family::tables`].
    level: usize,
    seconds: i64,
    /// Column of `progress` that says up to where the tier is complete.
    sealed: &'static str,
    /// Column of `progress` that says which generation changed the tier last, if somebody asks.
    changed: Option<&'static str>,
}

const TIERS: [Tier; 3] = [
    Tier { level: 1, seconds: 60, sealed: "sealed_1m", changed: None },
    Tier { level: 2, seconds: 3_600, sealed: "sealed_1h", changed: Some("changed_1h") },
    Tier { level: 3, seconds: 86_400, sealed: "sealed_1d", changed: Some("changed_1d") },
];

/// How long after its end a step is summed up. What comes later is added to the sum.
const SEAL_AFTER_SECONDS: i64 = 30;

/// Rows that are summed up together, roughly: a step of a large mesh has more than fit into memory.
const PORTION_ROWS: i64 = 16_384;
/// Series that are in one portion at least.
const PORTION_SERIES: i64 = 256;

/// A time range in seconds since 1970, on the bounds of 10-second buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// Inclusive.
    pub from_s: i64,
    /// Exclusive, later than `from_s`.
    pub to_s: i64,
}

impl TimeRange {
    /// The smallest range of whole buckets that holds these times, at least one bucket long.
    pub fn covering(from_s: i64, to_s: i64) -> Self {
        let from_s = from_s.div_euclid(BUCKET_SECONDS) * BUCKET_SECONDS;
        let to_s = to_s.max(from_s + 1);
        Self { from_s, to_s: (to_s + BUCKET_SECONDS - 1).div_euclid(BUCKET_SECONDS) * BUCKET_SECONDS }
    }

    /// Length in seconds.
    pub fn seconds(self) -> i64 {
        self.to_s - self.from_s
    }
}

/// How far the tiers above the finest one have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    /// Up to where each is complete.
    sealed: [i64; 3],
    /// The generation that changed each last; always 0 for the tier of minutes, for which nobody asks.
    changed: [u64; 3],
}

/// Rows of one tier that belong to a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) table: &'static str,
    /// From the first bound to the last, without what lies between the second and the third.
    pub(super) bounds: [i64; 4],
    /// Where a sum over this part is worth keeping: the generation that changed its tier last.
    pub(super) version: Option<u64>,
}

/// The parts of a range, each as coarse as it can be with buckets of this length at most.
pub(super) fn parts(family: Family, range: TimeRange, longest_s: i64, progress: Progress) -> Vec<Part> {
    // Buckets that do not divide a step would count in one step what belongs to the next one too.
    let fits = |tier: &Tier| longest_s % tier.seconds == 0;
    let mut sealed = progress.sealed;
    for (sealed, _) in sealed.iter_mut().zip(&TIERS).filter(|(_, tier)| !fits(tier)) {
        *sealed = i64::MIN / 2;
    }
    let bounds = ranges(range, sealed);
    let tables = family.tables();
    let part = |level: usize| {
        let inner = if level == 3 { [bounds[4]; 2] } else { [bounds[level + 1], bounds[6 - level]] };
        let bounds = [bounds[level], inner[0], inner[1], bounds[7 - level]];
        let version = (level >= 2).then(|| progress.changed[level - 1]);
        Part { table: tables[level], bounds, version }
    };
    (0..tables.len()).map(part).filter(|part| part.bounds[0] < part.bounds[3]).collect()
}

/// The bounds of what each tier answers: the starts from the finest to the coarsest tier, then the ends back. `sealed`
/// says up to where each tier above the finest is complete.
fn ranges(range: TimeRange, sealed: [i64; 3]) -> [i64; 8] {
    let mut bounds = [range.from_s; 8];
    bounds[7] = range.to_s;
    for (level, (tier, sealed)) in TIERS.iter().zip(sealed).enumerate() {
        let (outer_from, outer_to) = (bounds[level], bounds[7 - level]);
        let from = (outer_from + tier.seconds - 1).div_euclid(tier.seconds) * tier.seconds;
        let to = outer_to.min(sealed).div_euclid(tier.seconds) * tier.seconds;
        let (from, to) = if from < to { (from, to) } else { (outer_from, outer_from) };
        (bounds[level + 1], bounds[6 - level]) = (from, to);
    }
    bounds
}

/// How far the tiers have come.
pub(super) fn progress(connection: &Connection) -> Result<Progress, duckdb::Error> {
    connection.query_row(include_str!("../../sql/store/read_sealed.sql"), [], |row| {
        Ok(Progress {
            sealed: [row.get(0)?, row.get(1)?, row.get(2)?],
            changed: [0, row.get(3)?, row.get(4)?],
        })
    })
}

/// Remembers that a tier was changed by this generation.
fn changed(connection: &Connection, tier: &Tier, generation: u64) -> Result<(), duckdb::Error> {
    if let Some(column) = tier.changed {
        connection.execute(&format!("UPDATE store.progress SET {column} = ?"), params![generation])?;
    }
    Ok(())
}

/// Adds what a generation counts to the tiers that are complete for its buckets already. Part of the transaction that
/// moves the generation into the file.
pub(super) fn add_late(connection: &Connection, generation: u64) -> Result<(), duckdb::Error> {
    for (tier, sealed) in TIERS.iter().zip(progress(connection)?.sealed) {
        let mut rows = 0;
        for family in Family::ALL {
            let sql = include_str!("../../sql/store/late_rollup.sql")
                .replace("{table}", family.tables()[tier.level])
                .replace("{hot}", &format!("{}_{}", family.hot(), generation % 2))
                .replace("{seconds}", &tier.seconds.to_string());
            rows += connection.execute(&sql, params![generation, sealed])?;
        }
        if rows > 0 {
            changed(connection, tier, generation)?;
        }
    }
    Ok(())
}

/// Sums up every step that ended long enough ago. Part of the transaction that moves a generation into the file, after
/// [`add_late`].
pub(super) fn seal(connection: &Connection, now_s: i64, generation: u64) -> Result<(), duckdb::Error> {
    for (tier, sealed) in TIERS.iter().zip(progress(connection)?.sealed) {
        let until = (now_s - SEAL_AFTER_SECONDS).div_euclid(tier.seconds) * tier.seconds;
        if until <= sealed {
            continue;
        }
        for family in Family::ALL {
            sum_up(connection, family, tier, (sealed, until))?;
        }
        connection.execute(&format!("UPDATE store.progress SET {} = ?", tier.sealed), params![until])?;
        changed(connection, tier, generation)?;
    }
    Ok(())
}

/// Sums the rows of a step up, a portion of the series after the other.
fn sum_up(
    connection: &Connection,
    family: Family,
    tier: &Tier,
    (from_s, until_s): (i64, i64),
) -> Result<(), duckdb::Error> {
    let Tier { level, seconds, .. } = tier;
    let (finer, table) = (family.tables()[level - 1], family.tables()[*level]);
    let sql = include_str!("../../sql/store/seal_rows.sql").replace("{finer}", finer);
    let mut statement = connection.prepare(&sql)?;
    for [first, end] in portions(connection, finer, from_s, until_s)? {
        let mut sums = Rollup::default();
        read_rows(&mut statement, &[from_s, until_s, first, end], |row| {
            let bucket_s = row.bucket_s.div_euclid(*seconds) * seconds;
            sums.entry((bucket_s, row.series_id)).or_default().merge(&row.measures(), 1);
        })?;
        append_rollup(connection, table, &sums)?;
    }
    Ok(())
}

/// Ranges of series that have about [`PORTION_ROWS`] rows each, with the series after the last one.
fn portions(
    connection: &Connection,
    finer: &str,
    from_s: i64,
    until_s: i64,
) -> Result<Vec<[i64; 2]>, duckdb::Error> {
    let sql = include_str!("../../sql/store/seal_portions.sql")
        .replace("{finer}", finer)
        .replace("{series}", &PORTION_SERIES.to_string());
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params![from_s, until_s])?;
    let mut portions: Vec<[i64; 2]> = Vec::new();
    let mut room = 0;
    while let Some(row) = rows.next()? {
        let (first, count): (i64, i64) = (row.get(0)?, row.get(1)?);
        let end = first + PORTION_SERIES;
        match portions.last_mut() {
            Some(portion) if count <= room => portion[1] = end,
            _ => {
                portions.push([first, end]);
                room = PORTION_ROWS;
            }
        }
        room -= count;
    }
    Ok(portions)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_tiers_cover_a_range_exactly_once(
            from in 0_i64..400_000, length in 1_i64..400_000, sealed in prop::array::uniform3(0_i64..10)
        ) {
            let range = TimeRange::covering(from, from + length);
            let sealed = [sealed[0] * 60 * 700, sealed[1] * 3_600 * 15, sealed[2] * 86_400];
            let bounds = ranges(range, sealed);
            prop_assert_eq!((bounds[0], bounds[7]), (range.from_s, range.to_s));
            for (level, tier) in TIERS.iter().enumerate() {
                let (from, to) = (bounds[level + 1], bounds[6 - level]);
                prop_assert!(bounds[level] <= from && from <= to && to <= bounds[7 - level]);
                if from < to {
                    prop_assert!(from % tier.seconds == 0 && to % tier.seconds == 0 && to <= sealed[level]);
                }
            }
        }
    }
}
