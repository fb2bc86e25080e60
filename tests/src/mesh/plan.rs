//! What the seed decides about a request before it is sent.
//!
//! The load writes the plan into a header, the services pass it on and obey it. So the same seed gives the same
//! journeys, failures and waiting times, whatever the timing of the run.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};
use serde::{Deserialize, Serialize};

/// The header that carries the plan, as JSON.
pub(super) const PLAN_HEADER: &str = "x-demo-plan";

/// What a visitor of the shop does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    Home,
    Product,
    Account,
    Checkout,
    OrderStatus,
}

/// Something that goes wrong on purpose, each in one place of the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    /// `users` answers 500.
    UsersBroken,
    /// `redis` reports an error, and `users` answers without its cache.
    CacheBroken,
    /// `catalog` asks the dead upstream and does without its answer.
    LegacyAsked,
    /// `recommendations` is slower than the route's time limit.
    RecommendationsSlow,
    /// `inventory` refuses the first attempt and takes the second.
    InventoryRefusesOnce,
    /// `inventory` refuses every attempt.
    InventoryRefuses,
    /// The bank answers 503, so that the payment and the order fail.
    BankDown,
    /// The database reports a conflict, so that the order fails.
    DatabaseConflict,
}

/// The faults and how often each is drawn, out of 1,000 requests.
const FAULTS_PER_MILLE: [(Fault, u16); 8] = [
    (Fault::UsersBroken, 6),
    (Fault::CacheBroken, 10),
    (Fault::LegacyAsked, 60),
    (Fault::RecommendationsSlow, 30),
    (Fault::InventoryRefusesOnce, 120),
    (Fault::InventoryRefuses, 25),
    (Fault::BankDown, 20),
    (Fault::DatabaseConflict, 8),
];

/// The instructions for one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// Number of the request, from 0.
    pub(super) request: u64,
    /// What all waiting times of the request are drawn from.
    pub(super) seed: u64,
    /// From 0 to 999; a workload fails the request if this is below its `failing_per_mille`.
    pub(super) dice: u16,
    /// Whether the consumer of the queue links to the producer instead of being its child.
    pub(super) links: bool,
    /// The faults that it meets, wherever it comes by.
    pub(super) faults: Vec<Fault>,
}

impl Plan {
    /// The journey and the plan of request number `request` under a seed.
    pub(super) fn draw(seed: u64, request: u64, faults: bool) -> (Journey, Self) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(request);
        let journey = match random.random_range(0..100) {
            0..25 => Journey::Home,
            25..55 => Journey::Product,
            55..70 => Journey::Account,
            70..90 => Journey::Checkout,
            _ => Journey::OrderStatus,
        };
        let mut plan = Self {
            request,
            seed: random.random(),
            dice: random.random_range(0..1000),
            links: random.random_bool(0.3),
            faults: Vec::new(),
        };
        for (fault, per_mille) in FAULTS_PER_MILLE {
            if random.random_range(0..1000) < per_mille {
                plan.faults.push(fault);
            }
        }
        if !faults {
            plan.faults.clear();
            plan.dice = 999;
        }
        (journey, plan)
    }

    /// Whether the request meets this fault.
    pub(super) fn meets(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// How long a step takes: log-normal, from 1 to 80 ms before the slowness of the workload, and always the same
    /// for the same request and step.
    pub(super) fn waiting(&self, step: &str, median_ms: f64, slowness: f64) -> Duration {
        let mut hasher = DefaultHasher::new();
        (self.seed, step).hash(&mut hasher);
        let mut random = ChaCha8Rng::seed_from_u64(hasher.finish());
        let waiting_ms = LogNormal::new(median_ms.ln(), 0.45)
            .map_or(median_ms, |distribution| distribution.sample(&mut random))
            .clamp(1.0, 80.0);
        Duration::from_secs_f64(waiting_ms * slowness / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_number_give_the_same_plan() {
        assert_eq!(Plan::draw(7, 42, true), Plan::draw(7, 42, true));
        assert_ne!(Plan::draw(7, 42, true), Plan::draw(7, 43, true));
        assert_ne!(Plan::draw(7, 42, true), Plan::draw(8, 42, true));
    }

    #[test]
    fn every_fault_is_drawn_about_as_often_as_stated() {
        let plans: Vec<Plan> = (0..20_000).map(|request| Plan::draw(1, request, true).1).collect();
        for (fault, per_mille) in FAULTS_PER_MILLE {
            let met = plans.iter().filter(|plan| plan.meets(fault)).count();
            let stated = usize::from(per_mille) * 20;
            assert!(met > stated / 2 && met < stated * 2, "{fault:?}: {met} of {stated}");
        }
    }

    #[test]
    fn without_faults_the_journeys_stay_and_nothing_fails() {
        for request in 0..1000 {
            let (journey, _) = Plan::draw(3, request, true);
            let (calm_journey, calm) = Plan::draw(3, request, false);
            assert_eq!(journey, calm_journey);
            assert!(calm.faults.is_empty() && calm.dice == 999);
        }
    }

    #[test]
    fn waiting_times_are_bounded_and_spread() {
        let waiting: Vec<Duration> =
            (0..500).map(|request| Plan::draw(5, request, true).1.waiting("step", 8.0, 1.0)).collect();
        assert!(waiting.iter().all(|time| (1..=80).contains(&time.as_millis())));
        assert!(waiting.iter().max() > waiting.iter().min().map(|least| *least * 3).as_ref());
    }
}
