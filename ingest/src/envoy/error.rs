//! What can go wrong when a proxy is asked, in words for the Sources page.

use std::error::Error;

use super::admin::Page;

/// Why one scrape of one proxy gave nothing. Nothing is lost by it: the next scrape's deltas reach back further.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeError {
    /// No connection came about; the cause says why.
    #[error("cannot connect")]
    Connect(#[source] std::io::Error),
    /// No connection came about in time.
    #[error("cannot connect within {seconds} s")]
    ConnectTimedOut {
        /// The limit.
        seconds: f64,
    },
    /// Connected, but no whole answer came in time.
    #[error("no whole answer to {page} within {seconds} s")]
    TimedOut {
        /// What was asked.
        page: Page,
        /// The limit.
        seconds: f64,
    },
    /// What came back is not HTTP, or the connection broke before an answer.
    #[error("no answer to {page}")]
    Http {
        /// What was asked.
        page: Page,
        /// What broke.
        #[source]
        source: hyper::Error,
    },
    /// An answer other than 200.
    #[error("answered {page} with status {status}")]
    Status {
        /// What was asked.
        page: Page,
        /// What was answered.
        status: http::StatusCode,
    },
    /// A web page came back.
    #[error("answered {page} with a web page (HTML): this is not an Envoy's admin interface")]
    Html {
        /// What was asked.
        page: Page,
    },
    /// The answer is larger than is taken.
    #[error("the answer to {page} is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What was asked.
        page: Page,
        /// The limit.
        limit_bytes: usize,
    },
    /// Other answers hold all the memory there is for them.
    #[error(
        "no memory for the answer to {page}: other proxies' answers that are slow to come hold it; raise \
         `envoy.max_concurrent` if that is often so"
    )]
    NoMemory {
        /// What was asked.
        page: Page,
    },
    /// The answer ended before its end.
    #[error("the answer to {page} broke off in the middle")]
    Cut {
        /// What was asked.
        page: Page,
    },
    /// The answer is not the JSON that Envoy gives.
    #[error("the answer to {page} is not what an Envoy gives")]
    NotEnvoy {
        /// What was asked.
        page: Page,
        /// Where it differs.
        #[source]
        source: serde_json::Error,
    },
    /// Decoding the answer ended without a result.
    #[error("the answer to {page} could not be decoded")]
    NotDecoded {
        /// What was asked.
        page: Page,
    },
    /// The answer is JSON of an Envoy, but what identifies the process is missing.
    #[error("the answer to {page} lacks {missing}: this is not an Envoy's admin interface")]
    Lacks {
        /// What was asked.
        page: Page,
        /// What is missing.
        missing: &'static str,
    },
    /// A proxy of the same id pushes its statistics.
    #[error(
        "a proxy pushes its statistics {} under the same node id `{id}`, so they are not counted again here; take it \
         out of the targets or the sink out of its bootstrap, or give each proxy a node id of its own",
        if peer.is_empty() { "as OTLP metrics".to_owned() } else { format!("from {peer}") }
    )]
    Pushed {
        /// The id.
        id: String,
        /// Where it pushes from; empty where that comes as OTLP metrics.
        peer: String,
    },
}

impl ScrapeError {
    /// The error of a body that does not parse: broken off where the text ended too early, foreign otherwise.
    pub(super) fn from_json(page: Page, source: serde_json::Error) -> Self {
        if source.is_eof() { Self::Cut { page } } else { Self::NotEnvoy { page, source } }
    }
}

/// An error with its causes, as one line.
pub(crate) fn in_one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
