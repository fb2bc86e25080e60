//! Whatever happens to an Envoy and to us, each request is counted once.

use proptest::prelude::*;

use super::*;

/// What an Envoy does between two flushes.
#[derive(Clone, Debug)]
enum Event {
    Requests {
        cluster: u8,
        count: u64,
    },
    Restart,
    Reset,
    Reconnect,
    /// Sidecarta is started again.
    StartAgain,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (0..3_u8, 1..9_u64).prop_map(|(cluster, count)| Event::Requests { cluster, count }),
        1 => Just(Event::Restart),
        1 => Just(Event::Reset),
        1 => Just(Event::Reconnect),
        1 => Just(Event::StartAgain),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// However an Envoy cuts its flushes into messages, each request is counted once.
    #[test]
    fn every_request_is_counted_once(
        batch_size in 1..9_usize, is_old in any::<bool>(),
        flushes in prop::collection::vec(prop::collection::vec(event(), 0..4), 1..9),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut host = Host::empty();
            let mut started_s = host.started_s - if is_old { 1_000 } else { 0 };
            let mut at_s = host.started_s + 5;
            let mut stream = host.stream("a", "p");
            let (mut counters, mut admin_requests) = ([0_u64; 3], 1_000_000);
            let mut truth = [(0_i64, 0_i64); 3];
            let mut is_known = !is_old;
            // Each flush with requests of before nobody looked.
            if is_old {
                counters = [70, 80, 90];
            }
            for events in flushes {
                let mut latencies = [0_u64; 3];
                for event in events {
                    match event {
                        Event::Requests { cluster, count } => {
                            counters[usize::from(cluster)] += count;
                            latencies[usize::from(cluster)] += count;
                            if is_known {
                                let truth = &mut truth[usize::from(cluster)];
                                *truth = (truth.0 + count as i64, truth.1 + count as i64);
                            }
                        }
                        // What nobody has seen is lost with it, so nothing happens before it.
                        Event::Restart if latencies == [0; 3] => {
                            (counters, started_s, is_known) = ([0; 3], at_s - 1, true);
                            stream = host.stream("a", "p");
                        }
                        // Of a flush in small parts nobody knows that a counter was reset that has overtaken itself.
                        Event::Reset if latencies == [0; 3] && is_known && batch_size > 4 => {
                            (counters, admin_requests) = ([0; 3], admin_requests / 2);
                        }
                        Event::Restart | Event::Reset => {}
                        Event::Reconnect => stream = host.stream("a", "p"),
                        Event::StartAgain => {
                            drop(stream);
                            host = Host::start(host.stop().await);
                            stream = host.stream("a", "p");
                        }
                    }
                }
                let mut said = Said::at(at_s, started_s);
                for (cluster, &count) in ["x", "y", "z"].into_iter().zip(&counters) {
                    said = said.requests(cluster, count);
                }
                for (cluster, &count) in ["x", "y", "z"].into_iter().zip(&latencies) {
                    said = said.latencies(cluster, count);
                }
                said.counters.push(("http.admin.downstream_rq_total".to_owned(), admin_requests));
                admin_requests += 1;
                for message in said.messages(batch_size) {
                    stream.send(message, at_s).await.unwrap();
                }
                is_known = true;
                at_s += 5;
            }
            drop(stream);
            let counted = host.counted().await;
            let expected = ["x", "y", "z"].into_iter().zip(truth).filter(|(_, counts)| *counts != (0, 0));
            let expected: BTreeMap<_, _> =
                expected.map(|(cluster, counts)| (("a".to_owned(), cluster.to_owned()), counts)).collect();
            prop_assert_eq!(counted, expected);
            Ok(())
        })?;
    }

    #[test]
    fn any_bytes_are_survived(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let host = Host::empty();
            let stream = host.stream("a", "p");
            for message in messages {
                let _ = stream.send(message.into(), host.started_s).await;
            }
            drop(stream);
            host.stop().await;
        });
    }
}
