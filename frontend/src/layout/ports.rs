//! Spreads the ends of edges along the sides of their boxes, in the order in which they leave.

use super::part::Part;
use super::proper::Proper;

/// Distance of two ends on a side with enough room.
const STEP: f64 = 14.0;

/// The part of a side at each corner that stays free.
const CORNER: f64 = 8.0;

/// Where an edge meets its boxes, below their centres.
#[derive(Clone, Copy, Default)]
pub(super) struct Ports {
    pub(super) left_box: f64,
    pub(super) right_box: f64,
}

/// The ports of each edge.
pub(super) fn spread(part: &Part, proper: &Proper) -> Vec<Ports> {
    let places = proper.places();
    let mut leaving = vec![Vec::new(); part.nodes.len()];
    let mut arriving = vec![Vec::new(); part.nodes.len()];
    for (edge, chain) in proper.chains.iter().enumerate() {
        let (left, right) = chain.boxes();
        let inner = chain.inner();
        leaving[left].push((places[inner[0]], edge));
        arriving[right].push((places[inner[inner.len() - 1]], edge));
    }
    let mut ports = vec![Ports::default(); proper.chains.len()];
    for (node, (leaving, arriving)) in part.nodes.iter().zip(leaving.iter_mut().zip(&mut arriving)) {
        leaving.sort_unstable();
        arriving.sort_unstable();
        for (at, &(_, edge)) in leaving.iter().enumerate() {
            ports[edge].left_box = offset(at, leaving.len(), node.height);
        }
        for (at, &(_, edge)) in arriving.iter().enumerate() {
            ports[edge].right_box = offset(at, arriving.len(), node.height);
        }
    }
    ports
}

fn offset(at: usize, count: usize, height: f64) -> f64 {
    if count < 2 {
        return 0.0;
    }
    let step = STEP.min((height - 2.0 * CORNER).max(0.0) / (count - 1) as f64);
    (at as f64 - (count - 1) as f64 / 2.0) * step
}
