//! Loopback ports that stay ours until the program that is to listen on them does.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpSocket;

use super::MeshError;

/// A port that is bound, but on which nothing listens: connections to it are refused, no other program gets it, and
/// a program of the same user that sets `SO_REUSEPORT`, as Envoy does, can listen on it.
#[derive(Debug)]
pub struct ReservedPort {
    address: SocketAddr,
    /// Held for its binding alone.
    _socket: TcpSocket,
}

impl ReservedPort {
    /// Takes a free port.
    ///
    /// # Errors
    /// If there is none.
    pub fn new() -> Result<Self, MeshError> {
        let reserve = || {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseport(true)?;
            socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            Ok(Self { address: socket.local_addr()?, _socket: socket })
        };
        reserve().map_err(MeshError::Port)
    }

    /// The loopback address with the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The ports of one Envoy.
#[derive(Debug)]
pub(super) struct ProxyPorts {
    pub(super) admin: ReservedPort,
    pub(super) inbound: ReservedPort,
    pub(super) outbound: ReservedPort,
}

impl ProxyPorts {
    /// Takes three free ports.
    pub(super) fn new() -> Result<Self, MeshError> {
        Ok(Self {
            admin: ReservedPort::new()?,
            inbound: ReservedPort::new()?,
            outbound: ReservedPort::new()?,
        })
    }
}
