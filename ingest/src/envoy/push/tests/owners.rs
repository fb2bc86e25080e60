//! Who counts for a proxy id that more than one claims.

use super::*;
use crate::envoy::owners::Claim;

#[tokio::test]
async fn who_does_not_say_its_id_is_refused_in_words() {
    let host = Host::empty();
    let message = Said::at(host.started_s + 5, host.started_s).requests("orders", 3).message();
    let refused = host.stream("", "p").send(message, host.started_s + 5).await;
    let Err(Refusal::Invalid(words)) = refused else { panic!("{refused:?}") };
    assert!(words.contains("set `node.id` in its bootstrap"), "{words}");
    assert_eq!(host.counted().await, BTreeMap::new());
}

#[tokio::test]
async fn a_proxy_that_is_scraped_is_not_counted_again() {
    let host = Host::empty();
    let target = "http://10.0.0.7:9901".parse().unwrap();
    assert_eq!(host.ids.claim("a", &target), Claim::Granted);
    let stream = host.stream("a", "10.0.0.7");
    let said = |at_s, count| Said::at(host.started_s + at_s, host.started_s).requests("orders", count);
    let handled = stream.say(&said(5, 3)).await;
    assert_eq!((handled.accepted, handled.rejected), (0, 3));
    let line = host.line("a@10.0.0.7");
    assert_eq!((line.state, line.rejected), (SourceState::Failing, 3));
    let words = line.last_error.unwrap();
    assert!(words.starts_with("the proxy `a` is scraped at http://10.0.0.7:9901 already"), "{words}");
    // The target goes, and the stream takes over.
    host.ids.release(&target);
    stream.say(&said(10, 5)).await;
    assert_eq!(host.ids.claim("a", &target), Claim::Pushed("10.0.0.7".to_owned()));
    drop(stream);
    assert_eq!(host.ids.claim("a", &target), Claim::Granted);
    assert_eq!(host.counted().await, of("a", "orders", (5, 0)));
}

#[tokio::test]
async fn replicas_that_say_one_id_are_kept_apart_by_their_addresses() {
    let host = Host::empty();
    let now_s = host.started_s;
    let said = |at_s, count| Said::at(now_s + at_s, now_s).requests("orders", count);
    let (one, other, third) =
        (host.stream("arn", "10.0.0.1"), host.stream("arn", "10.0.0.2"), host.stream("arn", "10.0.0.2"));
    one.say(&said(5, 10)).await;
    other.say(&said(5, 20)).await;
    one.say(&said(10, 11)).await;
    other.say(&said(10, 22)).await;
    // A second process at the same address cannot be told from the other.
    let before = Said::at(now_s + 11, now_s - 60).requests("orders", 500);
    assert_eq!(third.say(&before).await.accepted, 0);
    let mut expected = of("arn", "orders", (11, 0));
    expected.extend(of("arn@10.0.0.2", "orders", (22, 0)));
    drop((one, other, third));
    let host = Host::start(host.stop().await);
    // After a restart the other may come first, and still goes by the id that its counts are stored under.
    let (one, other) = (host.stream("arn", "10.0.0.1"), host.stream("arn", "10.0.0.2"));
    other.say(&said(15, 23)).await;
    one.say(&said(15, 13)).await;
    drop((one, other));
    let counted = host.counted().await;
    let counts = |id: &str| counted[&(id.to_owned(), "orders".to_owned())].0;
    assert_eq!((counts("arn"), counts("arn@10.0.0.2")), (13, 23));
    assert_eq!(expected.len(), counted.len());
}
