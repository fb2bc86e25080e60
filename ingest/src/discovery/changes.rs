//! Comparing lists of targets. Pure.

use std::collections::BTreeMap;

use super::target::{DiscoveredTarget, TargetKey};

/// All targets of all sources, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// The targets, by what makes them the same.
    pub targets: BTreeMap<TargetKey, DiscoveredTarget>,
    /// How many were left out because of the limit.
    pub over_limit: usize,
}

/// What is different between two lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Targets that are new, sorted.
    pub added: Vec<(TargetKey, DiscoveredTarget)>,
    /// Targets that are gone, sorted. One whose labels changed is gone and new.
    pub removed: Vec<(TargetKey, DiscoveredTarget)>,
}

/// What holds for the targets of one kind.
#[derive(Clone, Debug)]
pub struct TargetRules {
    /// What they are called, in words.
    pub name: &'static str,
    /// How many there may be at once.
    pub max_targets: usize,
    /// What makes two of them the same, mostly [`DiscoveredTarget::key`].
    pub key: fn(&DiscoveredTarget) -> TargetKey,
}

/// Puts the lists together. Of targets that are the same the earlier list's counts, and so it is with the limit.
pub fn merge(lists: &[&[DiscoveredTarget]], rules: &TargetRules) -> Merged {
    let mut merged = Merged::default();
    for target in lists.iter().copied().flatten() {
        let key = (rules.key)(target);
        if merged.targets.contains_key(&key) {
            continue;
        }
        if merged.targets.len() >= rules.max_targets {
            merged.over_limit += 1;
            continue;
        }
        merged.targets.insert(key, target.clone());
    }
    merged
}

/// Which targets have come and which have gone.
pub fn diff(old: &Merged, new: &Merged) -> Changes {
    let missing_in = |from: &Merged, other: &Merged| -> Vec<(TargetKey, DiscoveredTarget)> {
        let missing = from.targets.iter().filter(|(key, target)| other.targets.get(key) != Some(target));
        missing.map(|(key, target)| (key.clone(), target.clone())).collect()
    };
    Changes { added: missing_in(new, old), removed: missing_in(old, new) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn target(port: u16, version: &str) -> DiscoveredTarget {
        let labels = BTreeMap::from([("version".to_owned(), version.to_owned())]);
        DiscoveredTarget::new(&format!("a:{port}"), &labels, "test").expect("a target")
    }

    fn rules(max_targets: usize) -> TargetRules {
        TargetRules { name: "targets", max_targets, key: DiscoveredTarget::key }
    }

    fn of(list: &[DiscoveredTarget]) -> Merged {
        merge(&[list], &rules(15))
    }

    #[test]
    fn the_first_to_name_a_target_has_it_and_the_limit_counts_what_it_leaves_out() {
        let (first, second) = (vec![target(1, "a"), target(2, "a")], vec![target(2, "b"), target(3, "b")]);
        let merged = merge(&[&first, &second], &rules(10));
        let versions: Vec<_> =
            merged.targets.values().map(|target| target.labels["version"].as_str()).collect();
        assert_eq!(versions, ["a", "a", "b"]);
        let merged = merge(&[&first, &second], &rules(2));
        assert_eq!((merged.targets.len(), merged.over_limit), (2, 1));
    }

    #[test]
    fn a_changed_label_is_a_change() {
        let (old, new) = (of(&[target(1, "a")]), of(&[target(1, "b")]));
        let changes = diff(&old, &new);
        let versions = |targets: &[(TargetKey, DiscoveredTarget)]| -> Vec<String> {
            targets.iter().map(|(_, target)| target.labels["version"].clone()).collect()
        };
        assert_eq!(
            (versions(&changes.added), versions(&changes.removed)),
            (vec!["b".into()], vec!["a".into()])
        );
    }

    fn lists() -> impl Strategy<Value = Vec<DiscoveredTarget>> {
        prop::collection::vec((1_u16..20, prop::sample::select(vec!["a", "b"])), 0..20)
            .prop_map(|targets| targets.into_iter().map(|(port, version)| target(port, version)).collect())
    }

    proptest! {
        #[test]
        fn the_changes_lead_from_one_list_to_the_other(old in lists(), new in lists()) {
            let (old, new) = (of(&old), of(&new));
            let changes = diff(&old, &new);
            let mut targets: BTreeSet<_> = old.targets.values().cloned().collect();
            for (_, gone) in &changes.removed {
                prop_assert!(targets.remove(gone));
            }
            for (_, come) in &changes.added {
                prop_assert!(targets.insert(come.clone()));
            }
            prop_assert_eq!(targets, new.targets.values().cloned().collect());
            prop_assert_eq!(diff(&new, &new), Changes::default());
        }
    }
}
