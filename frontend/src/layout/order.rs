//! Orders each layer so that few edges cross: sweeps that sort by the mean place of the neighbours, each
//! followed by exchanges of neighbours. The number of sweeps is bounded by work.

use super::crossings;
use super::proper::Proper;

/// Bound on the pieces of edges that the sweeps from one start look at.
const WORK: usize = 160_000;

/// Orders the layers. With `keep` what stood on the same layer in the previous layout keeps its order, and
/// the answer is true, unless a fresh order crosses far less.
pub(super) fn order(proper: &mut Proper, keep: bool) -> bool {
    let free = vec![false; proper.vertices.len()];
    if keep {
        let fixed: Vec<bool> = proper.vertices.iter().map(|vertex| vertex.before.is_some()).collect();
        let (kept, crossings) = Sweeper::new(proper, &fixed, remembered(proper)).improve();
        // A graph that grew piece by piece may be tangled so much that one jump is the lesser evil.
        if crossings > 12 {
            let (fresh, fresh_crossings) = best_of(proper, &free);
            if crossings > 12 + 2 * fresh_crossings {
                proper.layers = fresh;
                return false;
            }
        }
        proper.layers = kept;
        return true;
    }
    proper.layers = best_of(proper, &free).0;
    false
}

type Layers = Vec<Vec<usize>>;

fn best_of(proper: &Proper, fixed: &[bool]) -> (Layers, u64) {
    let rightwards = Sweeper::new(proper, fixed, visited(proper, true)).improve();
    if rightwards.1 == 0 {
        return rightwards;
    }
    let leftwards = Sweeper::new(proper, fixed, visited(proper, false)).improve();
    if leftwards.1 < rightwards.1 { leftwards } else { rightwards }
}

/// The order of a depth-first visit from the first layer rightwards, or from the last one leftwards.
fn visited(proper: &Proper, rightwards: bool) -> Layers {
    let next = if rightwards { &proper.right } else { &proper.left };
    let mut order = vec![Vec::new(); proper.layers.len()];
    let mut seen = vec![false; proper.vertices.len()];
    let mut roots: Vec<usize> = (0..proper.vertices.len()).collect();
    roots.sort_by_key(|&v| {
        let layer = proper.vertices[v].layer;
        if rightwards { layer } else { proper.layers.len() - layer }
    });
    for root in roots {
        let mut path = vec![root];
        while let Some(v) = path.pop() {
            if !seen[v] {
                seen[v] = true;
                order[proper.vertices[v].layer].push(v);
                path.extend(next[v].iter().rev());
            }
        }
    }
    order
}

/// The order of the previous layout, with what is new put next to its neighbours.
fn remembered(proper: &Proper) -> Layers {
    let mut heights: Vec<Option<f64>> = proper.vertices.iter().map(|vertex| vertex.before).collect();
    let mut missing: Vec<usize> = (0..heights.len()).filter(|&v| heights[v].is_none()).collect();
    while !missing.is_empty() {
        let found: Vec<(usize, f64)> = missing
            .iter()
            .filter_map(|&v| {
                let near = proper.left[v].iter().chain(&proper.right[v]).filter_map(|&other| heights[other]);
                let (count, sum) = near.fold((0, 0.0), |(count, sum), y| (count + 1, sum + y));
                (count > 0).then(|| (v, sum / f64::from(count)))
            })
            .collect();
        if found.is_empty() {
            break;
        }
        for (v, y) in found {
            heights[v] = Some(y);
        }
        missing.retain(|&v| heights[v].is_none());
    }
    let mut layers = proper.layers.clone();
    for layer in &mut layers {
        layer.sort_by(|&a, &b| {
            let key = |v: usize| heights[v].unwrap_or(f64::INFINITY);
            key(a).total_cmp(&key(b)).then(a.cmp(&b))
        });
    }
    layers
}

struct Sweeper<'a> {
    proper: &'a Proper,
    /// Vertices that keep their order among each other.
    fixed: &'a [bool],
    layers: Layers,
    places: Vec<usize>,
}

impl<'a> Sweeper<'a> {
    fn new(proper: &'a Proper, fixed: &'a [bool], layers: Layers) -> Self {
        let mut sweeper = Self { proper, fixed, layers, places: vec![0; proper.vertices.len()] };
        for layer in 0..sweeper.layers.len() {
            sweeper.number(layer);
        }
        sweeper
    }

    fn number(&mut self, layer: usize) {
        for (place, &v) in self.layers[layer].iter().enumerate() {
            self.places[v] = place;
        }
    }

    fn crossings(&self) -> u64 {
        crossings::total(&self.layers, &self.proper.right, &self.places)
    }

