//! What a page shows, as its URL says it. A link shows a colleague the same picture.

use std::borrow::Cow;

use form_urlencoded::Serializer;
use sidecarta_queries::api::graph::NodeKind;

use crate::model::node_id::NodeId;

pub(crate) mod canary;
pub(crate) mod service;
mod trace_view;
mod traces;

pub(crate) use canary::CanaryState;
pub(crate) use service::ServiceState;
pub(crate) use trace_view::TraceView;
pub(crate) use traces::{TraceOrder, TraceSearch};

/// How services and their versions are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// One box a service.
    #[default]
    Service,
    /// One box a version.
    Version,
}

/// How the map's graph is shown, and what a search for traces finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Presentation {
    /// Boxes and lines; of traces chart and table.
    #[default]
    Graph,
    /// The same numbers as tables.
    Table,
    /// Traces as points alone.
    Scatter,
}

/// Which clock times are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Zone {
    /// The browser's own zone.
    #[default]
    Local,
    /// Universal time.
    Utc,
}

/// The start of the range when the URL names none.
pub(crate) const DEFAULT_FROM: &str = "-15m";
/// The end of the range when the URL names none.
pub(crate) const DEFAULT_TO: &str = "now";
/// The farthest neighbours that a focus shows, in steps.
pub(crate) const MAX_DEPTH: u8 = 5;

/// The whole state of a page. Every field has a default that the URL leaves out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PageState {
    /// Start of the time range: relative (`-15m`) or RFC 3339.
    pub(crate) from: String,
    /// End of the time range: `now` or RFC 3339.
    pub(crate) to: String,
    /// Whether versions are boxes of their own.
    pub(crate) group: Grouping,
    /// Text that a node's name must hold not to be dimmed, and a row of a table to be shown.
    pub(crate) find: String,
    /// Edges with fewer requests per second are left out.
    pub(crate) min_rate: Option<f64>,
    /// Node id of the only node whose neighbourhood is shown.
    pub(crate) focus: Option<String>,
    /// How many steps around the focus are shown.
    pub(crate) depth: u8,
    /// The order of the table: a column, behind a minus where the largest comes first. Empty: the table's own.
    pub(crate) sort: String,
    /// Id of the node or edge in the side panel, or of the part of a proxy that is open.
    pub(crate) select: Option<String>,
    /// The clock of the URL, where it names one.
    pub(crate) tz: Option<Zone>,
    /// Graph or table.
    pub(crate) view: Presentation,
    /// The view of a trace.
    pub(crate) trace_view: TraceView,
    /// What the pages of traces look for.
    pub(crate) traces: TraceSearch,
    /// Whether only what fails is shown.
    pub(crate) unhealthy: bool,
    /// Whether what had no requests is hidden.
    pub(crate) hide_idle: bool,
    /// Whether the fold is open: every node or part is drawn however many there are.
    pub(crate) all: bool,
    /// Routes and charts.
    pub(crate) service: ServiceState,
    /// What is compared.
    pub(crate) canary: CanaryState,
}

impl Default for PageState {
    fn default() -> Self {
        Self {
            from: DEFAULT_FROM.to_owned(),
            to: DEFAULT_TO.to_owned(),
            group: Grouping::default(),
            find: String::new(),
            min_rate: None,
            focus: None,
            depth: 1,
            sort: String::new(),
            select: None,
            tz: None,
            view: Presentation::default(),
            trace_view: TraceView::default(),
            traces: TraceSearch::default(),
            unhealthy: false,
            hide_idle: false,
            all: false,
            service: ServiceState::default(),
            canary: CanaryState::default(),
        }
    }
}

impl PageState {
    /// Reads a query string, with or without its `?`. What cannot be read keeps its default.
    pub(crate) fn parse(query: &str) -> Self {
        let mut state = Self::default();
        for (key, value) in form_urlencoded::parse(query.trim_start_matches('?').as_bytes()) {
            if key == "view" {
                state.trace_view = TraceView::named(&value).unwrap_or_default();
            }
            state.set(&key, value);
        }
        state
    }

