use proptest::prelude::*;

use super::*;

fn bin(low_ms: f64, high_ms: f64) -> BinBounds {
    BinBounds { low_ms, high_ms: Some(high_ms) }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn a_coarse_bin_is_spread_over_the_rows_it_covers() {
    let grid = Grid::of(Curve::Log, &[bin(1.0, 100.0), bin(10.0, 12.0)], &[&[[0, 200], [1, 7]]]);
    assert!(grid.is_spread);
    assert_eq!((grid.rows.edges[0], grid.rows.len()), (1.0, 24));
    // Half of the coarse bin lies below 10 ms, and the narrow one has a row of its own.
    assert!(near(grid.within((0.0, 1.0), None, Some(10.0)), 100.0));
    let (narrow, above) =
        (grid.within((0.0, 1.0), Some(10.0), Some(12.0)), grid.within((0.0, 1.0), Some(12.0), Some(14.4)));
    assert!(near(narrow - 7.0, above), "{narrow} {above}");
    assert!(near(grid.within((0.0, 1.0), None, None), 207.0));
}

#[test]
fn fine_bins_are_not_called_spread() {
    let bins: Vec<BinBounds> = (0..100).map(|at| bin(1.02_f64.powi(at), 1.02_f64.powi(at + 1))).collect();
    let counts: Vec<[u64; 2]> = (0..100).map(|at| [at, 1]).collect();
    assert!(!Grid::of(Curve::Log, &bins, &[&counts]).is_spread);
}

#[test]
fn bins_without_bounds_lie_at_the_ends() {
    let open = BinBounds { low_ms: 1000.0, high_ms: None };
    let grid = Grid::of(Curve::Log, &[bin(0.0, 5.0), open], &[&[[0, 3], [1, 4]], &[]]);
    assert!(near(grid.within((0.0, 1.0), Some(1000.0), None), 4.0));
    assert!(near(grid.within((0.0, 2.0), None, Some(5.0)), 3.0));
    assert_eq!(grid.rows.bounds(&(0..1)).0, None);
    assert_eq!(grid.rows.bounds(&(0..grid.rows.len())), (None, None));
}

#[test]
fn an_even_scale_is_not_stretched_by_one_slow_request() {
    let grid = Grid::of(
        Curve::Linear,
        &[bin(0.0, 10.0), bin(10.0, 20.0), bin(60_000.0, 61_000.0)],
        &[&[[0, 900], [1, 99], [2, 1]]],
    );
    assert!(grid.rows.edges.last().is_some_and(|last| *last <= 24.0), "{:?}", grid.rows.edges);
    assert!(grid.cell(0, grid.rows.len() - 1) >= 1.0);
}

#[test]
fn nothing_counted_has_no_rows() {
    for curve in [Curve::Linear, Curve::Log] {
        let grid = Grid::of(curve, &[bin(1.0, 2.0)], &[&[], &[[0, 0], [9, 5]]]);
        assert_eq!(grid.rows.len(), 0);
        assert_eq!(grid.within((0.0, 2.0), None, None), 0.0);
        assert_eq!(grid.cell(0, 0), 0.0);
    }
}

#[test]
fn bins_that_are_no_bins_are_counted_somewhere() {
    let bins = [
        bin(5.0, 5.0),
        bin(9.0, 1.0),
        bin(f64::NAN, f64::NAN),
        BinBounds { low_ms: f64::INFINITY, high_ms: None },
        bin(-3.0, 1e300),
    ];
    let counts: Vec<[u64; 2]> = (0..5).map(|at| [at, 2]).collect();
    for curve in [Curve::Linear, Curve::Log] {
        let grid = Grid::of(curve, &bins, &[&counts]);
        assert!(near(grid.cells().iter().sum::<f64>(), 10.0), "{curve:?}");
        assert!(grid.rows.len() < 100);
    }
}

fn bins() -> impl Strategy<Value = Vec<BinBounds>> {
    let one = (prop_oneof![Just(0.0), 1e-6..1e8_f64], prop::option::of(1.001..1e3_f64)).prop_map(
        |(low_ms, ratio)| BinBounds { low_ms, high_ms: ratio.map(|ratio| low_ms.max(0.5) * ratio) },
    );
    prop::collection::vec(one, 1..20)
}

proptest! {
    #[test]
    fn every_request_is_in_some_cell(
        bins in bins(),
        counts in prop::collection::vec(prop::collection::vec((0..20_u64, 0..1000_u64), 0..12), 1..8),
        is_log: bool,
    ) {
        let known = bins.len() as u64;
        let columns: Vec<Vec<[u64; 2]>> = counts
            .iter()
            .map(|column| column.iter().map(|(bin, count)| [bin % known, *count]).collect())
            .collect();
        let columns: Vec<&[[u64; 2]]> = columns.iter().map(Vec::as_slice).collect();
        let grid = Grid::of(if is_log { Curve::Log } else { Curve::Linear }, &bins, &columns);
        let total: u64 = columns.iter().flat_map(|column| column.iter()).map(|[_, count]| count).sum();
        prop_assert!(near(grid.cells().iter().sum::<f64>(), total as f64));
        prop_assert!(near(grid.within((0.0, columns.len() as f64), None, None), total as f64));
        prop_assert!(grid.rows.len() <= 60, "{} rows", grid.rows.len());
        prop_assert!(grid.rows.edges.is_sorted_by(|a, b| a < b));
    }
}
