//! Each file asks about one behaviour; traces are written as in [`skeletons::trace`].

mod incremental;
mod odd;
mod queues;
mod recorded;
mod retries;
mod sidecars;
mod skeletons;
mod targets;

use skeletons::{clusters, edges, trace};
