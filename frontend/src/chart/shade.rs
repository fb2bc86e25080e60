//! How dark a cell of a heat map is: in steps of equal ratios, so that few requests beside many are seen too.

/// How many shades there are beside none.
pub(crate) const SHADES: usize = 6;
/// Cells with less than this share of the fullest one are all in the first shade.
const FAINTEST: f64 = 1e-3;

/// What separates the shades.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shades {
    least: f64,
    most: f64,
}

impl Shades {
    /// The shades of some cells; empty ones have none.
    pub(crate) fn of(cells: impl Iterator<Item = f64>) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for cell in cells.filter(|cell| cell.is_finite() && *cell > 0.0) {
            least = least.min(cell);
            most = most.max(cell);
        }
        Self { least: least.max(most * FAINTEST).min(most), most }
    }

    /// The shade of a cell, from 1 to [`SHADES`]; 0 where it is empty.
    pub(crate) fn shade(self, cell: f64) -> usize {
        if !(cell > 0.0 && self.most > 0.0) {
            return 0;
        }
        if self.least >= self.most {
            return SHADES;
        }
        let share = (cell / self.least).ln() / (self.most / self.least).ln();
        ((share * SHADES as f64).floor().max(0.0) as usize + 1).min(SHADES)
    }

    /// The least that a cell of a shade holds.
    pub(crate) fn floor(self, shade: usize) -> f64 {
        let power = shade.saturating_sub(1) as f64 / SHADES as f64;
        if self.least > 0.0 { self.least * (self.most / self.least).powf(power) } else { 0.0 }
    }

    /// The most that a cell holds.
    pub(crate) fn most(self) -> f64 {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shades_grow_by_ratios() {
        let shades = Shades::of([0.0, 1.0, 1e6, 64.0].into_iter());
        assert_eq!(shades.shade(0.0), 0);
        assert_eq!(shades.shade(1.0), 1);
        assert_eq!(shades.shade(1e6), SHADES);
        assert_eq!(Shades::of([1.0, 64.0].into_iter()).shade(8.5), 4);
        assert_eq!(Shades::of([5.0, 5.0].into_iter()).shade(5.0), SHADES);
        assert_eq!(Shades::of(std::iter::empty()).shade(1.0), 0);
        assert_eq!(Shades::of(std::iter::empty()).floor(3), 0.0);
    }

    proptest! {
        #[test]
        fn what_is_there_is_seen_and_more_is_never_lighter(cells in prop::collection::vec(0.0..1e9_f64, 1..40)) {
            let shades = Shades::of(cells.iter().copied());
            let mut sorted = cells.clone();
            sorted.sort_by(f64::total_cmp);
            let levels: Vec<usize> = sorted.iter().map(|cell| shades.shade(*cell)).collect();
            prop_assert!(levels.is_sorted());
            for (cell, level) in sorted.iter().zip(&levels) {
                prop_assert_eq!(*cell > 0.0, *level > 0);
                prop_assert!(*level <= 1 || *cell >= shades.floor(*level) * 0.999);
            }
        }
    }
}
