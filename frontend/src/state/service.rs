//! What the page of a service shows of its routes and charts.

use std::borrow::Cow;

use form_urlencoded::Serializer;

use super::non_empty;
use crate::chart::scale::Curve;

/// The part of the state that belongs to routes and charts. Every field has a default that the URL leaves out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServiceState {
    /// The only route that the charts speak of.
    pub(crate) route: Option<String>,
    /// The only version.
    pub(crate) version: Option<String>,
    /// Node id of the only caller.
    pub(crate) caller: Option<String>,
    /// Whether the routes are parted by caller.
    pub(crate) by_caller: bool,
    /// Names of the columns of the routes table, parted by commas. Empty: those that it has at first.
    pub(crate) cols: String,
    /// The part of a chart that is chosen, as [`Selection`](crate::model::selection::Selection) writes it.
    pub(crate) sel: Option<String>,
    /// How durations are laid out.
    pub(crate) curve: Curve,
    /// Names of the lines that are drawn, parted by commas. Empty: those that are drawn at first.
    pub(crate) lines: String,
    /// Names of the charts that are shown as tables, parted by commas.
    pub(crate) tables: String,
}

impl ServiceState {
    /// Takes a value of the query; one with another key is left alone.
    pub(super) fn set(&mut self, key: &str, value: Cow<'_, str>) {
        match key {
            "route" => self.route = non_empty(value),
            "version" => self.version = non_empty(value),
            "caller" => self.caller = non_empty(value),
            "by" => self.by_caller = value == "caller",
            "cols" => self.cols = value.into_owned(),
            "sel" => self.sel = non_empty(value),
            "scale" if value == "linear" => self.curve = Curve::Linear,
            "lines" => self.lines = value.into_owned(),
            "tables" => self.tables = value.into_owned(),
            _ => {}
        }
    }

    /// Writes what is not the default.
    pub(super) fn append(&self, pairs: &mut Serializer<'_, String>) {
        self.append_subject(pairs);
        if self.by_caller {
            pairs.append_pair("by", "caller");
        }
        if self.curve == Curve::Linear {
            pairs.append_pair("scale", "linear");
        }
        let texts = [
            ("cols", self.cols.as_str()),
            ("lines", &self.lines),
            ("tables", &self.tables),
            ("sel", self.sel.as_deref().unwrap_or_default()),
        ];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            pairs.append_pair(key, text);
        }
    }

    /// Writes the route, version and caller that are chosen: the API knows them by the same names.
    pub(crate) fn append_subject(&self, pairs: &mut Serializer<'_, String>) {
        for (key, value) in [("route", &self.route), ("version", &self.version), ("caller", &self.caller)] {
            if let Some(value) = value {
                pairs.append_pair(key, value);
            }
        }
    }

    /// Whether one of the charts stands as a table.
    pub(crate) fn is_table(&self, chart: &str) -> bool {
        self.tables.split(',').any(|name| name == chart)
    }
}

/// A list of names with one of them taken out, or put in at its end where it was not there.
pub(crate) fn toggled(names: &str, name: &str) -> String {
    let kept: Vec<&str> = names.split(',').filter(|one| !one.is_empty() && *one != name).collect();
    let was_there = names.split(',').any(|one| one == name);
    kept.into_iter().chain((!was_there).then_some(name)).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_put_into_a_list_and_taken_out() {
        assert_eq!(toggled("", "p50"), "p50");
        assert_eq!(toggled("p50,p99", "p90"), "p50,p99,p90");
        assert_eq!(toggled("p50,p99", "p50"), "p99");
        assert_eq!(toggled(",p99,,", "p99"), "");
    }
}
