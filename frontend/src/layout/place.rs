//! Gives boxes and edges their y coordinates.
//!
//! The part of an edge between its boxes is one level run, so it needs one coordinate however many layers it
//! passes; only where two runs cross, one of them bends. The coordinates that make all slopes together small
//! are then a problem for the [simplex method](super::simplex), with the distances that neighbours of a layer
//! need as constraints. As level runs alone would make large pictures tall, a second round lets them bend
//! where that saves much. The previous picture takes part as a pull on what was in it.

use super::part::Part;
use super::ports::{self, Ports};
use super::proper::{Kind, Proper};
use super::simplex::Program;

/// Bounds on the work of the simplex method, in looks at an arc, first with straight runs, then with runs
/// that may bend where that saves more than it costs.
const STRAIGHT_WORK: usize = 10_000_000;
const BENDING_WORK: usize = 3_000_000;

/// Graphs with more vertices keep their runs straight: the bounded work would not improve them much.
const BENDING_VERTICES: usize = 4_000;

/// Steps of the whole-numbered coordinates in a unit of the drawing.
const GRID: f64 = 4.0;

/// Weights of what is drawn together: an edge and its box, at the busy end and at the free end.
const BUSY_END: i64 = 16;
const FREE_END: i64 = 24;
/// The two sides of a bend: a run bends by a unit only if that saves several edges the same unit.
const BEND: i64 = 128;
/// Neighbours of a layer, so that of equal pictures the compact one wins.
const CLOSE: i64 = 1;
/// A box and its place before, more than all its edges together; a run and its place before, less than one.
const BOX_BEFORE: i64 = 320;
const RUN_BEFORE: i64 = 4;

/// The y coordinates of all vertices and the ports of all edges.
pub(super) struct Placed {
    pub(super) ys: Vec<f64>,
    pub(super) ports: Vec<Ports>,
}

/// Places an ordered graph; with `kept`, near to where it was.
pub(super) fn place(part: &Part, proper: &Proper, kept: bool) -> Placed {
    let mut ports = ports::spread(part, proper);
    for port in &mut ports {
        port.left_box = (port.left_box * GRID).round() / GRID;
        port.right_box = (port.right_box * GRID).round() / GRID;
    }
    let may_bend = proper.vertices.len() <= BENDING_VERTICES;
    let mut ys = start(proper, kept);
    // The straight picture is a good start for the bent one, but that of a kept picture is near enough.
    if !(kept && may_bend) {
        ys = Runs::new(proper, |bent| bent).solve(proper, &ports, kept, ys, STRAIGHT_WORK);
    }
    if may_bend {
        ys = Runs::new(proper, |_| true).solve(proper, &ports, kept, ys, BENDING_WORK);
    }
    Placed { ys, ports }
}

/// Vertices that share a coordinate.
struct Runs {
    /// The number of the variable of each vertex.
    of: Vec<usize>,
    count: usize,
}

impl Runs {
    /// Boxes stand alone; a vertex of an edge starts a new run if the one to its left cannot go on, or if told so.
    fn new(proper: &Proper, starts: impl Fn(bool) -> bool) -> Self {
        let bent = bends(proper);
        let mut runs = Self { of: vec![0; proper.vertices.len()], count: 0 };
        for (v, vertex) in proper.vertices.iter().enumerate() {
            if vertex.kind == Kind::Box {
                runs.of[v] = runs.count;
                runs.count += 1;
            }
        }
        for chain in &proper.chains {
            for (at, &v) in chain.inner().iter().enumerate() {
                if at == 0 || starts(bent[v]) {
                    runs.count += 1;
                }
                runs.of[v] = runs.count - 1;
            }
        }
        runs
    }

