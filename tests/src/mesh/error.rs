//! What can go wrong with a mesh.

use std::io;

/// Why a mesh could not start, or could not be brought to rest.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// No free loopback port.
    #[error("cannot reserve a loopback port")]
    Port(#[source] io::Error),
    /// The folder for configurations, keys and logs.
    #[error("cannot write the mesh's files")]
    Files(#[source] io::Error),
    /// The keys and certificates for mutual TLS.
    #[error("cannot make the mesh's certificates")]
    Certificate(#[from] rcgen::Error),
    /// The exporter of an application's spans.
    #[error("cannot build the span exporter of {workload}")]
    Exporter {
        /// Whose exporter.
        workload: String,
        /// What the SDK says.
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// The HTTP client of an application, the load or the mesh itself.
    #[error("cannot build an HTTP client")]
    Client(#[source] reqwest::Error),
    /// The Envoy program could not be run.
    #[error("cannot run {program}")]
    Spawn {
        /// The program as it was given.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// An Envoy ended, or did not become ready in time.
    #[error("the Envoy of {proxy} is not ready: {reason}; its log ends with:\n{log}")]
    NotReady {
        /// Whose Envoy.
        proxy: String,
        /// What was seen.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// The spans of an application could not be delivered.
    #[error("cannot deliver the spans of {workload}")]
    Flush {
        /// Whose spans.
        workload: String,
        /// What the SDK says.
        source: opentelemetry_sdk::error::OTelSdkError,
    },
    /// An Envoy still holds spans.
    #[error("the Envoy of {proxy} did not send all its spans: {reason}")]
    NotDrained {
        /// Whose Envoy.
        proxy: String,
        /// What its counters said last.
        reason: String,
    },
}
