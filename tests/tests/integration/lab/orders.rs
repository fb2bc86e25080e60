//! What the load is to ask for, drawn from a seed.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::upstream::Deed::{self, Answer, Hang, Late, Reset};

/// One request: where it goes, what its attempts are to meet, and whether the caller goes away once it has arrived.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The route, which is called after its cluster.
    pub(super) route: &'static str,
    pub(super) path: &'static str,
    pub(super) deeds: Vec<Deed>,
    pub(super) gives_up: bool,
}

impl Order {
    pub(super) fn new(route: &'static str, deeds: &[Deed]) -> Self {
        Self { route, path: "list", deeds: deeds.to_vec(), gives_up: false }
    }
}

/// A load: what is asked for one after the other, and beside it what takes its time.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) in_turn: Vec<Order>,
    pub(super) at_once: Vec<Order>,
    /// How many requests the open breakers are to refuse.
    pub(super) refused: usize,
    /// How many requests are to go to the flaky service once it is ejected.
    pub(super) after_ejection: usize,
}

impl Plan {
    /// The load of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut in_turn = Vec::new();
        let mut add = |rng: &mut ChaCha8Rng, order: Order, most: usize| {
            in_turn.extend(std::iter::repeat_n(order, rng.random_range(1..=most)));
        };
        for status in [200, 200, 200, 204, 302, 404, 429, 500, 503] {
            add(&mut rng, Order::new("plain", &[Answer(status)]), 4);
        }
        for status in [200, 500] {
            add(&mut rng, Order { path: "checkout", ..Order::new("plain", &[Answer(status)]) }, 4);
        }
        for deeds in [
            &[Answer(503), Answer(200)] as &[Deed],
            &[Answer(500), Answer(502), Answer(204)],
            &[Answer(409), Answer(200)],
            &[Answer(503), Answer(503), Answer(500)],
            &[Reset, Answer(200)],
        ] {
            add(&mut rng, Order::new("tries", deeds), 3);
        }
        add(&mut rng, Order::new("thrifty", &[Answer(503)]), 3);
        for route in ["broken", "streams"] {
            add(&mut rng, Order::new(route, &[Answer(200)]), 3);
            add(&mut rng, Order::new(route, &[Reset]), 3);
            add(&mut rng, Order { gives_up: true, ..Order::new(route, &[Hang]) }, 2);
        }
        for ms in [5, 15, 25, 40, 80] {
            add(&mut rng, Order::new("paced", &[Late(ms)]), 2);
        }
        for route in [
            "dead",
            "silent",
            "mixed",
            "panicking",
            "gone",
            "secure",
            "wrong_authority",
            "wrong_name",
            "no_certificate",
            "stranger",
            "direct",
            "moved",
            "nowhere",
            "unknown",
        ] {
            add(&mut rng, Order::new(route, &[Answer(200)]), 4);
        }
        in_turn.shuffle(&mut rng);
        let mut at_once = vec![Order::new("tries", &[Hang, Answer(200)]), Order::new("once", &[Hang])];
        at_once.extend(std::iter::repeat_n(Order::new("slow", &[Hang]), rng.random_range(1..=5)));
        Self { in_turn, at_once, refused: rng.random_range(2..=5), after_ejection: rng.random_range(1..=6) }
    }
}
