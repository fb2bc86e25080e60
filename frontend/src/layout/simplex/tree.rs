//! The spanning tree of tight arcs that the method walks with.

use super::{Arc, Program};

const NONE: usize = usize::MAX;

fn other_end(arcs: &[Arc], arc: usize, v: usize) -> usize {
    if arcs[arc].low == v { arcs[arc].high } else { arcs[arc].low }
}

/// A spanning tree of arcs that have exactly their length; it fixes all values relative to each other.
pub(super) struct Tree<'a> {
    arcs: &'a [Arc],
    pub(super) values: Vec<i64>,
    /// Arcs at each variable, those of variable `v` from `starts[v]` to `starts[v + 1]`.
    incident: Vec<usize>,
    starts: Vec<usize>,
    /// Tree arcs at each variable.
    links: Vec<Vec<usize>>,
    /// The tree arc towards the root, variable 0, and the number of arcs on the way there.
    up: Vec<usize>,
    depth: Vec<usize>,
    /// What a unit more of each tree arc's distance costs; below 0 it pays to lengthen the arc.
    cost: Vec<i64>,
    /// Tree arcs, in the order in which they are looked at.
    members: Vec<usize>,
    place: Vec<usize>,
    next: usize,
    /// The step at which a variable was last seen on the side that moves.
    stamp: Vec<usize>,
    step: usize,
    moved: Vec<usize>,
    work: usize,
}

impl<'a> Tree<'a> {
    pub(super) fn new(program: &'a Program, values: Vec<i64>, work: usize) -> Self {
        let (count, arcs) = (program.variables, &program.arcs);
        let mut starts = vec![0; count + 1];
        for arc in arcs {
            starts[arc.low + 1] += 1;
            starts[arc.high + 1] += 1;
        }
        for v in 0..count {
            starts[v + 1] += starts[v];
        }
        let mut fill = starts.clone();
        let mut incident = vec![0; arcs.len() * 2];
        for (index, arc) in arcs.iter().enumerate() {
            for end in [arc.low, arc.high] {
                incident[fill[end]] = index;
                fill[end] += 1;
            }
        }
        Self {
            arcs,
            values,
            incident,
            starts,
            links: vec![Vec::new(); count],
            up: vec![NONE; count],
            depth: vec![0; count],
            cost: vec![0; arcs.len()],
            members: Vec::with_capacity(count),
            place: vec![NONE; arcs.len()],
            next: 0,
            stamp: vec![0; count],
            step: 0,
            moved: Vec::new(),
            work,
        }
    }

    fn slack(&self, arc: usize) -> i64 {
        let Arc { low, high, length, .. } = self.arcs[arc];
        self.values[high] - self.values[low] - length
    }

    fn other(&self, arc: usize, v: usize) -> usize {
        other_end(self.arcs, arc, v)
    }

    fn spend(&mut self, work: usize) -> bool {
        self.work = self.work.saturating_sub(work);
        self.work > 0
    }

    /// Grows the tree from variable 0 along arcs without slack, moving it where there is none. False if the
    /// work was used up first or a variable hangs on no arc.
    pub(super) fn grow(&mut self) -> bool {
        let count = self.values.len();
        if count == 0 {
            return false;
        }
        let mut inside = vec![0];
        self.stamp[0] = 1;
        let mut border: Vec<usize> = Vec::new();
        let mut seen = 0;
        loop {
            while seen < inside.len() {
                let v = inside[seen];
                seen += 1;
                for at in self.starts[v]..self.starts[v + 1] {
                    let arc = self.incident[at];
                    let other = self.other(arc, v);
                    if self.stamp[other] == 1 {
                        continue;
                    }
                    if self.slack(arc) == 0 {
                        self.link(arc);
                        self.stamp[other] = 1;
                        inside.push(other);
                    } else {
                        border.push(arc);
                    }
                }
            }
            if inside.len() == count {
                return true;
            }
            let stamp = &self.stamp;
            border.retain(|&arc| stamp[self.arcs[arc].low] != stamp[self.arcs[arc].high]);
            let Some(&nearest) = border.iter().min_by_key(|&&arc| (self.slack(arc), arc)) else {
                return false;
            };
            let inside_is_low = self.stamp[self.arcs[nearest].low] == 1;
            let shift = if inside_is_low { self.slack(nearest) } else { -self.slack(nearest) };
            for &v in &inside {
                self.values[v] += shift;
            }
            if !self.spend(border.len() + inside.len()) {
                return false;
            }
            let joined = if inside_is_low { self.arcs[nearest].high } else { self.arcs[nearest].low };
            self.link(nearest);
            self.stamp[joined] = 1;
            inside.push(joined);
        }
    }

    fn link(&mut self, arc: usize) {
        self.place[arc] = self.members.len();
        self.members.push(arc);
        self.links[self.arcs[arc].low].push(arc);
        self.links[self.arcs[arc].high].push(arc);
    }

