//! Choosing a rectangle of cells, by the pointer or the keyboard.

use std::ops::Range;

/// The place between edges in which a pixel lies; the first or last one where it lies outside. Edges may fall or rise.
pub(crate) fn index_at(edges: &[f64], pixel: f64) -> usize {
    let falls = edges.first() > edges.last();
    let passed = edges.partition_point(|edge| if falls { *edge >= pixel } else { *edge <= pixel });
    passed.clamp(1, edges.len().saturating_sub(1).max(1)) - 1
}

/// A direction of the arrow keys on a grid whose rows rise from the bottom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    columns: isize,
    rows: isize,
}

impl Move {
    /// What a key means, by the name that the browser gives it; nothing where it moves nothing.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        let (columns, rows) = match key {
            "ArrowLeft" => (-1, 0),
            "ArrowRight" => (1, 0),
            "ArrowUp" => (0, 1),
            "ArrowDown" => (0, -1),
            "PageUp" => (0, 5),
            "PageDown" => (0, -5),
            "Home" => (isize::MIN, 0),
            "End" => (isize::MAX, 0),
            _ => return None,
        };
        Some(Self { columns, rows })
    }

    /// The cell it leads to, on a grid of so many columns and rows.
    pub(crate) fn from(
        self,
        (column, row): (usize, usize),
        (columns, rows): (usize, usize),
    ) -> (usize, usize) {
        let step =
            |at: usize, by: isize, count: usize| at.saturating_add_signed(by).min(count.saturating_sub(1));
        (step(column, self.columns, columns), step(row, self.rows, rows))
    }
}

/// A rectangle of cells between the one where it began and the one to which it was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Brush {
    start: (usize, usize),
    end: (usize, usize),
}

impl Brush {
    /// A rectangle of one cell, given by column and row.
    pub(crate) fn at(cell: (usize, usize)) -> Self {
        Self { start: cell, end: cell }
    }

    /// The rectangle drawn to another cell.
    pub(crate) fn to(self, end: (usize, usize)) -> Self {
        Self { end, ..self }
    }

    /// The cell to which it was drawn.
    pub(crate) fn end(self) -> (usize, usize) {
        self.end
    }

    /// Its columns.
    pub(crate) fn columns(self) -> Range<usize> {
        between(self.start.0, self.end.0)
    }

    /// Its rows.
    pub(crate) fn rows(self) -> Range<usize> {
        between(self.start.1, self.end.1)
    }
}

fn between(a: usize, b: usize) -> Range<usize> {
    a.min(b)..a.max(b) + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pixel_lies_between_two_edges() {
        let rising = [0.0, 10.0, 20.0];
        assert_eq!([-5.0, 0.0, 9.9, 10.0, 99.0].map(|pixel| index_at(&rising, pixel)), [0, 0, 0, 1, 1]);
        let falling = [100.0, 50.0, 0.0];
        assert_eq!([120.0, 75.0, 50.0, 10.0, -1.0].map(|pixel| index_at(&falling, pixel)), [0, 0, 1, 1, 1]);
        assert_eq!(index_at(&[], 5.0), 0);
    }

    #[test]
    fn keys_stay_on_the_grid() {
        let to = |key, from| Move::of_key(key).unwrap().from(from, (10, 4));
        assert_eq!(to("ArrowLeft", (0, 0)), (0, 0));
        assert_eq!(to("ArrowRight", (9, 0)), (9, 0));
        assert_eq!(to("ArrowUp", (3, 1)), (3, 2));
        assert_eq!(to("End", (3, 1)), (9, 1));
        assert_eq!(to("Home", (3, 1)), (0, 1));
        assert_eq!(to("PageUp", (3, 1)), (3, 3));
        assert_eq!(Move::of_key("x"), None);
    }

    proptest! {
        #[test]
        fn a_rectangle_holds_both_its_corners(a in (0..50_usize, 0..50_usize), b in (0..50_usize, 0..50_usize)) {
            let brush = Brush::at(a).to(b);
            for (column, row) in [a, b] {
                prop_assert!(brush.columns().contains(&column) && brush.rows().contains(&row));
            }
            prop_assert_eq!(brush.columns().len(), a.0.abs_diff(b.0) + 1);
        }
    }
}
