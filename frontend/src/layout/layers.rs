//! Gives each node its layer: every edge runs at least one layer to the right, and all together are short.

use super::acyclic::{self, Directed};
use super::part::Part;
use super::simplex::Program;

/// Bound on the work of the simplex method, in looks at an arc.
const WORK: usize = 4_000_000;

/// How much stronger an edge pulls than the layer where a node stood before.
const PULL: i64 = 16;

/// The layer of each node, from 0, none of them empty.
pub(super) fn assign(part: &Part, edges: &[Directed]) -> Vec<usize> {
    let count = part.nodes.len();
    let pinned = acyclic::pinned(part);
    let mut has_caller = vec![false; count];
    for edge in edges {
        has_caller[edge.right] = true;
    }

    // One variable stands for all pinned nodes; one more is the first layer of the previous layout.
    let (first, origin) = (count, count + 1);
    let variable = |v: usize| if pinned[v] { first } else { v };
    let mut program = Program::new(count + 2);
    for edge in edges {
        program.at_least(variable(edge.left), variable(edge.right), 1, PULL);
    }
    program.at_least(origin, first, -(count as i64), 0);
    let mut wanted = vec![0; count + 2];
    for (v, node) in part.nodes.iter().enumerate() {
        if pinned[v] || !has_caller[v] {
            program.at_least(first, v, 0, 0);
        }
        if let Some(before) = node.before.filter(|_| !pinned[v]) {
            wanted[v] = before.seat.layer as i64;
            program.near((v, 0), (origin, wanted[v]), 1);
        }
    }
    let solved = program.solve(program.feasible(&wanted), WORK);
    let values: Vec<i64> = (0..count).map(|v| solved[variable(v)]).collect();
    let mut used = values.clone();
    used.sort_unstable();
    used.dedup();
    values.iter().map(|value| used.partition_point(|other| other < value)).collect()
}
