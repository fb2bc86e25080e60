//! The curve through the points of an edge.

use std::fmt::Write;

use super::{EdgePath, Point};

/// Radius of the corners of a loop.
const CORNER: f64 = 8.0;

impl EdgePath {
    /// The value of an SVG path's `d`: a smooth curve that leaves and enters level and stays, between two
    /// points, within their heights. Loops are arches with round corners.
    pub fn svg_path(&self) -> String {
        let mut path = String::new();
        let Some(first) = self.points.first() else { return path };
        push(&mut path, 'M', &[*first]);
        if self.points.windows(2).all(|pair| pair[0].x < pair[1].x)
            || self.points.windows(2).all(|pair| pair[0].x > pair[1].x)
        {
            self.curve(&mut path);
        } else {
            self.arch(&mut path);
        }
        path
    }

    fn curve(&self, path: &mut String) {
        let slopes = self.slopes();
        for (pair, slopes) in self.points.windows(2).zip(slopes.windows(2)) {
            let (from, to) = (pair[0], pair[1]);
            if (from.y - to.y).abs() < 0.05 {
                push(path, 'L', &[to]);
                continue;
            }
            let half = (to.x - from.x) / 2.0;
            let near_from = Point { x: from.x + half, y: from.y + slopes[0] * half };
            let near_to = Point { x: to.x - half, y: to.y - slopes[1] * half };
            push(path, 'C', &[near_from, near_to, to]);
        }
    }

    /// The slope at each point: level at the ends and wherever the edge turns, else the harmonic mean of the
    /// slopes on both sides, with which a cubic does not overshoot.
    fn slopes(&self) -> Vec<f64> {
        let pieces: Vec<f64> =
            self.points.windows(2).map(|pair| (pair[1].y - pair[0].y) / (pair[1].x - pair[0].x)).collect();
        let mut slopes = vec![0.0; self.points.len()];
        for (at, pair) in pieces.windows(2).enumerate() {
            if pair[0] * pair[1] > 0.0 {
                slopes[at + 1] = 2.0 * pair[0] * pair[1] / (pair[0] + pair[1]);
            }
        }
        slopes
    }

    fn arch(&self, path: &mut String) {
        for at in 1..self.points.len() {
            let corner = self.points[at];
            let Some(&next) = self.points.get(at + 1) else {
                push(path, 'L', &[corner]);
                break;
            };
            push(path, 'L', &[towards(corner, self.points[at - 1])]);
            push(path, 'Q', &[corner, towards(corner, next)]);
        }
    }
}

/// The point a corner's radius away, or half-way if that is nearer.
fn towards(corner: Point, other: Point) -> Point {
    let distance = (other.x - corner.x).hypot(other.y - corner.y);
    let share = if distance > 0.0 { (CORNER / distance).min(0.5) } else { 0.0 };
    Point { x: corner.x + (other.x - corner.x) * share, y: corner.y + (other.y - corner.y) * share }
}

fn push(path: &mut String, command: char, points: &[Point]) {
    path.push(command);
    for (at, point) in points.iter().enumerate() {
        let gap = if at > 0 { " " } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(path, "{gap}{:.1} {:.1}", point.x, point.y);
    }
}
