//! Messages of Envoy's metrics service, `envoy.service.metrics.v3.StreamMetricsMessage`.

use super::exposition::{DecodeLimits, Exposition};
use super::family::{Kind, Temporality};
use super::protobuf::Reading;
use crate::wire::{Fields, Malformed};

/// One message of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamMessage<'a> {
    /// Who sends; only the first message of a stream tells.
    pub node: Option<StreamNode>,
    /// The metrics. Envoy names them as its statistics, with dots, unless it is told to emit tags as labels. Its histograms
    /// and summaries reach back only to the message before.
    pub exposition: Exposition<'a>,
}

/// The proxy that sends, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamNode {
    /// `node.id`.
    pub id: String,
    /// `node.cluster`.
    pub cluster: String,
    /// Availability zone.
    pub zone: String,
    /// Version of Envoy, or nothing.
    pub envoy_version: String,
}

/// Reads one message. `counters` is cumulative, unless the sender is configured with `report_counters_as_deltas`.
///
/// # Errors
/// If the bytes are no such message. A single metric that cannot be read is counted and left out.
pub fn decode_stream_message(
    message: &[u8],
    counters: Temporality,
    limits: DecodeLimits,
) -> Result<StreamMessage<'_>, NotAStreamMessage> {
    read(message, counters, limits).map_err(|Malformed| NotAStreamMessage)
}

/// The bytes are no message of the metrics service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no message of Envoy's metrics service")]
pub struct NotAStreamMessage;

fn read(message: &[u8], counters: Temporality, limits: DecodeLimits) -> Result<StreamMessage<'_>, Malformed> {
    let mut node = None;
    let mut reading = Reading::new(limits);
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => node = identifier(field.bytes()?)?,
            2 => reading.add(field.bytes()?),
            _ => {}
        }
    }
    let mut exposition = reading.finished();
    for family in &mut exposition.families {
        family.temporality = match family.kind {
            Kind::Histogram | Kind::Summary => Temporality::Delta,
            Kind::Counter => counters,
            Kind::Gauge | Kind::Unknown => Temporality::Cumulative,
        };
    }
    Ok(StreamMessage { node, exposition })
}

fn identifier(message: &[u8]) -> Result<Option<StreamNode>, Malformed> {
    let mut node = None;
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        if number == 1 {
            node = Some(read_node(field.bytes()?)?);
        }
    }
    Ok(node)
}

fn read_node(message: &[u8]) -> Result<StreamNode, Malformed> {
    let mut node = StreamNode::default();
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => node.id = text(field.bytes()?),
            2 => node.cluster = text(field.bytes()?),
            4 => {
                let mut locality = Fields::of(field.bytes()?);
                while let Some((number, field)) = locality.next()? {
                    if number == 2 {
                        node.zone = text(field.bytes()?);
                    }
                }
            }
            7 => node.envoy_version = text(field.bytes()?),
            8 => node.envoy_version = build_version(field.bytes()?)?,
            _ => {}
        }
    }
    Ok(node)
}

/// `BuildVersion`, of which only the numbers are of use.
fn build_version(message: &[u8]) -> Result<String, Malformed> {
    let mut version = String::new();
    let mut fields = Fields::of(message);
    while let Some((number, field)) = fields.next()? {
        if number == 1 {
            let mut parts = [0; 3];
            let mut numbers = Fields::of(field.bytes()?);
            while let Some((number, field)) = numbers.next()? {
                if let Some(part) = parts.get_mut(number as usize - 1) {
                    *part = field.varint()?;
                }
            }
            version = parts.map(|part| part.to_string()).join(".");
        }
    }
    Ok(version)
}

/// Names are short; what is longer than any is cut.
fn text(bytes: &[u8]) -> String {
    const MAX_BYTES: usize = 1_024;
    String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_BYTES)]).into_owned()
}

#[cfg(test)]
mod tests;
