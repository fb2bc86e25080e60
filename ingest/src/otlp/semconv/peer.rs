//! What a calling span says it calls.

use std::borrow::Cow;
use std::net::IpAddr;

use sidecarta_queries::rows::span::{PeerKind, PeerRef, SpanKind};

use super::fields::{Field, Values};
use super::within;

/// Something that a client, producer or consumer span names as its other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerMeaning<'a> {
    /// What it is.
    pub kind: PeerKind,
    /// `postgresql`, `kafka`, or empty.
    pub system: Cow<'a, str>,
    /// Its name.
    pub name: Cow<'a, str>,
}

impl<'a> PeerMeaning<'a> {
    /// As the rows want it.
    pub fn as_row(&self) -> PeerRef<'_> {
        PeerRef { kind: self.kind, system: &self.system, name: &self.name }
    }

    pub(super) fn within(self, max_bytes: usize) -> Self {
        let Self { kind, system, name } = self;
        Self { kind, system: within(system, max_bytes), name: within(name, max_bytes) }
    }

    fn new(kind: PeerKind, system: &'a str, name: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, system: Cow::Borrowed(system), name: name.into() }
    }
}

/// The peer of a span that calls, sends or receives. The address of any other span is its own.
///
/// The most telling attribute wins: a queue, then the name of a service, then a database, then an address. An Envoy's
/// span only has the `Host` that its caller asked for, which need not be the upstream, so that it names no address; its
/// `upstream_cluster` says more.
pub(super) fn peer<'a>(kind: SpanKind, is_proxy: bool, values: &Values<'a>) -> Option<PeerMeaning<'a>> {
    if !matches!(kind, SpanKind::Client | SpanKind::Producer | SpanKind::Consumer) {
        return None;
    }
    if let Some(queue) = queue(values) {
        return Some(queue);
    }
    if let Some(name) = values.first(&[Field::ServicePeerName, Field::PeerService]) {
        return Some(PeerMeaning::new(PeerKind::Service, "", name));
    }
    if let Some(system) = values.first(&[Field::DbSystemName, Field::DbSystem]) {
        let name = values
            .first(&[Field::DbNamespace, Field::DbName])
            // Redis numbers its databases, and a number is no name.
            .filter(|name| !name.bytes().all(|byte| byte.is_ascii_digit()))
            .or_else(|| values.first(&[Field::ServerAddress, Field::NetPeerName]))
            .unwrap_or(system);
        return Some(PeerMeaning::new(PeerKind::Database, system, name));
    }
    if is_proxy {
        return None;
    }
    host(values).map(|name| PeerMeaning::new(PeerKind::Host, "", name))
}

/// A queue stands between two services, so that naming the broker's service as the peer does not make it a service.
fn queue<'a>(values: &Values<'a>) -> Option<PeerMeaning<'a>> {
    let system = values.get(Field::MessagingSystem);
    let name = destination(values).or(system)?;
    Some(PeerMeaning::new(PeerKind::Queue, system.unwrap_or_default(), name))
}

fn destination<'a>(values: &Values<'a>) -> Option<&'a str> {
    values.first(&[Field::MessagingDestinationName, Field::MessagingDestination])
}

fn host<'a>(values: &Values<'a>) -> Option<Cow<'a, str>> {
    if let Some(address) = values.first(&[Field::ServerAddress, Field::NetPeerName]) {
        return Some(with_port(address, values.first(&[Field::ServerPort, Field::NetPeerPort])));
    }
    if let Some(service) = values.get(Field::RpcService) {
        return Some(Cow::Borrowed(service));
    }
    let authority = values.first(&[Field::UrlFull, Field::HttpUrl]).and_then(authority);
    if let Some((address, port)) = authority {
        return Some(with_port(address, port));
    }
    let address = values.first(&[Field::NetworkPeerAddress, Field::NetSockPeerAddr])?;
    Some(with_port(address, values.first(&[Field::NetworkPeerPort, Field::NetSockPeerPort])))
}

/// A host name stands for itself; an address that many things share is told apart by its port.
fn with_port<'a>(address: &'a str, port: Option<&str>) -> Cow<'a, str> {
    let is_shared = address == "localhost" || address.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    match port {
        Some(port) if is_shared => Cow::Owned(format!("{address}:{port}")),
        _ => Cow::Borrowed(address),
    }
}

/// Host and port of a URL.
fn authority(url: &str) -> Option<(&str, Option<&str>)> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_authority_of_a_url() {
        assert_eq!(authority("http://payments/pay"), Some(("payments", None)));
        assert_eq!(
            authority("https://user:secret@pay.example:8443?x=1"),
            Some(("pay.example", Some("8443")))
        );
        assert_eq!(authority("http://[::1]:80/"), Some(("[::1]", Some("80"))));
        assert_eq!(authority("http://[::1]/"), Some(("[::1]", None)));
        assert_eq!(authority("/only/a/path"), None);
        assert_eq!(authority("http:///x"), None);
    }

    #[test]
    fn only_shared_addresses_carry_their_port() {
        assert_eq!(with_port("payments", Some("80")), "payments");
        assert_eq!(with_port("127.0.0.1", Some("8081")), "127.0.0.1:8081");
        assert_eq!(with_port("localhost", Some("8081")), "localhost:8081");
        assert_eq!(with_port("10.0.0.7", None), "10.0.0.7");
    }
}
