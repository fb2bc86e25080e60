//! The window onto the map: where it looks and how near.

/// How far and how near the map can be looked at.
const SCALES: (f64, f64) = (0.08, 2.5);
/// Room around the map when it is fitted, px.
const PADDING: f64 = 36.0;
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
    /// The whole map in the middle of a window. Where the window is too small for letters to be read, the map is
    /// shown from its start instead of as a stamp.
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
    pub(crate) fn showing(self, point: (f64, f64), window: (f64, f64), covered_right: f64) -> Self {
        let margin = (150.0 * self.scale).min(window.0 / 4.0);
        let (x, y) = (point.0 * self.scale + self.x, point.1 * self.scale + self.y);
        let right = (window.0 - covered_right - margin).max(margin);
        let bottom = (window.1 - 60.0).max(60.0);
        self.moved(x.clamp(margin, right) - x, y.clamp(60.0, bottom) - y)
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
    fn a_point_that_is_seen_moves_nothing() {
        let view = Viewport::default();
        assert_eq!(view.showing((400.0, 300.0), (1000.0, 600.0), 0.0), view);
        assert!(view.showing((950.0, 300.0), (1000.0, 600.0), 400.0).x < 0.0);
    }
}
