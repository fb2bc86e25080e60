//! Envoy's access log service: the messages of `envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs`, decoded
//! in place.
//!
//! Who logs is said in a stream's first message only, so each stream has an [`AlsStream`] of its own. A stream that never
//! says it gives rows without a node, and these are counted. Damage inside one entry costs that entry.

use sidecarta_queries::rows::access_log::AccessLogRow;
use sidecarta_queries::rows::envoy::Proxy;

use super::draft::{Draft, cut};
use crate::wire::{Fields, Malformed};

mod entry;
mod message;

#[cfg(test)]
mod tests;

/// Entries of a message that are taken. Envoy sends a message for every 16 KiB of them, unless it is told otherwise.
const MAX_ENTRIES: usize = 20_000;

/// Bytes of a name of the node.
const MAX_NAME_BYTES: usize = 512;

/// The message is not protobuf, or another message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is not a StreamAccessLogsMessage of Envoy's access log service")]
pub struct AlsError;

impl From<Malformed> for AlsError {
    fn from(_: Malformed) -> Self {
        Self
    }
}

/// The rows of one message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlsBatch {
    /// One row an entry. Entries of connections have the protocol `TCP`.
    pub rows: Vec<AccessLogRow>,
    /// Entries that were not taken: damaged, without a time, or one too many.
    pub rejected: u64,
    /// Rows whose stream has not said which node it comes from.
    pub unidentified: u64,
}

/// What is known of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlsStream {
    node: Node,
    keeps_query: bool,
}

/// Who logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    id: String,
    cluster: String,
    zone: String,
    log_name: String,
}

impl AlsStream {
    /// A stream that has not sent anything. `keeps_query` is whether paths keep their query.
    pub fn new(keeps_query: bool) -> Self {
        Self { keeps_query, ..Self::default() }
    }

    /// A stream of which is known already who sends and what the log is called. Paths lose their query.
    pub fn of(proxy: &Proxy, log_name: &str) -> Self {
        let Proxy { id, cluster, zone, .. } = proxy.clone();
        Self { node: Node { id, cluster, zone, log_name: log_name.to_owned() }, keeps_query: false }
    }

    /// Whether the stream has said which node it comes from.
    pub fn is_identified(&self) -> bool {
        !self.node.id.is_empty()
    }

    /// `node.id` of the proxy; empty as long as it has not said it.
    pub fn node_id(&self) -> &str {
        &self.node.id
    }

    /// Decodes a `StreamAccessLogsMessage`, without gRPC's frame around it.
    ///
    /// # Errors
    /// If the bytes are no such message. What is wrong within an entry is no error.
    pub fn decode(&mut self, message: &[u8]) -> Result<AlsBatch, AlsError> {
        let (mut identifier, mut http, mut tcp) = (None, Vec::new(), Vec::new());
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => identifier = Some(value.bytes()?),
                2 => http.push(value.bytes()?),
                3 => tcp.push(value.bytes()?),
                _ => {}
            }
        }
        if let Some(identifier) = identifier {
            self.node = read_identifier(identifier)?;
        }
        let mut batch = AlsBatch::default();
        for (entries, read) in [(http, entry::read_http as ReadEntry), (tcp, entry::read_tcp as ReadEntry)] {
            for entries in entries {
                self.entries(entries, read, &mut batch)?;
            }
        }
        Ok(batch)
    }

    fn entries(&self, message: &[u8], read: ReadEntry, batch: &mut AlsBatch) -> Result<(), Malformed> {
        let mut fields = Fields::of(message);
        while let Some((number, value)) = fields.next()? {
            if number != 1 {
                continue;
            }
            let mut draft = Draft::default();
            let is_read = batch.rows.len() < MAX_ENTRIES && read(value.bytes()?, &mut draft).is_ok();
            if !is_read || draft.start_ns.is_none() {
                batch.rejected += 1;
                continue;
            }
            let mut row = draft.finish(0, self.keeps_query);
            row.node_id.clone_from(&self.node.id);
            row.node_cluster.clone_from(&self.node.cluster);
            row.zone.clone_from(&self.node.zone);
            row.log_name.clone_from(&self.node.log_name);
            batch.unidentified += u64::from(!self.is_identified());
            batch.rows.push(row);
        }
        Ok(())
    }
}

type ReadEntry = fn(&[u8], &mut Draft) -> Result<(), Malformed>;

fn read_identifier(identifier: &[u8]) -> Result<Node, Malformed> {
    let mut node = Node::default();
    let mut fields = Fields::of(identifier);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => read_node(value.bytes()?, &mut node)?,
            2 => node.log_name = name(value.bytes()?),
            _ => {}
        }
    }
    Ok(node)
}

/// `envoy.config.core.v3.Node`.
fn read_node(message: &[u8], node: &mut Node) -> Result<(), Malformed> {
    let mut fields = Fields::of(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => node.id = name(value.bytes()?),
            2 => node.cluster = name(value.bytes()?),
            4 => {
                let mut locality = Fields::of(value.bytes()?);
                while let Some((number, value)) = locality.next()? {
                    if number == 2 {
                        node.zone = name(value.bytes()?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn name(bytes: &[u8]) -> String {
    cut(&String::from_utf8_lossy(bytes), MAX_NAME_BYTES).to_owned()
}
