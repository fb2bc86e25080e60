//! A DNS server as small as can be: it answers each name as it is told.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;

use super::{addresses, told};
use crate::discovery::{DnsConfig, RecordType, Resolver};

const OK: u8 = 0;
const SERVER_FAILURE: u8 = 2;
const NO_SUCH_NAME: u8 = 3;

/// What a name has: a response code and the data of its records.
type Zone = BTreeMap<&'static str, (u8, Vec<Vec<u8>>)>;

#[derive(Clone, Default)]
struct Server {
    zone: Arc<Mutex<Zone>>,
}

impl Server {
    async fn start(&self) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let zone = Arc::clone(&self.zone);
        tokio::spawn(async move {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query).await {
                let answer = answer(&query[..length], &zone.lock().expect("a zone"));
                if let Some(answer) = answer {
                    socket.send_to(&answer, from).await.expect("sending");
                }
            }
        });
        address
    }

    fn has(&self, name: &'static str, code: u8, records: &[Vec<u8>]) {
        self.zone.lock().expect("a zone").insert(name, (code, records.to_vec()));
    }
}

/// The answer to a query; none to a name that the zone does not have.
fn answer(query: &[u8], zone: &Zone) -> Option<Vec<u8>> {
    let (mut name, mut at) = (String::new(), 12);
    while query[at] > 0 {
        let length = usize::from(query[at]);
        name += &String::from_utf8_lossy(&query[at + 1..=at + length]);
        name.push('.');
        at += 1 + length;
    }
    let question = &query[12..at + 5];
    let (code, records) = zone.get(name.trim_end_matches('.'))?;
    let mut answer = query[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    answer.extend(question);
    for record in records {
        // The name of the question, its type and class, a life of a minute, and the data.
        answer.extend([0xc0, 12]);
        answer.extend(&question[question.len() - 4..]);
        answer.extend([0, 0, 0, 60, 0, record.len() as u8]);
        answer.extend(record);
    }
    Some(answer)
}

fn srv(port: u16, host: &str) -> Vec<u8> {
    let mut data = vec![0, 1, 0, 1];
    data.extend(port.to_be_bytes());
    for label in host.split('.').filter(|label| !label.is_empty()) {
        data.push(label.len() as u8);
        data.extend(label.as_bytes());
    }
    data.push(0);
    data
}

fn config(names: &[&str], record_type: RecordType, server: SocketAddr) -> DnsConfig {
    DnsConfig {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        record_type,
        port: (record_type != RecordType::Srv).then_some(9_901),
        timeout_ms: 10_000,
        name_server: Some(server),
        ..DnsConfig::default()
    }
}

#[tokio::test]
async fn srv_records_give_hosts_with_ports() {
    let server = Server::default();
    let name = "_envoy._tcp.mesh";
    server.has(name, OK, &[srv(9_901, "a.mesh"), srv(9_902, "b.mesh"), srv(0, ""), srv(9_901, "a.mesh")]);
    let config = config(&[name], RecordType::Srv, server.start().await);
    let mut resolver = Resolver::new(&config, 10).expect("a resolver");
    assert_eq!(addresses(&resolver.look().await), told(&["a.mesh:9901", "b.mesh:9902"]));
    // The answer said that it holds for a minute; what was asked for is the interval.
    server.has(name, OK, &[srv(9_902, "b.mesh"), srv(9_903, "c.mesh")]);
    assert_eq!(addresses(&resolver.look().await), told(&["b.mesh:9902", "c.mesh:9903"]));
}

#[tokio::test]
async fn address_records_take_the_configured_port() {
    let server = Server::default();
    server.has("four.mesh", OK, &[vec![10, 0, 0, 2], vec![10, 0, 0, 1]]);
    server.has("six.mesh", OK, &[Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets().to_vec()]);
    let address = server.start().await;
    let four = config(&["four.mesh"], RecordType::A, address);
    let mut four = Resolver::new(&four, 10).expect("a resolver");
    assert_eq!(addresses(&four.look().await), told(&["10.0.0.1:9901", "10.0.0.2:9901"]));
    let six = config(&["six.mesh"], RecordType::Aaaa, address);
    let mut six = Resolver::new(&six, 10).expect("a resolver");
    assert_eq!(addresses(&six.look().await), told(&["[::ffff:127.0.0.1]:9901"]));
}

#[tokio::test]
async fn a_name_that_is_gone_has_no_targets_and_one_that_fails_keeps_them() {
    let server = Server::default();
    server.has("a.mesh", OK, &[vec![10, 0, 0, 1]]);
    server.has("b.mesh", OK, &[vec![10, 0, 0, 2]]);
    let config = config(&["a.mesh", "b.mesh"], RecordType::A, server.start().await);
    let mut resolver = Resolver::new(&config, 10).expect("a resolver");
    assert_eq!(addresses(&resolver.look().await), told(&["10.0.0.1:9901", "10.0.0.2:9901"]));
    server.has("a.mesh", NO_SUCH_NAME, &[]);
    let found = resolver.look().await;
    assert_eq!(addresses(&found), told(&["10.0.0.2:9901"]));
    assert_eq!(found.looked_at, "DNS; no record is there for `a.mesh`");
    server.has("b.mesh", SERVER_FAILURE, &[]);
    let found = resolver.look().await;
    assert_eq!(addresses(&found), None);
    let reason = &found.failures[0];
    assert!(
        reason.starts_with("`b.mesh` cannot be looked up: ") && reason.contains("stays in use; see that"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_silent_server_is_a_failure_in_words() {
    let server = Server::default().start().await;
    let config = DnsConfig { timeout_ms: 50, ..config(&["never.heard.of"], RecordType::A, server) };
    let found = Resolver::new(&config, 10).expect("a resolver").look().await;
    assert_eq!(addresses(&found), None);
    let reason = &found.failures[0];
    assert!(reason.starts_with("`never.heard.of` cannot be looked up: "), "{reason}");
    assert!(reason.contains("no earlier list of it is known; see that"), "{reason}");
}