    fn set(&mut self, key: &str, value: Cow<'_, str>) {
        match key {
            "from" if !value.is_empty() => self.from = value.into_owned(),
            "to" if !value.is_empty() => self.to = value.into_owned(),
            "group" if value == "version" => self.group = Grouping::Version,
            "find" => self.find = value.into_owned(),
            "min_rate" => {
                self.min_rate = value.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
            }
            "focus" => self.focus = non_empty(value),
            "depth" => self.depth = value.parse().map_or(1, |depth: u8| depth.clamp(1, MAX_DEPTH)),
            "sort" => self.sort = value.into_owned(),
            "select" => self.select = non_empty(value),
            "tz" if value == "utc" => self.tz = Some(Zone::Utc),
            "tz" if value == "local" => self.tz = Some(Zone::Local),
            "view" if value == "table" => self.view = Presentation::Table,
            "view" if value == "scatter" => self.view = Presentation::Scatter,
            "unhealthy" => self.unhealthy = value == "1",
            "hide_idle" => self.hide_idle = value == "1",
            "all" => self.all = value == "1",
            _ => {
                self.canary.set(key, value.clone());
                self.service.set(key, value.clone());
                self.traces.set(key, value);
            }
        }
    }

    /// The query string, empty or with its `?`. Defaults are left out.
    pub(crate) fn query(&self) -> String {
        let mut pairs = Serializer::new(String::new());
        self.append_time(&mut pairs);
        self.append_graph(&mut pairs);
        self.traces.append(&mut pairs);
        if !self.find.is_empty() {
            pairs.append_pair("find", &self.find);
        }
        if !self.sort.is_empty() {
            pairs.append_pair("sort", &self.sort);
        }
        if let Some(select) = &self.select {
            pairs.append_pair("select", select);
        }
        match self.view {
            Presentation::Graph => {}
            Presentation::Table => _ = pairs.append_pair("view", "table"),
            Presentation::Scatter => _ = pairs.append_pair("view", "scatter"),
        }
        for (key, on) in [("unhealthy", self.unhealthy), ("hide_idle", self.hide_idle), ("all", self.all)] {
            if on {
                pairs.append_pair(key, "1");
            }
        }
        self.service.append(&mut pairs);
        self.canary.append(&mut pairs);
        if self.trace_view != TraceView::default() {
            pairs.append_pair("view", self.trace_view.name());
        }
        self.append_zone(&mut pairs);
        with_mark(&pairs.finish())
    }

    /// The query string of another page: the time range and the clock hold, the rest belongs to this page.
    pub(crate) fn carried_query(&self) -> String {
        let mut pairs = Serializer::new(String::new());
        self.append_time(&mut pairs);
        self.append_zone(&mut pairs);
        with_mark(&pairs.finish())
    }

    /// The map with one service and its neighbours, in the same time range.
    pub(crate) fn map_link(&self, focus: &str) -> String {
        let state = Self { focus: Some(focus.to_owned()), select: Some(focus.to_owned()), ..self.carried() };
        format!("/{}", state.query())
    }

    /// The page of one service, in the same time range.
    pub(crate) fn service_link(&self, name: &str) -> String {
        format!("/services/{}{}", encode_segment(name), self.carried_query())
    }

    /// The routes of one service as one caller uses them, in the same time range.
    pub(crate) fn routes_link(&self, name: &str, caller: Option<&str>) -> String {
        let service = ServiceState { caller: caller.map(str::to_owned), ..ServiceState::default() };
        format!("/services/{}{}", encode_segment(name), Self { service, ..self.carried() }.query())
    }

    /// The comparison of two versions of a service, in the same time range.
    pub(crate) fn canary_link(&self, canary: CanaryState) -> String {
        format!("/canary{}", Self { canary, ..self.carried() }.query())
    }

