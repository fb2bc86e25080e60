//! The window onto the map: where it looks and how near.

use crate::model::placement::Flow;

/// How far and how near the map can be looked at.
const SCALES: (f64, f64) = (0.08, 2.5);
/// Room around the map when it is fitted, px.
const PADDING: f64 = 20.0;
/// A window up to this width, px, is a telephone's or a small tablet's.
pub(crate) const NARROW: f64 = 760.0;
/// Room left of a map in a narrow window, px.
const NARROW_PADDING: f64 = 14.0;
/// Below this scale the numbers in the boxes are hard to read.
const READABLE: f64 = 0.45;
/// A small map is not blown up further than this.
const FIT_SCALE: f64 = 1.1;

/// A screen point is `map point * scale + (x, y)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Viewport {
    /// Left edge of the map on the screen, px.
    pub(crate) x: f64,
    /// Upper edge of the map on the screen, px.
    pub(crate) y: f64,
    /// Screen px for one px of the map.
    pub(crate) scale: f64,
}

impl Default for Viewport {
    fn default() -> Self {
        Self { x: 0.0, y: 0.0, scale: 1.0 }
    }
}

impl Viewport {
    /// The view that a map starts with: all of it, but in a narrow window rather its beginning than a stamp on which
    /// nothing can be read.
    pub(crate) fn first(map: (f64, f64), window: (f64, f64), flow: Flow) -> Self {
        let whole = Self::fitted(map, window);
        if window.0 > NARROW || whole.scale >= READABLE {
            return whole;
        }
        let middle = |map: f64, window: f64| (window - map * READABLE) / 2.0;
        let (x, y) = (middle(map.0, window.0), middle(map.1, window.1));
        // Along its flow a map that is too long is shown from its first boxes on.
        match flow {
            Flow::Right => Self { x: x.max(NARROW_PADDING), y, scale: READABLE },
            Flow::Down => Self { x, y: y.max(NARROW_PADDING), scale: READABLE },
        }
    }

    /// The whole map in the middle of a window.
    pub(crate) fn fitted(map: (f64, f64), window: (f64, f64)) -> Self {
        let room = ((window.0 - 2.0 * PADDING).max(1.0), (window.1 - 2.0 * PADDING).max(1.0));
        let scale = (room.0 / map.0.max(1.0)).min(room.1 / map.1.max(1.0)).clamp(SCALES.0, FIT_SCALE);
        Self { x: (window.0 - map.0 * scale) / 2.0, y: (window.1 - map.1 * scale) / 2.0, scale }
    }

    /// Moves the map by screen px.
    pub(crate) fn moved(self, dx: f64, dy: f64) -> Self {
        Self { x: self.x + dx, y: self.y + dy, ..self }
    }

    /// Goes nearer by a factor while the map's point under a screen point stays where it is.
    pub(crate) fn zoomed(self, factor: f64, at: (f64, f64)) -> Self {
        let scale = (self.scale * factor).clamp(SCALES.0, SCALES.1);
        let real = scale / self.scale;
        Self { x: at.0 - (at.0 - self.x) * real, y: at.1 - (at.1 - self.y) * real, scale }
    }

    /// Moves the map as little as needed to bring one of its points inside the margins of a window.
    pub(crate) fn showing(self, point: (f64, f64), window: (f64, f64)) -> Self {
        let margin = ((150.0 * self.scale).min(window.0 / 4.0), (70.0 * self.scale).min(window.1 / 4.0));
        let (x, y) = (point.0 * self.scale + self.x, point.1 * self.scale + self.y);
        let right = (window.0 - margin.0).max(margin.0);
        let bottom = (window.1 - margin.1).max(margin.1);
        self.moved(x.clamp(margin.0, right) - x, y.clamp(margin.1, bottom) - y)
    }

    /// As the value of an SVG `transform` attribute.
    pub(crate) fn transform(self) -> String {
        format!("translate({:.2} {:.2}) scale({:.4})", self.x, self.y, self.scale)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn zooming_keeps_the_point_under_the_pointer(
            x in -500.0..500.0_f64, y in -500.0..500.0_f64, scale in 0.1..2.0_f64,
            factor in 0.2..5.0_f64, at in (0.0..1400.0_f64, 0.0..900.0_f64),
        ) {
            let before = Viewport { x, y, scale };
            let after = before.zoomed(factor, at);
            let under = |view: Viewport| ((at.0 - view.x) / view.scale, (at.1 - view.y) / view.scale);
            prop_assert!((under(before).0 - under(after).0).abs() < 1e-6);
            prop_assert!((under(before).1 - under(after).1).abs() < 1e-6);
        }

        #[test]
        fn a_fitted_map_lies_within_its_window(map in (50.0..8000.0_f64, 50.0..4000.0_f64)) {
            let view = Viewport::fitted(map, (1200.0, 800.0));
            prop_assert!(view.x >= 0.0 && view.y >= 0.0);
            prop_assert!(map.0 * view.scale + view.x <= 1200.0);
            prop_assert!(map.1 * view.scale + view.y <= 800.0);
        }
    }

    #[test]
    fn a_narrow_window_begins_at_the_first_boxes() {
        let long = Viewport::first((2000.0, 700.0), (390.0, 700.0), Flow::Right);
        assert_eq!((long.x, long.scale), (NARROW_PADDING, READABLE));
        let tall = Viewport::first((1000.0, 4000.0), (390.0, 700.0), Flow::Down);
        assert_eq!((tall.y, tall.scale), (NARROW_PADDING, READABLE));
        let wide = Viewport::first((2000.0, 700.0), (1400.0, 700.0), Flow::Right);
        assert_eq!(wide, Viewport::fitted((2000.0, 700.0), (1400.0, 700.0)));
    }

    #[test]
    fn a_point_that_is_seen_moves_nothing() {
        let view = Viewport::default();
        assert_eq!(view.showing((400.0, 300.0), (1000.0, 600.0)), view);
        assert!(view.showing((950.0, 300.0), (600.0, 600.0)).x < 0.0);
    }
}