    /// Roots the tree and computes the cost of each of its arcs: what flows out of the side below it.
    pub(super) fn measure(&mut self) {
        self.step = 1;
        self.hang(0, NONE);
        let mut flow = vec![0_i64; self.values.len()];
        for arc in self.arcs {
            flow[arc.low] += arc.weight;
            flow[arc.high] -= arc.weight;
        }
        for &v in self.moved[1..].iter().rev() {
            let arc = self.up[v];
            let parent = other_end(self.arcs, arc, v);
            self.cost[arc] = if self.arcs[arc].low == v { flow[v] } else { -flow[v] };
            flow[parent] += flow[v];
        }
    }

    /// Hangs what is reached from `top`, without its arc `up`, below that arc. Leaves these variables, top
    /// down and stamped with a new step, in `moved`.
    fn hang(&mut self, top: usize, up: usize) {
        self.step += 1;
        self.up[top] = up;
        self.depth[top] = if up == NONE { 0 } else { self.depth[self.other(up, top)] + 1 };
        self.stamp[top] = self.step;
        self.moved.clear();
        self.moved.push(top);
        let mut seen = 0;
        while seen < self.moved.len() {
            let v = self.moved[seen];
            seen += 1;
            for at in 0..self.links[v].len() {
                let arc = self.links[v][at];
                if arc != self.up[v] {
                    let child = self.other(arc, v);
                    self.up[child] = arc;
                    self.depth[child] = self.depth[v] + 1;
                    self.stamp[child] = self.step;
                    self.moved.push(child);
                }
            }
        }
    }

    /// The next tree arc worth lengthening: the best of the first few from where the last search ended.
    pub(super) fn leaving(&mut self) -> Option<usize> {
        let mut best: Option<usize> = None;
        let mut found = 0;
        for _ in 0..self.members.len() {
            let arc = self.members[self.next];
            self.next = (self.next + 1) % self.members.len();
            if self.cost[arc] < 0 {
                found += 1;
                if best.is_none_or(|best| self.cost[arc] < self.cost[best]) {
                    best = Some(arc);
                }
                if found == 24 {
                    break;
                }
            }
        }
        best
    }

    /// Lengthens the arc until another takes its place in the tree. False if the work is used up or nothing
    /// holds the arc back.
    pub(super) fn exchange(&mut self, leaving: usize) -> bool {
        let Arc { low, high, .. } = self.arcs[leaving];
        let child = if self.up[low] == leaving { low } else { high };
        self.hang(child, leaving);
        let moves_down = child == low;
        let mut entering: Option<(i64, usize)> = None;
        let mut looked_at = self.moved.len();
        for &v in &self.moved {
            looked_at += self.starts[v + 1] - self.starts[v];
            for &arc in &self.incident[self.starts[v]..self.starts[v + 1]] {
                let Arc { low, high, .. } = self.arcs[arc];
                let holds = if moves_down { high == v } else { low == v };
                let inside = (self.stamp[low] == self.step, self.stamp[high] == self.step);
                if holds && inside.0 != inside.1 {
                    let key = (self.slack(arc), arc);
                    entering = Some(entering.map_or(key, |best| best.min(key)));
                }
            }
        }
        let Some((slack, entering)) = entering else { return false };
        for &v in &self.moved {
            self.values[v] += if moves_down { -slack } else { slack };
        }
        self.reprice(leaving, entering);
        self.replace(leaving, entering);
        let inner = if self.stamp[self.arcs[entering].low] == self.step {
            self.arcs[entering].low
        } else {
            self.arcs[entering].high
        };
        self.hang(inner, entering);
        self.spend(2 * looked_at + 8)
    }

    /// Adds what the leaving arc costs to the arcs on the cycle that the entering one closes.
    fn reprice(&mut self, leaving: usize, entering: usize) {
        let cost = self.cost[leaving];
        let Arc { low, high, .. } = self.arcs[entering];
        let (mut from_low, mut from_high) = (low, high);
        while from_low != from_high {
            let climbs_low = self.depth[from_low] >= self.depth[from_high];
            let v = if climbs_low { from_low } else { from_high };
            let arc = self.up[v];
            // On the way round the cycle, along the entering arc, this arc is passed forwards or backwards.
            let upward = self.arcs[arc].low == v;
            self.cost[arc] += if upward == climbs_low { cost } else { -cost };
            let parent = self.other(arc, v);
            if climbs_low {
                from_low = parent;
            } else {
                from_high = parent;
            }
        }
        self.cost[entering] = -cost;
        self.cost[leaving] = 0;
    }

    fn replace(&mut self, leaving: usize, entering: usize) {
        let place = self.place[leaving];
        self.place[leaving] = NONE;
        self.place[entering] = place;
        self.members[place] = entering;
        for end in [self.arcs[leaving].low, self.arcs[leaving].high] {
            self.links[end].retain(|&arc| arc != leaving);
        }
        for end in [self.arcs[entering].low, self.arcs[entering].high] {
            self.links[end].push(entering);
        }
    }
}