    /// The page of one proxy, in the same time range.
    pub(crate) fn proxy_link(&self, id: &str) -> String {
        format!("/proxies/{}{}", encode_segment(id), self.carried_query())
    }

    /// The page of what a node id names; callers from outside have none but the map.
    pub(crate) fn node_link(&self, id: &str) -> String {
        let node = NodeId::parse(id);
        if node.kind == NodeKind::Client { self.map_link(id) } else { self.service_link(&node.name) }
    }

    /// The parameters of `GET /api/v1/services` and its like, always with the range.
    pub(crate) fn range_parameters(&self) -> String {
        Serializer::new(String::new()).append_pair("from", &self.from).append_pair("to", &self.to).finish()
    }

    /// The parameters of `GET /api/v1/series` beside the service: the range, and what is chosen of its routes.
    pub(crate) fn subject_parameters(&self) -> String {
        let mut pairs = Serializer::new(String::new());
        pairs.append_pair("from", &self.from).append_pair("to", &self.to);
        self.service.append_subject(&mut pairs);
        pairs.finish()
    }

    /// The parameters of `GET /api/v1/graph`. `find` is not among them: what does not match is dimmed, not hidden.
    pub(crate) fn graph_parameters(&self) -> String {
        let mut pairs = Serializer::new(String::new());
        pairs.append_pair("from", &self.from).append_pair("to", &self.to);
        self.append_graph(&mut pairs);
        pairs.finish()
    }

    /// The parameters of `GET /api/v1/graph` for one node of the same graph and the edges at it.
    pub(crate) fn detail_parameters(&self, node: &str) -> String {
        let part = Self { focus: Some(node.to_owned()), depth: 1, min_rate: None, ..self.clone() };
        part.graph_parameters()
    }

    /// The parameters of `GET /api/v1/edges/statistics` for an edge of the same graph.
    pub(crate) fn edge_parameters(&self, source: &str, target: &str) -> String {
        let mut pairs = Serializer::new(String::new());
        pairs.append_pair("source", source).append_pair("target", target);
        pairs.append_pair("from", &self.from).append_pair("to", &self.to);
        if self.group == Grouping::Version {
            pairs.append_pair("group", "version");
        }
        pairs.finish()
    }

    /// Whether the range ends now, so that its numbers move.
    pub(crate) fn is_moving(&self) -> bool {
        self.to == DEFAULT_TO
    }

    /// The state that another page starts with.
    fn carried(&self) -> Self {
        Self { from: self.from.clone(), to: self.to.clone(), tz: self.tz, ..Self::default() }
    }

    fn append_time(&self, pairs: &mut Serializer<'_, String>) {
        if self.from != DEFAULT_FROM {
            pairs.append_pair("from", &self.from);
        }
        if self.to != DEFAULT_TO {
            pairs.append_pair("to", &self.to);
        }
    }

    fn append_graph(&self, pairs: &mut Serializer<'_, String>) {
        if self.group == Grouping::Version {
            pairs.append_pair("group", "version");
        }
        if let Some(focus) = &self.focus {
            pairs.append_pair("focus", focus).append_pair("depth", &self.depth.to_string());
        }
        if let Some(min_rate) = self.min_rate {
            pairs.append_pair("min_rate", &min_rate.to_string());
        }
    }

    fn append_zone(&self, pairs: &mut Serializer<'_, String>) {
        match self.tz {
            Some(Zone::Utc) => pairs.append_pair("tz", "utc"),
            Some(Zone::Local) => pairs.append_pair("tz", "local"),
            None => pairs,
        };
    }
}

/// A name as one segment of a path. Form encoding writes a space as `+`, which a path does not know.
pub(crate) fn encode_segment(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

fn non_empty(value: Cow<'_, str>) -> Option<String> {
    Some(value.into_owned()).filter(|value| !value.is_empty())
}

fn with_mark(query: &str) -> String {
    if query.is_empty() { String::new() } else { format!("?{query}") }
}

#[cfg(test)]
mod tests;
