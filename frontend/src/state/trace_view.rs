//! How a trace is shown, as the URL says it.

/// How a trace is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum TraceView {
    /// A row for each span.
    #[default]
    Waterfall,
    /// Spans below their parents, as wide as they took.
    Flame,
    /// Totals by service and operation.
    Operations,
    /// The services and who called whom.
    Path,
    /// The log lines.
    Logs,
}

impl TraceView {
    /// Every view with its name in the URL; the default has none.
    pub(crate) const NAMES: [(Self, &'static str); 5] = [
        (Self::Waterfall, ""),
        (Self::Flame, "flame"),
        (Self::Operations, "operations"),
        (Self::Path, "path"),
        (Self::Logs, "logs"),
    ];

    /// The view of a name; none for what names another page's view.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, of)| *of == name).map(|(view, _)| *view)
    }

    /// Its name in the URL.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(view, _)| *view == self).map_or("", |(_, name)| name)
    }
}
