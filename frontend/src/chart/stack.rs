//! Bars that stand on each other, and labels that must not.

/// Where the parts of one bar begin and end: each stands on those before it. What is no number or below zero has no
/// height.
pub(crate) fn stacked(parts: &[f64]) -> Vec<(f64, f64)> {
    let mut top = 0.0;
    parts
        .iter()
        .map(|part| {
            let base = top;
            top += if *part > 0.0 { *part } else { 0.0 };
            (base, top)
        })
        .collect()
}

/// Places for labels that would like to stand at some places and must be apart by a gap, as near to those as they can be
/// between a first and a last place. In the order in which they were given.
pub(crate) fn spread(wanted: &[f64], gap: f64, (first, last): (f64, f64)) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut places = wanted.to_vec();
    let mut floor = first;
    for index in &order {
        places[*index] = places[*index].max(floor);
        floor = places[*index] + gap;
    }
    let mut ceiling = last;
    for index in order.iter().rev() {
        places[*index] = places[*index].min(ceiling);
        ceiling = places[*index] - gap;
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_stand_on_each_other() {
        assert_eq!(stacked(&[2.0, 0.0, 3.0]), [(0.0, 2.0), (2.0, 2.0), (2.0, 5.0)]);
        assert_eq!(stacked(&[f64::NAN, -1.0, 1.0]), [(0.0, 0.0), (0.0, 0.0), (0.0, 1.0)]);
    }

    #[test]
    fn labels_make_way() {
        assert_eq!(spread(&[10.0, 50.0], 12.0, (0.0, 100.0)), [10.0, 50.0]);
        assert_eq!(spread(&[50.0, 48.0], 12.0, (0.0, 100.0)), [60.0, 48.0]);
        assert_eq!(spread(&[99.0, 98.0], 12.0, (0.0, 100.0)), [100.0, 88.0]);
    }

    proptest! {
        #[test]
        fn labels_never_lie_on_each_other(wanted in prop::collection::vec(-50.0..250.0_f64, 0..8)) {
            let mut places = spread(&wanted, 12.0, (0.0, 200.0));
            places.sort_by(f64::total_cmp);
            prop_assert!(places.windows(2).all(|pair| pair[1] - pair[0] > 11.999));
            prop_assert!(places.iter().all(|place| (-0.001..200.001).contains(place)));
        }

        #[test]
        fn a_bar_is_as_high_as_its_parts_together(parts in prop::collection::vec(0.0..1e9_f64, 1..9)) {
            let bars = stacked(&parts);
            let total: f64 = parts.iter().sum();
            prop_assert!((bars[bars.len() - 1].1 - total).abs() <= total * 1e-12);
            prop_assert!(bars.windows(2).all(|pair| pair[0].1 == pair[1].0));
        }
    }
}
