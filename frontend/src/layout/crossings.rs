//! Counts crossings between neighbouring layers.

/// Crossings of all pieces of edges, given the layers, each vertex's neighbours to the right and its place in
/// its layer.
pub(super) fn total(layers: &[Vec<usize>], right: &[Vec<usize>], places: &[usize]) -> u64 {
    let mut ends = Vec::new();
    let mut tree = Vec::new();
    layers
        .windows(2)
        .map(|pair| {
            ends.clear();
            for &vertex in &pair[0] {
                let from = ends.len();
                ends.extend(right[vertex].iter().map(|&other| places[other]));
                ends[from..].sort_unstable();
            }
            inversions(&ends, pair[1].len(), &mut tree)
        })
        .sum()
}

/// Pairs of which the earlier value is greater, by a binary indexed tree over the values below `bound`.
fn inversions(values: &[usize], bound: usize, tree: &mut Vec<u64>) -> u64 {
    tree.clear();
    tree.resize(bound + 1, 0);
    let mut found = 0;
    for (earlier, &value) in values.iter().enumerate() {
        let mut not_greater = 0;
        let mut at = value + 1;
        while at > 0 {
            not_greater += tree[at];
            at &= at - 1;
        }
        found += earlier as u64 - not_greater;
        at = value + 1;
        while at <= bound {
            tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    found
}

/// Crossings between the pieces of two vertices, the first above the second, from the sorted places of
/// their neighbours; and the same with the second above the first.
pub(super) fn of_pair(upper: &[usize], lower: &[usize]) -> (i64, i64) {
    let (mut below, mut level) = (0, 0);
    let (mut crossings, mut equal) = (0, 0);
    for &place in upper {
        while below < lower.len() && lower[below] < place {
            below += 1;
        }
        level = level.max(below);
        while level < lower.len() && lower[level] == place {
            level += 1;
        }
        crossings += below as i64;
        equal += (level - below) as i64;
    }
    let pairs = (upper.len() * lower.len()) as i64;
    (crossings, pairs - crossings - equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_inversions() {
        let mut tree = Vec::new();
        assert_eq!(inversions(&[0, 1, 2], 3, &mut tree), 0);
        assert_eq!(inversions(&[2, 1, 0], 3, &mut tree), 3);
        assert_eq!(inversions(&[1, 1, 0, 2, 0], 3, &mut tree), 5);
    }

    #[test]
    fn compares_a_pair_both_ways() {
        assert_eq!(of_pair(&[0, 1], &[2, 3]), (0, 4));
        assert_eq!(of_pair(&[2, 3], &[0, 1]), (4, 0));
        assert_eq!(of_pair(&[1, 1], &[1]), (0, 0));
        assert_eq!(of_pair(&[0, 2, 2], &[1, 2]), (2, 2));
    }
}
