//! Tracks and grids as the paths that are drawn.

use std::fmt::Write as _;

use super::tracks::{Shape, Track, Unit, extent};
use crate::chart::grid::Grid;
use crate::chart::path::{band_path, step_path};
use crate::chart::scale::{Curve, Scale};
use crate::chart::shade::{SHADES, Shades};
use crate::chart::stack::{spread, stacked};
use crate::chart::ticks::nice_end;

/// Ticks on the upright axis.
pub(crate) const LEVELS: usize = 5;
/// Bars at least so wide are parted, px.
const PARTED: f64 = 4.0;
/// Height of a line of small text, px.
const LABEL_GAP: f64 = 12.0;

/// One path with the classes that give it its looks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    /// The classes.
    pub(crate) class: String,
    /// The data of the path.
    pub(crate) d: String,
}

/// The upright scale on which tracks are drawn.
pub(crate) fn level_scale(tracks: &[Track], unit: Unit, curve: Curve, pixels: (f64, f64)) -> Scale {
    let lines = extent(tracks);
    if unit == Unit::Duration && curve == Curve::Log {
        let (low, high) = lines.unwrap_or((1.0, 10.0));
        return Scale::new(curve, (low * 0.8, high * 1.25), pixels);
    }
    let bars = (0..steps(tracks)).map(|step| bar_parts(tracks, step).iter().sum::<f64>());
    let high = bars.fold(lines.map_or(0.0, |(_, high)| high), f64::max);
    // A chart of counts that never was above nothing is not one of thousandths.
    let high = if unit == Unit::Count { high.max(4.0) } else { high };
    Scale::linear((0.0, nice_end(high, LEVELS - 1)), pixels)
}

fn steps(tracks: &[Track]) -> usize {
    tracks.iter().map(|track| track.values.len()).max().unwrap_or_default()
}

fn bar_parts(tracks: &[Track], step: usize) -> Vec<f64> {
    let bars = tracks.iter().filter(|track| track.shape == Shape::Bar);
    bars.map(|track| track.values.get(step).copied().flatten().unwrap_or_default()).collect()
}

/// What is drawn of some tracks: bands behind bars behind lines, marks on top. `edges` are the pixels between the steps.
pub(crate) fn pieces(tracks: &[Track], edges: &[f64], level: Scale, top: f64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for track in tracks.iter().filter(|track| !track.bounds.is_empty()) {
        let bounds =
            track.bounds.iter().map(|bounds| bounds.map(|(low, high)| (level.at(high), level.at(low))));
        let d = band_path(edges, &bounds.collect::<Vec<_>>());
        pieces.push(Piece { class: format!("band {}", track.class), d });
    }
    pieces.extend(bars(tracks, edges, level));
    for track in tracks.iter().filter(|track| track.shape == Shape::Line) {
        let levels = track.values.iter().map(|value| value.map(|value| level.at(value)));
        let d = step_path(edges, &levels.collect::<Vec<_>>());
        pieces.push(Piece { class: format!("line {}", track.class), d });
    }
    for track in tracks.iter().filter(|track| track.shape == Shape::Mark) {
        let mut d = String::new();
        for (edge, _) in edges.windows(2).zip(&track.values).filter(|(_, value)| value.is_some()) {
            let middle = f64::midpoint(edge[0], edge[1]);
            let _ = write!(d, "M{:.1} {:.1}h7l-3.5 6z", middle - 3.5, top);
        }
        pieces.push(Piece { class: format!("mark {}", track.class), d });
    }
    pieces
}

fn bars(tracks: &[Track], edges: &[f64], level: Scale) -> Vec<Piece> {
    let layers: Vec<&Track> = tracks.iter().filter(|track| track.shape == Shape::Bar).collect();
    let mut paths = vec![String::new(); layers.len()];
    for (step, edge) in edges.windows(2).enumerate() {
        let gap = if edge[1] - edge[0] >= PARTED { 1.0 } else { 0.0 };
        for ((low, high), path) in stacked(&bar_parts(tracks, step)).into_iter().zip(&mut paths) {
            if high > low {
                let (bottom, upper) = (level.at(low), level.at(high));
                let (left, right) = (edge[0], edge[1] - gap);
                let _ = write!(path, "M{left:.1} {bottom:.1}V{upper:.1}H{right:.1}V{bottom:.1}z");
            }
        }
    }
    let piece = |(layer, d): (&Track, String)| Piece { class: format!("bar {}", layer.class), d };
    layers.into_iter().zip(paths).map(piece).collect()
}

