//! The load is played: request by request, so that everything that happens is known by number.

use futures::future::join_all;
use sidecarta_tests::harness::eventually;

use super::load::send_garbage;
use super::orders::{Order, Plan};
use super::parts::Part;
use super::setup::Lab;
use super::upstream::Deed;

/// Answers in a row that eject a host.
const FAILURES_THAT_EJECT: usize = 3;

impl Lab {
    /// Plays the load of a seed to its end.
    pub(super) async fn play(&mut self, seed: u64) {
        let plan = Plan::of(seed);
        let ejects = !std::mem::replace(&mut self.is_ejected, true);
        self.ejections += usize::from(ejects);
        self.garbage += 1;
        let at_once = plan.at_once.iter().map(|order| self.load.end(self.load.begin(order)));
        let in_turn = async {
            self.play_in_turn(&plan).await;
            self.play_outlier(ejects, plan.after_ejection).await;
            self.play_breakers(plan.refused).await;
        };
        let garbage = [self.places.egress, self.places.mtls].map(send_garbage);
        tokio::join!(in_turn, join_all(at_once), join_all(garbage));
        self.send_plain().await;
    }

    /// The part of a load that needs nobody to look at what it does.
    pub(super) async fn play_in_turn(&self, plan: &Plan) {
        for order in &plan.in_turn {
            let under_way = self.load.begin(order);
            if order.gives_up {
                self.arrived(order.route, under_way.number).await;
                self.load.give_up(under_way);
            } else {
                self.load.end(under_way).await;
            }
        }
    }

    /// A request that is answered at once.
    pub(super) async fn send_plain(&self) {
        let status = self.load.end(self.load.begin(&Order::new("plain", &[Deed::Answer(200)]))).await;
        assert_eq!(status, 200);
    }

    /// One of two hosts fails until it is ejected; then all requests go to the other.
    async fn play_outlier(&self, ejects: bool, after_ejection: usize) {
        let order = Order::new("flaky", &[Deed::Answer(200)]);
        // The hosts take turns.
        for _ in 0..if ejects { 2 * FAILURES_THAT_EJECT } else { 0 } {
            self.load.end(self.load.begin(&order)).await;
        }
        eventually("the host is ejected", async || {
            let (stored, flaky) = (self.stored().await?, Part::cluster("flaky"));
            let ejections = stored.counter(&flaky, "outlier_detection.ejections_enforced_total");
            let healthy = stored.gauge(&flaky, "membership_healthy");
            (ejections as usize == self.ejections && healthy == 1).then_some(())
        })
        .await;
        for _ in 0..after_ejection {
            assert_eq!(self.load.end(self.load.begin(&order)).await, 200);
        }
        let failed = self.upstreams["flaky"][0].seen().len();
        assert_eq!(failed, FAILURES_THAT_EJECT * self.ejections);
    }

    /// Keeps breakers open with a request that is held, and sends more.
    async fn play_breakers(&self, refused: usize) {
        let (held, plain) = ([Deed::Hold], [Deed::Answer(200)]);
        for route in ["tight", "narrow"] {
            let held = self.load.begin(&Order::new(route, &held));
            self.arrived(route, held.number).await;
            let mut waiting = None;
            if route == "tight" {
                let given_up = self.load.begin(&Order::new(route, &plain));
                self.eventually_pending(1).await;
                self.load.give_up(given_up);
                self.eventually_pending(0).await;
                waiting = Some(self.load.begin(&Order::new(route, &plain)));
                self.eventually_pending(1).await;
            }
            for _ in 0..refused {
                let status = self.load.end(self.load.begin(&Order::new(route, &plain))).await;
                assert_eq!(status, 503, "the breaker of {route} is open");
            }
            self.upstreams[route][0].release();
            assert_eq!(self.load.end(held).await, 200);
            if let Some(waiting) = waiting {
                assert_eq!(self.load.end(waiting).await, 200);
            }
        }
    }

    /// Waits until Sidecarta tells that so many requests wait for a connection, and the breaker accordingly.
    async fn eventually_pending(&self, count: i64) {
        eventually("as many requests wait for a connection", async || {
            let (stored, tight) = (self.stored().await?, Part::cluster("tight"));
            let pending = stored.gauge(&tight, "upstream_rq_pending_active");
            let is_open = stored.gauge(&tight, "circuit_breakers.default.rq_pending_open");
            ((pending, is_open) == (count, count)).then_some(())
        })
        .await;
    }

    /// Waits until a request has come to the service.
    pub(super) async fn arrived(&self, route: &str, number: u64) {
        let cluster = self.cluster_of(route);
        eventually("the request arrives", async || {
            let seen = self.upstreams[cluster][0].seen();
            seen.iter().any(|seen| seen.order == number).then_some(())
        })
        .await;
    }
}
