//! Breaks cycles: turns edges around until all can run from left to right.
//!
//! Only edges on a cycle are turned, and edges into a node that is pinned to the first layer. What ran
//! leftwards in the previous layout still does, as long as it is part of a cycle.

use super::part::Part;

/// An edge with its ends in drawing order.
#[derive(Clone, Copy)]
pub(super) struct Directed {
    pub(super) left: usize,
    pub(super) right: usize,
    /// Whether the edge itself runs from right to left.
    pub(super) turned: bool,
}

impl Directed {
    fn turn(&mut self) {
        std::mem::swap(&mut self.left, &mut self.right);
        self.turned = !self.turned;
    }
}

/// The part's edges, in its order, without a cycle.
pub(super) fn directed(part: &Part) -> Vec<Directed> {
    let mut edges: Vec<Directed> = part
        .edges
        .iter()
        .map(|edge| Directed { left: edge.source, right: edge.target, turned: false })
        .collect();
    let pinned = pinned(part);
    for edge in edges.iter_mut().filter(|edge| pinned[edge.right]) {
        edge.turn();
    }

    let strong = strong_parts(part.nodes.len(), &edges);
    let layer = |v: usize| part.nodes[v].before.map(|before| before.seat.layer);
    for edge in edges.iter_mut().filter(|edge| strong[edge.left] == strong[edge.right]) {
        if let (Some(left), Some(right)) = (layer(edge.left), layer(edge.right))
            && left > right
        {
            edge.turn();
        }
    }

    let strong = strong_parts(part.nodes.len(), &edges);
    let position = sequence(part.nodes.len(), &edges, &strong);
    for edge in edges.iter_mut().filter(|edge| strong[edge.left] == strong[edge.right]) {
        if position[edge.left] > position[edge.right] {
            edge.turn();
        }
    }
    edges
}

/// The nodes that are held in the first layer: those marked so that no other marked node calls.
pub(super) fn pinned(part: &Part) -> Vec<bool> {
    let mut pinned: Vec<bool> = part.nodes.iter().map(|node| node.first).collect();
    for edge in &part.edges {
        if part.nodes[edge.source].first {
            pinned[edge.target] = false;
        }
    }
    pinned
}

/// Numbers of the strongly connected parts, by Tarjan's algorithm without recursion.
fn strong_parts(count: usize, edges: &[Directed]) -> Vec<usize> {
    const UNSEEN: usize = usize::MAX;
    let after = successors(count, edges);
    let mut index = vec![UNSEEN; count];
    let mut low = vec![0; count];
    let mut strong = vec![UNSEEN; count];
    let (mut next, mut parts) = (0, 0);
    let mut open = Vec::new();
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in 0..count {
        if index[start] == UNSEEN {
            path.push((start, 0));
        }
        while let Some((v, child)) = path.pop() {
            if child == 0 {
                index[v] = next;
                low[v] = next;
                next += 1;
                open.push(v);
            } else {
                low[v] = low[v].min(low[after[v][child - 1]]);
            }
            let unseen = (child..after[v].len()).find(|&at| {
                let w = after[v][at];
                if index[w] != UNSEEN && strong[w] == UNSEEN {
                    low[v] = low[v].min(index[w]);
                }
                index[w] == UNSEEN
            });
            if let Some(at) = unseen {
                path.push((v, at + 1));
                path.push((after[v][at], 0));
            } else if low[v] == index[v] {
                while let Some(w) = open.pop() {
                    strong[w] = parts;
                    if w == v {
                        break;
                    }
                }
                parts += 1;
            }
        }
    }
    strong
}

fn successors(count: usize, edges: &[Directed]) -> Vec<Vec<usize>> {
    let mut after = vec![Vec::new(); count];
    for edge in edges {
        after[edge.left].push(edge.right);
    }
    after
}

/// A sequence of the nodes in which few edges of a strongly connected part run backwards: greedily, as that of
/// Eades, Lin and Smyth, but from a cycle it takes the node nearest to where calls come in, so that the
/// edges that run backwards are those that a reader would call the way back.
fn sequence(count: usize, edges: &[Directed], strong: &[usize]) -> Vec<usize> {
    let inner: Vec<Directed> =
        edges.iter().copied().filter(|edge| strong[edge.left] == strong[edge.right]).collect();
    let after = successors(count, &inner);
    let mut before = vec![Vec::new(); count];
    for edge in &inner {
        before[edge.right].push(edge.left);
    }
    let distance = distances(count, edges, strong);
    let mut open_out: Vec<usize> = after.iter().map(Vec::len).collect();
    let mut open_in: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut left: Vec<usize> = (0..count).filter(|&v| open_out[v] + open_in[v] > 0).collect();
    let mut position = vec![0; count];
    let (mut front, mut back) = (0, 2 * count);
    while !left.is_empty() {
        let rank = |&v: &usize| {
            let (out, into) = (open_out[v] as i64, open_in[v] as i64);
            // Sinks first, to the back; then sources, then where calls come in, to the front.
            let class = if out == 0 { 0 } else { 1 + i64::from(into > 0) };
            (class, distance[v], into - out, v)
        };
        let Some(&v) = left.iter().min_by_key(|v| rank(v)) else { break };
        left.retain(|&other| other != v);
        if open_out[v] == 0 {
            back -= 1;
            position[v] = back;
        } else {
            position[v] = front;
            front += 1;
        }
        for &w in &after[v] {
            open_in[w] = open_in[w].saturating_sub(1);
        }
        for &w in &before[v] {
            open_out[w] = open_out[w].saturating_sub(1);
        }
    }
    position
}

/// Number of calls from the nearest node that nothing else in the part calls, or, within a cycle that
/// nothing calls, from its node with most calls more than callers.
fn distances(count: usize, edges: &[Directed], strong: &[usize]) -> Vec<usize> {
    let after = successors(count, edges);
    let mut balance = vec![0_i64; count];
    let mut called = vec![false; count];
    for edge in edges {
        balance[edge.left] += 1;
        balance[edge.right] -= 1;
        if strong[edge.left] != strong[edge.right] {
            called[strong[edge.right]] = true;
        }
    }
    let mut starts: Vec<usize> = (0..count).filter(|&v| !called[strong[v]]).collect();
    starts.sort_by_key(|&v| (strong[v], -balance[v], v));
    starts.dedup_by_key(|v| strong[*v]);

    let mut distance = vec![usize::MAX; count];
    for &v in &starts {
        distance[v] = 0;
    }
    let mut queue = starts;
    let mut seen = 0;
    while seen < queue.len() {
        let v = queue[seen];
        seen += 1;
        for &w in &after[v] {
            if distance[w] == usize::MAX {
                distance[w] = distance[v] + 1;
                queue.push(w);
            }
        }
    }
    distance
}
