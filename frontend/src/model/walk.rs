//! Going from box to box with the arrow keys.

/// The direction of an arrow key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Towards callers.
    Left,
    /// Towards callees.
    Right,
    /// Upwards.
    Up,
    /// Downwards.
    Down,
}

impl Direction {
    /// The direction of a key by its name in the browser.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        match key {
            "ArrowLeft" => Some(Self::Left),
            "ArrowRight" => Some(Self::Right),
            "ArrowUp" => Some(Self::Up),
            "ArrowDown" => Some(Self::Down),
            _ => None,
        }
    }
}

/// The nearest box in a direction. What lies straight ahead counts as nearer than what lies aside.
pub(crate) fn next_in<'a>(
    boxes: impl IntoIterator<Item = (&'a str, (f64, f64))>,
    from: (f64, f64),
    direction: Direction,
) -> Option<&'a str> {
    let ahead_and_aside = |(x, y): (f64, f64)| {
        let (dx, dy) = (x - from.0, y - from.1);
        match direction {
            Direction::Left => (-dx, dy.abs()),
            Direction::Right => (dx, dy.abs()),
            Direction::Up => (-dy, dx.abs()),
            Direction::Down => (dy, dx.abs()),
        }
    };
    boxes
        .into_iter()
        .map(|(id, at)| (id, ahead_and_aside(at)))
        .filter(|(_, (ahead, _))| *ahead > 1.0)
        .min_by(|(_, a), (_, b)| (a.0 + 2.0 * a.1).total_cmp(&(b.0 + 2.0 * b.1)))
        .map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOXES: [(&str, (f64, f64)); 4] =
        [("web", (0.0, 0.0)), ("orders", (300.0, 10.0)), ("users", (300.0, 120.0)), ("db", (600.0, 0.0))];

    #[test]
    fn an_arrow_leads_to_the_nearest_box_ahead() {
        let cases = [
            ((0.0, 0.0), Direction::Right, Some("orders")),
            ((300.0, 10.0), Direction::Down, Some("users")),
            ((600.0, 0.0), Direction::Left, Some("orders")),
            ((0.0, 0.0), Direction::Left, None),
        ];
        for (from, direction, expected) in cases {
            assert_eq!(next_in(BOXES, from, direction), expected, "{from:?} {direction:?}");
        }
    }
}
