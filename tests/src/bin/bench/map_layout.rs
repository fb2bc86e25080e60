//! Layout of a large map, in this process by the dashboard's own module; in a browser it takes one and a
//! half to two times as long.

use std::time::Instant;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::report::{Budget, Figure, Report};

use sidecarta_frontend::layout::{LayoutEdge, LayoutNode, LayoutRequest, layout};

const NODES: usize = 500;
const EDGES: usize = 1_000;
const TIMES: usize = 10;

pub(crate) fn measure(report: &mut Report) {
    let request = request(5);
    let mut times_ms = Vec::new();
    let mut again_ms = Vec::new();
    for _ in 0..TIMES {
        let begin = Instant::now();
        let first = layout(&request, None);
        times_ms.push(begin.elapsed().as_secs_f64() * 1e3);
        let mut changed = request.clone();
        changed.nodes.push(node(NODES));
        let begin = Instant::now();
        std::hint::black_box(layout(&changed, Some(&first)));
        again_ms.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    for (name, mut times, budget) in [
        ("layout", times_ms, Some(Budget::of(500.0, 200.0))),
        ("layout again with one box more", again_ms, None),
    ] {
        times.sort_by(f64::total_cmp);
        report.add(Figure {
            name: format!("{name}, {NODES} boxes, {EDGES} arrows"),
            value: times[TIMES / 2],
            unit: "ms",
            budget,
            how: format!("median of {TIMES}, native, one thread; max {:.0} ms", times[TIMES - 1]),
        });
    }
}

/// A random graph: every box is called by another one, and the other calls go anywhere.
fn request(seed: u64) -> LayoutRequest {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let edge = |number: usize, source: usize, target: usize| LayoutEdge {
        id: format!("edge-{number}"),
        source: format!("node-{source}"),
        target: format!("node-{target}"),
        label_width: 96.0,
        label_height: 20.0,
    };
    let edges = (0..EDGES).map(|number| {
        let (target, source) = if number + 1 < NODES {
            (number + 1, random.random_range(0..=number))
        } else {
            (random.random_range(0..NODES), random.random_range(0..NODES))
        };
        edge(number, source, target)
    });
    LayoutRequest { edges: edges.collect(), nodes: (0..NODES).map(node).collect() }
}

fn node(number: usize) -> LayoutNode {
    LayoutNode { id: format!("node-{number}"), width: 168.0, height: 52.0, first: number == 0 }
}