/// Names beside the ends of lines, apart from each other: the place of each, its name, and its class.
pub(crate) fn end_labels(
    tracks: &[Track],
    level: Scale,
    within: (f64, f64),
) -> Vec<(f64, &'static str, &'static str)> {
    let last = |track: &Track| track.values.iter().rev().flatten().next().map(|value| level.at(*value));
    let lines = tracks.iter().filter(|track| track.shape == Shape::Line && !track.bounds.is_empty());
    let ends: Vec<(f64, &Track)> = lines.filter_map(|track| Some((last(track)?, track))).collect();
    let wanted: Vec<f64> = ends.iter().map(|(at, _)| *at).collect();
    let places = spread(&wanted, LABEL_GAP, within);
    places.into_iter().zip(ends).map(|(at, (_, track))| (at, track.name, track.class)).collect()
}

/// The cells of a heat map, one path a shade. Edges are the pixels between columns, and between rows from the lowest.
pub(crate) fn cells(grid: &Grid, shades: Shades, columns: &[f64], rows: &[f64]) -> Vec<Piece> {
    let mut paths = vec![String::new(); SHADES];
    for (column, x) in columns.windows(2).enumerate() {
        for (row, y) in rows.windows(2).enumerate() {
            let shade = shades.shade(grid.cell(column, row));
            if let Some(path) = shade.checked_sub(1).and_then(|shade| paths.get_mut(shade)) {
                let _ = write!(path, "M{:.1} {:.1}V{:.1}H{:.1}V{:.1}z", x[0], y[0], y[1], x[1], y[0]);
            }
        }
    }
    let piece = |(shade, d): (usize, String)| Piece { class: format!("cell heat-{}", shade + 1), d };
    paths.into_iter().enumerate().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use sidecarta_queries::api::series::BinBounds;

    use super::*;

    fn track(shape: Shape, values: &[Option<f64>], bounds: &[Option<(f64, f64)>]) -> Track {
        Track {
            name: "a",
            class: "is-a",
            shape,
            values: values.to_vec(),
            bounds: bounds.to_vec(),
            words: Vec::new(),
        }
    }

    #[test]
    fn bars_stand_on_each_other_and_lines_lie_before_them() {
        let tracks = [
            track(Shape::Bar, &[Some(10.0), Some(0.0)], &[]),
            track(Shape::Bar, &[Some(10.0), None], &[]),
            track(Shape::Line, &[Some(25.0), None], &[]),
        ];
        let level = level_scale(&tracks, Unit::Rate, Curve::Log, (100.0, 0.0));
        assert_eq!(level.values(), (0.0, 30.0));
        let drawn = pieces(&tracks, &[0.0, 3.0, 6.0], level, 0.0);
        assert_eq!(
            drawn.iter().map(|piece| piece.class.as_str()).collect::<Vec<_>>(),
            ["bar is-a", "bar is-a", "line is-a"]
        );
        assert_eq!(drawn[0].d, "M0.0 100.0V66.7H3.0V100.0z");
        assert_eq!(drawn[1].d, "M0.0 66.7V33.3H3.0V66.7z");
    }

    #[test]
    fn a_bound_that_is_not_known_reaches_the_top() {
        let tracks = [track(Shape::Line, &[Some(100.0)], &[Some((100.0, f64::INFINITY))])];
        let level = level_scale(&tracks, Unit::Duration, Curve::Log, (100.0, 0.0));
        let drawn = pieces(&tracks, &[0.0, 9.0], level, 0.0);
        assert!(drawn[0].class.starts_with("band") && drawn[0].d.starts_with("M0.0 0.0"), "{drawn:?}");
        assert_eq!(end_labels(&tracks, level, (0.0, 100.0)).len(), 1);
    }

    #[test]
    fn only_cells_that_hold_something_are_drawn() {
        let bins =
            [BinBounds { low_ms: 1.0, high_ms: Some(1.2) }, BinBounds { low_ms: 1.2, high_ms: Some(1.5) }];
        let grid = Grid::of(Curve::Log, &bins, &[&[[0, 1], [1, 100]], &[]]);
        let shades = Shades::of(grid.cells().iter().copied());
        let drawn = cells(&grid, shades, &[0.0, 5.0, 10.0], &[20.0, 10.0, 0.0]);
        assert_eq!(drawn.len(), SHADES);
        assert_eq!(drawn.iter().map(|piece| piece.d.matches('z').count()).sum::<usize>(), 2);
        assert_eq!(drawn[SHADES - 1].d, "M0.0 10.0V0.0H5.0V10.0z");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let level = level_scale(&[], Unit::Duration, Curve::Log, (100.0, 0.0));
        assert_eq!(pieces(&[], &[], level, 0.0), []);
        assert_eq!(level_scale(&[], Unit::Count, Curve::Linear, (1.0, 0.0)).values(), (0.0, 4.0));
    }
}