    fn solve(&self, proper: &Proper, ports: &[Ports], kept: bool, start: Vec<f64>, work: usize) -> Vec<f64> {
        let runs = &self.of;
        // One more variable stands for the upper edge of the previous drawing.
        let origin = self.count;
        let mut program = Program::new(self.count + 1);
        keep_apart(&mut program, proper, runs);
        let grid = |y: f64| (y * GRID).round() as i64;
        for (chain, ports) in proper.chains.iter().zip(ports) {
            let (left, right) = chain.boxes();
            let inner = chain.inner();
            let (first, last) = (runs[inner[0]], runs[inner[inner.len() - 1]]);
            let (to_left, to_right) =
                if chain.free_left { (FREE_END, BUSY_END) } else { (BUSY_END, FREE_END) };
            program.near((runs[left], grid(ports.left_box)), (first, 0), to_left);
            program.near((last, 0), (runs[right], grid(ports.right_box)), to_right);
            for pair in inner.windows(2).filter(|pair| runs[pair[0]] != runs[pair[1]]) {
                program.near((runs[pair[0]], 0), (runs[pair[1]], 0), BEND);
            }
        }
        let mut wanted = vec![(0.0, 0_u32); self.count + 1];
        for (&run, y) in runs.iter().zip(start) {
            wanted[run] = (wanted[run].0 + y, wanted[run].1 + 1);
        }
        let wanted: Vec<i64> =
            wanted.iter().map(|(sum, count)| grid(sum / f64::from((*count).max(1)))).collect();
        if kept {
            for (v, vertex) in proper.vertices.iter().enumerate() {
                if let Some(before) = vertex.before {
                    let weight = if vertex.kind == Kind::Box { BOX_BEFORE } else { RUN_BEFORE };
                    program.near((runs[v], 0), (origin, grid(before)), weight);
                }
            }
        } else {
            program.at_least(origin, runs[0], 0, 0);
        }
        let values = program.solve(program.feasible(&wanted), work);
        runs.iter().map(|&run| values[run] as f64 / GRID).collect()
    }
}

/// Whether the run of a vertex cannot go on from the vertex to its left: in each gutter as many runs as
/// possible that do not cross go straight on.
fn bends(proper: &Proper) -> Vec<bool> {
    let places = proper.places();
    let is_inner = |v: usize| proper.vertices[v].kind != Kind::Box;
    let mut bent = vec![false; proper.vertices.len()];
    for layer in &proper.layers {
        let pieces: Vec<usize> = layer
            .iter()
            .filter(|&&v| is_inner(v))
            .filter_map(|&v| proper.right[v].first().copied().filter(|&next| is_inner(next)))
            .collect();
        let keys: Vec<usize> = pieces.iter().map(|&v| places[v]).collect();
        for (&v, straight) in pieces.iter().zip(longest_rising(&keys)) {
            bent[v] = !straight;
        }
    }
    bent
}

/// Marks a longest rising subsequence of different numbers.
fn longest_rising(keys: &[usize]) -> Vec<bool> {
    // The last element of the best subsequence of each length, and what each element follows there.
    let mut ends: Vec<usize> = Vec::new();
    let mut follows: Vec<Option<usize>> = Vec::with_capacity(keys.len());
    for (at, key) in keys.iter().enumerate() {
        let length = ends.partition_point(|&end| keys[end] < *key);
        follows.push(length.checked_sub(1).map(|before| ends[before]));
        ends.truncate(ends.len().max(length));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut marked = vec![false; keys.len()];
    let mut next = ends.last().copied();
    while let Some(at) = next {
        marked[at] = true;
        next = follows[at];
    }
    marked
}

/// Adds the distances between neighbours of a layer, each pair of runs once.
fn keep_apart(program: &mut Program, proper: &Proper, runs: &[usize]) {
    let mut pairs: Vec<(usize, usize, i64)> = proper
        .layers
        .iter()
        .flat_map(|layer| layer.windows(2))
        .map(|pair| {
            let distance = (proper.distance(pair[0], pair[1]) * GRID).ceil() as i64;
            (runs[pair[0]], runs[pair[1]], -distance)
        })
        .collect();
    pairs.sort_unstable();
    pairs.dedup_by_key(|pair| (pair.0, pair.1));
    for (upper, lower, distance) in pairs {
        program.at_least(upper, lower, -distance, CLOSE);
    }
}

/// Coordinates to start from: those of the previous layout, else each layer packed around a common middle.
fn start(proper: &Proper, kept: bool) -> Vec<f64> {
    let mut ys = vec![0.0; proper.vertices.len()];
    for layer in &proper.layers {
        let mut y = 0.0;
        for (at, &v) in layer.iter().enumerate() {
            if at > 0 {
                y += proper.distance(layer[at - 1], v);
            }
            ys[v] = y;
        }
        for &v in layer {
            let before = proper.vertices[v].before.filter(|_| kept);
            ys[v] = before.unwrap_or(ys[v] - y / 2.0);
        }
    }
    ys
}
