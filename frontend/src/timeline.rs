//! What the page writes into the browser's own timeline, where a profiler and the benchmarks find it.

use leptos::prelude::window;

/// Does some work and writes into the timeline how long it took.
pub(crate) fn measured<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let timeline = window().performance();
    if let Some(timeline) = &timeline {
        let _ = timeline.mark(name);
    }
    let done = work();
    if let Some(timeline) = &timeline {
        let _ = timeline.measure_with_start_mark(name, name);
        timeline.clear_marks_with_mark_name(name);
    }
    done
}
