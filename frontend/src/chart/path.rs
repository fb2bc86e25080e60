//! Lines and bands over steps, as the data of an SVG path. A value holds for the whole of its step, and where none is
//! known there is a gap.

use std::fmt::Write as _;

/// A line of one level a step. `edges` are the pixels between the steps, one more than there are levels.
pub(crate) fn step_path(edges: &[f64], levels: &[Option<f64>]) -> String {
    let mut path = String::new();
    let mut is_drawing = false;
    for (edge, level) in edges.windows(2).zip(levels) {
        let Some(y) = level else {
            is_drawing = false;
            continue;
        };
        let _ = if is_drawing {
            write!(path, "V{y:.1}H{:.1}", edge[1])
        } else {
            write!(path, "M{:.1} {y:.1}H{:.1}", edge[0], edge[1])
        };
        is_drawing = true;
    }
    path
}

/// A closed area between two levels a step, one for each run of steps without a gap.
pub(crate) fn band_path(edges: &[f64], bounds: &[Option<(f64, f64)>]) -> String {
    let mut path = String::new();
    let known = bounds.len().min(edges.len().saturating_sub(1));
    let mut start = 0;
    while start < known {
        let run = bounds[start..known].iter().map_while(|bound| *bound).collect::<Vec<_>>();
        if run.is_empty() {
            start += 1;
            continue;
        }
        let end = start + run.len();
        let _ = write!(path, "M{:.1} {:.1}", edges[start], run[0].0);
        for (index, (upper, _)) in run.iter().enumerate() {
            let _ = write!(path, "V{upper:.1}H{:.1}", edges[start + index + 1]);
        }
        for (index, (_, lower)) in run.iter().enumerate().rev() {
            let _ = write!(path, "V{lower:.1}H{:.1}", edges[start + index]);
        }
        path.push('Z');
        start = end;
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_broken_where_nothing_is_known() {
        let path = step_path(&[0.0, 10.0, 20.0, 30.0, 40.0], &[Some(5.0), Some(7.0), None, Some(1.0)]);
        assert_eq!(path, "M0.0 5.0H10.0V7.0H20.0M30.0 1.0H40.0");
        assert_eq!(step_path(&[], &[]), "");
        assert_eq!(step_path(&[0.0, 1.0], &[None]), "");
    }

    #[test]
    fn a_band_goes_along_its_top_and_back_along_its_bottom() {
        let path = band_path(&[0.0, 10.0, 20.0], &[Some((1.0, 9.0)), Some((2.0, 8.0))]);
        assert_eq!(path, "M0.0 1.0V1.0H10.0V2.0H20.0V8.0H10.0V9.0H0.0Z");
        assert_eq!(band_path(&[0.0], &[Some((1.0, 2.0))]), "");
    }

    proptest! {
        #[test]
        fn there_is_one_piece_for_each_run(levels in prop::collection::vec(prop::option::of(0.0..9.0_f64), 0..30)) {
            let edges: Vec<f64> = (0..=levels.len()).map(|index| index as f64).collect();
            let runs = levels.split(Option::is_none).filter(|run| !run.is_empty()).count();
            let bounds: Vec<_> = levels.iter().map(|level| level.map(|level| (level, level))).collect();
            prop_assert_eq!(step_path(&edges, &levels).matches('M').count(), runs);
            prop_assert_eq!(band_path(&edges, &bounds).matches('Z').count(), runs);
        }
    }
}