    /// The best order found and its crossings.
    fn improve(mut self) -> (Layers, u64) {
        let pieces: usize = self.proper.right.iter().map(Vec::len).sum();
        let sweeps = (WORK / pieces.max(1)).clamp(4, 32);
        let mut best = (self.layers.clone(), self.crossings());
        let mut since_best = 0;
        for sweep in 0..sweeps {
            if best.1 == 0 || since_best == 6 {
                break;
            }
            self.sweep(sweep % 2 == 0, sweep % 4 >= 2);
            self.exchange();
            let crossings = self.crossings();
            since_best += 1;
            if crossings < best.1 {
                best = (self.layers.clone(), crossings);
                since_best = 0;
            }
        }
        best
    }

    /// Sorts all layers, one after the other, by the layer before. `flip` turns equals around.
    fn sweep(&mut self, rightwards: bool, flip: bool) {
        let count = self.layers.len();
        for step in 1..count {
            let layer = if rightwards { step } else { count - 1 - step };
            self.sort(layer, rightwards, flip);
        }
    }

    fn sort(&mut self, layer: usize, by_left: bool, flip: bool) {
        let proper = self.proper;
        let sides = if by_left { &proper.left } else { &proper.right };
        let order = &mut self.layers[layer];
        let places = &self.places;
        let mut sorted: Vec<(f64, usize)> = order
            .iter()
            .filter(|&&v| !sides[v].is_empty())
            .map(|&v| {
                let sum: usize = sides[v].iter().map(|&other| places[other]).sum();
                (sum as f64 / sides[v].len() as f64, v)
            })
            .collect();
        if flip {
            sorted.reverse();
        }
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        // What has no neighbour on that side stays where it is.
        let mut next = sorted.into_iter();
        for slot in order.iter_mut().filter(|v| !sides[**v].is_empty()) {
            if let Some((_, v)) = next.next() {
                *slot = v;
            }
        }
        self.restore(layer);
        self.number(layer);
    }

    /// Puts the fixed vertices of a layer back into their order, on the slots that they have now.
    fn restore(&mut self, layer: usize) {
        let (fixed, vertices) = (self.fixed, &self.proper.vertices);
        let order = &mut self.layers[layer];
        let mut kept: Vec<usize> = order.iter().copied().filter(|&v| fixed[v]).collect();
        kept.sort_by(|&a, &b| {
            let height = |v: usize| vertices[v].before.unwrap_or_default();
            height(a).total_cmp(&height(b)).then(a.cmp(&b))
        });
        for (slot, v) in order.iter_mut().filter(|v| fixed[**v]).zip(kept) {
            *slot = v;
        }
    }

    /// Exchanges neighbours as long as that saves crossings, a few rounds for each layer.
    fn exchange(&mut self) {
        let (mut left, mut right) = (Sorted::default(), Sorted::default());
        for layer in 0..self.layers.len() {
            left.fill(&self.layers[layer], &self.proper.left, &self.places);
            right.fill(&self.layers[layer], &self.proper.right, &self.places);
            let order = &mut self.layers[layer];
            let mut slots: Vec<usize> = (0..order.len()).collect();
            for _ in 0..4 {
                let mut changed = false;
                for at in 1..slots.len() {
                    let (upper, lower) = (slots[at - 1], slots[at]);
                    if self.fixed[order[upper]] && self.fixed[order[lower]] {
                        continue;
                    }
                    let (now_left, then_left) = crossings::of_pair(left.of(upper), left.of(lower));
                    let (now_right, then_right) = crossings::of_pair(right.of(upper), right.of(lower));
                    if then_left + then_right < now_left + now_right {
                        slots.swap(at - 1, at);
                        changed = true;
                    }
                }
                if !changed {
                    break;
                }
            }
            *order = slots.into_iter().map(|slot| order[slot]).collect();
            self.number(layer);
        }
    }
}

/// For each vertex of a layer the sorted places of its neighbours on one side.
#[derive(Default)]
struct Sorted {
    places: Vec<usize>,
    ends: Vec<usize>,
}

impl Sorted {
    fn fill(&mut self, layer: &[usize], sides: &[Vec<usize>], places: &[usize]) {
        self.places.clear();
        self.ends.clear();
        for &v in layer {
            let start = self.places.len();
            self.places.extend(sides[v].iter().map(|&other| places[other]));
            self.places[start..].sort_unstable();
            self.ends.push(self.places.len());
        }
    }

    fn of(&self, slot: usize) -> &[usize] {
        let start = if slot == 0 { 0 } else { self.ends[slot - 1] };
        &self.places[start..self.ends[slot]]
    }
}
