//! From a line to a row.

use sidecarta_queries::rows::access_log::{AccessLogRow, Direction};

use super::config::{AccessLogConfig, AccessLogConfigError};
use super::container::{Unwrapped, unwrapped};
use super::draft::{Draft, raw_row};
use super::format::{Format, FormatError};
use super::mapping::Mapping;
use super::presets;

/// Reads the lines of one access log.
#[derive(Clone, Debug)]
pub struct LineParser {
    formats: Vec<Format>,
    mapping: Mapping,
    takes_json: bool,
    origin: Origin,
}

/// What the configuration says of every row of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    name: String,
    service: String,
    version: String,
    node_id: String,
    zone: String,
    direction: Direction,
    pub(super) keeps_query: bool,
}

impl LineParser {
    /// Compiles the formats of a log. Every bad one is in the error.
    pub fn new(config: &AccessLogConfig) -> Result<Self, AccessLogConfigError> {
        let mut problems = Vec::new();
        let formats = formats(&config.format).unwrap_or_else(|error| {
            problems.push(format!("access_log `{}`: format, {error}", config.name));
            Vec::new()
        });
        let mapping = Mapping::new(&config.fields).map_err(|errors| {
            problems
                .extend(errors.iter().map(|error| format!("access_log `{}`: fields, {error}", config.name)));
        });
        match mapping {
            Ok(mapping) if problems.is_empty() => Ok(Self {
                formats,
                mapping,
                takes_json: presets::takes_json(&config.format),
                origin: Origin::of(config),
            }),
            _ => Err(AccessLogConfigError { problems }),
        }
    }

    /// Reads a line, with or without its line break, and with or without the wrapping of a container runtime. A line that fits no format becomes a row with the line in `raw`;
    /// an empty line becomes none. `received_at_ns` is ns since 1970 and stands for the start where the line has none.
    pub fn parse(&self, line: &[u8], received_at_ns: i64) -> Option<AccessLogRow> {
        let line = String::from_utf8_lossy(line);
        let Unwrapped { line, written_at_ns } = unwrapped(line.trim_end_matches(['\n', '\r']));
        let received_at_ns = written_at_ns.unwrap_or(received_at_ns);
        let line = line.trim_end_matches(['\n', '\r']);
        if line.trim().is_empty() {
            return None;
        }
        let mut row = match self.read(line) {
            Some(draft) => draft.finish(received_at_ns, self.origin.keeps_query),
            None => raw_row(line, received_at_ns),
        };
        self.origin.complete(&mut row);
        Some(row)
    }

    fn read(&self, line: &str) -> Option<Draft> {
        if self.takes_json && line.starts_with('{') {
            let mut draft = Draft::default();
            return (self.mapping.read_json(line, &mut draft) && draft.is_access_log).then_some(draft);
        }
        self.read_text(line)
    }

    /// Reads a line by the first of the text formats that it fits.
    pub(super) fn read_text(&self, line: &str) -> Option<Draft> {
        self.formats.iter().find_map(|format| {
            let mut draft = Draft::default();
            format.read(line, &mut draft).then_some(draft)
        })
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }
}

fn formats(format: &str) -> Result<Vec<Format>, FormatError> {
    match presets::text_formats(format) {
        Some(formats) => formats,
        // A word without an operator is rather a preset that does not exist than a format.
        None if !format.contains('%') => Err(FormatError {
            column: 1,
            reason: format!(
                "`{format}` is neither auto, envoy, istio, json or service_connect nor a format string with command \
                 operators such as %START_TIME%"
            ),
        }),
        None => Ok(vec![Format::compile(format)?]),
    }
}

impl Origin {
    fn of(config: &AccessLogConfig) -> Self {
        Self {
            name: config.name.clone(),
            service: config.service.clone(),
            version: config.version.clone(),
            node_id: config.node_id.clone(),
            zone: config.zone.clone(),
            direction: config.direction,
            keeps_query: config.include_query,
        }
    }

    /// Sets what is configured.
    pub(super) fn complete(&self, row: &mut AccessLogRow) {
        let columns = [
            (&self.name, &mut row.log_name),
            (&self.service, &mut row.node_cluster),
            (&self.version, &mut row.version),
            (&self.node_id, &mut row.node_id),
            (&self.zone, &mut row.zone),
        ];
        for (configured, column) in columns {
            if !configured.is_empty() {
                column.clone_from(configured);
            }
        }
        if self.direction != Direction::Unknown {
            row.direction = self.direction;
        }
    }
}
