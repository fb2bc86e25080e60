//! Network simplex: whole numbers under distance constraints with the least weighted sum of distances.
//!
//! The same program gives layers to nodes and y coordinates to boxes and edges. The work is bounded: each
//! step of the method keeps all constraints and makes the sum smaller, so it may stop at any of them.

use tree::Tree;

mod tree;

/// Distances between variables: constraints, each with the cost of every unit above the distance it asks for.
pub(super) struct Program {
    /// Variables whose start is given; those above are made by [`Program::near`].
    given: usize,
    variables: usize,
    arcs: Vec<Arc>,
}

/// `value[high] - value[low] >= length`; `weight` for each unit above.
#[derive(Clone, Copy)]
struct Arc {
    low: usize,
    high: usize,
    length: i64,
    weight: i64,
}

impl Program {
    pub(super) fn new(variables: usize) -> Self {
        Self { given: variables, variables, arcs: Vec::new() }
    }

    /// Keeps `high` at least `distance` above `low`, and draws it there with the weight.
    pub(super) fn at_least(&mut self, low: usize, high: usize, distance: i64, weight: i64) {
        self.arcs.push(Arc { low, high, length: distance, weight });
    }

    /// Draws `a + a_offset` and `b + b_offset` to each other with the weight.
    pub(super) fn near(&mut self, (a, a_offset): (usize, i64), (b, b_offset): (usize, i64), weight: i64) {
        let lower = self.variables;
        self.variables += 1;
        self.at_least(lower, a, -a_offset, weight);
        self.at_least(lower, b, -b_offset, weight);
    }

    /// Values that hold all constraints, each the wanted one or, where that cannot be, the next above.
    pub(super) fn feasible(&self, wanted: &[i64]) -> Vec<i64> {
        let mut values = wanted.to_vec();
        let mut waiting = vec![0_usize; self.given];
        let mut after = vec![Vec::new(); self.given];
        for arc in self.arcs.iter().filter(|arc| arc.low < self.given) {
            waiting[arc.high] += 1;
            after[arc.low].push(arc);
        }
        let mut ready: Vec<usize> = (0..self.given).filter(|&v| waiting[v] == 0).collect();
        while let Some(v) = ready.pop() {
            for arc in &after[v] {
                values[arc.high] = values[arc.high].max(values[v] + arc.length);
                waiting[arc.high] -= 1;
                if waiting[arc.high] == 0 {
                    ready.push(arc.high);
                }
            }
        }
        values
    }

    /// Improves a start that holds all constraints, until nothing is left to gain or the work is used up.
    /// Gives the values of the variables that [`Program::new`] was told of.
    pub(super) fn solve(&self, mut start: Vec<i64>, work: usize) -> Vec<i64> {
        start.resize(self.variables, i64::MAX);
        for arc in self.arcs.iter().filter(|arc| arc.low >= self.given) {
            start[arc.low] = start[arc.low].min(start[arc.high] - arc.length);
        }
        let mut tree = Tree::new(self, start, work);
        if tree.grow() {
            tree.measure();
            while let Some(leaving) = tree.leaving() {
                if !tree.exchange(leaving) {
                    break;
                }
            }
        }
        tree.values.truncate(self.given);
        tree.values
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost(program: &Program, values: &[i64]) -> Option<i64> {
        program.arcs.iter().try_fold(0, |sum, arc| {
            let slack = values[arc.high] - values[arc.low] - arc.length;
            (slack >= 0).then_some(sum + slack * arc.weight)
        })
    }

    /// The least cost with all values below `bound`, by trying all.
    fn least(program: &Program, values: &mut Vec<i64>, bound: i64) -> Option<i64> {
        if values.len() == program.variables {
            return cost(program, values);
        }
        let mut best = None;
        for value in 0..bound {
            values.push(value);
            let found = least(program, values, bound);
            best = match (best, found) {
                (Some(best), Some(found)) => Some(i64::min(best, found)),
                (best, found) => best.or(found),
            };
            values.pop();
        }
        best
    }

    proptest! {
        #[test]
        fn finds_the_least_cost(arcs in prop::collection::vec((0..3_usize, 1..3_usize, 0..3_i64, 0..5_i64), 0..6)) {
            let mut program = Program::new(4);
            for v in 1..4 {
                program.at_least(v - 1, v, 0, 1);
            }
            for (low, step, length, weight) in arcs {
                program.at_least(low, (low + step).min(3), length, weight);
            }
            let solved = program.solve(program.feasible(&[0; 4]), usize::MAX);
            prop_assert_eq!(cost(&program, &solved), least(&program, &mut Vec::new(), 7));
        }
    }

    #[test]
    fn draws_to_the_heavier_side() {
        let mut program = Program::new(3);
        program.at_least(0, 2, 10, 0);
        program.near((0, 0), (1, 0), 1);
        program.near((2, 3), (1, 0), 2);
        program.near((0, 0), (2, -10), 9);
        let values = program.solve(program.feasible(&[0; 3]), usize::MAX);
        assert_eq!((values[2] - values[0], values[1] - values[2]), (10, 3));
    }

    #[test]
    fn stops_when_the_work_is_used_up() {
        let mut program = Program::new(100);
        for v in 1..100 {
            program.at_least(v - 1, v, 1, 0);
            program.near((0, 0), (v, -2 * v as i64), v as i64);
        }
        for work in [0, 50, 500, 5_000] {
            let values = program.solve(program.feasible(&[0; 100]), work);
            assert!(values.windows(2).all(|pair| pair[1] > pair[0]), "{values:?}");
        }
    }
}
