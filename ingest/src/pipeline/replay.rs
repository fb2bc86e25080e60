//! Putting into the store what was acknowledged before the last end of the process.

use std::path::Path;

use sidecarta_queries::frame::{Frame, FrameKind};
use sidecarta_queries::log;
use sidecarta_queries::store::{StoreError, Writer};

use super::{Rows, hash};
use crate::otlp::DecodeLimits;
use crate::{access_log, envoy, otlp, prometheus, watch};

/// Requests that are published together.
const PORTION: u64 = 256;

/// Decodes every request of the log that the store does not hold and publishes it.
pub(super) fn replay(log_dir: &Path, writer: &mut Writer, limits: &DecodeLimits) -> Result<(), StoreError> {
    let mut requests = 0_u64;
    let damaged = log::replay::<StoreError>(log_dir, writer.position(), |sequence, frame| {
        requests += 1;
        stage(writer, sequence, &frame, limits);
        if requests.is_multiple_of(PORTION) {
            writer.publish()?;
        }
        Ok(())
    })?;
    writer.publish()?;
    if requests > 0 || damaged > 0 {
        tracing::info!(
            requests,
            damaged_segments = damaged,
            "Acknowledged requests were taken over from the log"
        );
    }
    Ok(())
}

fn stage(writer: &mut Writer, sequence: u64, frame: &Frame, limits: &DecodeLimits) {
    match decode(frame, limits, writer) {
        Ok(rows) => rows.stage(writer, sequence, hash(frame)),
        // It could be decoded when it was acknowledged, so this is damage that the checksum does not show.
        Err(error) => {
            tracing::error!(sequence, error, "A request in the log cannot be decoded and is left out");
        }
    }
}

/// The rows of a frame, or why there are none.
fn decode(frame: &Frame, limits: &DecodeLimits, writer: &Writer) -> Result<Rows, String> {
    match frame.kind {
        FrameKind::EnvoyScrape => match envoy::decode_frame(frame) {
            Ok(scrape) => Ok(Rows::Envoy(Box::new(scrape))),
            Err(error) => Err(error.to_string()),
        },
        FrameKind::AccessLogs => match access_log::decode_frame(frame) {
            Ok(batch) => Ok(Rows::AccessLogs(Box::new(batch))),
            Err(error) => Err(error.to_string()),
        },
        FrameKind::MeshScrape => match prometheus::decode_frame(frame) {
            Ok(scrape) => Ok(Rows::Mesh(Box::new(scrape))),
            Err(error) => Err(error.to_string()),
        },
        FrameKind::Watch => match watch::decode_frame(frame) {
            Ok(event) => Ok(Rows::Watch(Box::new(event))),
            Err(error) => Err(error.to_string()),
        },
        FrameKind::XrayTraces | FrameKind::CloudWatchLogs => {
            match otlp::decode_pulled(frame, writer.varying_keys()) {
                Ok(rows) => Ok(rows),
                Err(error) => Err(error.to_string()),
            }
        }
        FrameKind::OtlpTraces
        | FrameKind::OtlpTracesGzip
        | FrameKind::OtlpTracesZstd
        | FrameKind::OtlpMetrics
        | FrameKind::OtlpMetricsGzip
        | FrameKind::OtlpMetricsZstd
        | FrameKind::OtlpLogs
        | FrameKind::OtlpLogsGzip
        | FrameKind::OtlpLogsZstd => match otlp::decode_frame(frame, limits, writer.varying_keys()) {
            Ok(decoded) => Ok(decoded.batch),
            Err(error) => Err(error.to_string()),
        },
    }
}
