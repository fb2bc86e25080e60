//! The table of figures.

use std::process::Command;

/// One figure beside its budgets.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// What is to be reached first, and what in the end; a figure without them is printed for comparison.
    pub(crate) budget: Option<Budget>,
    /// How it was measured.
    pub(crate) how: String,
}

/// At most so much, in the figure's unit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) first: f64,
    pub(crate) goal: f64,
}

impl Budget {
    pub(crate) fn of(first: f64, goal: f64) -> Self {
        Self { first, goal }
    }
}

/// Collects figures.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    duckdb_version: Option<String>,
}

impl Report {
    /// Adds a figure, and says it at once.
    pub(crate) fn add(&mut self, figure: Figure) {
        say(&format!("{}: {} {} ({})", figure.name, number(figure.value), figure.unit, figure.how));
        self.figures.push(figure);
    }

    pub(crate) fn set_duckdb_version(&mut self, version: &str) {
        self.duckdb_version = Some(version.to_owned());
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        let cells: Vec<[String; 5]> = self.figures.iter().map(row).collect();
        let head = ["figure", "measured", "first", "goal", "budget"].map(str::to_owned);
        let widths: [usize; 5] = std::array::from_fn(|column| {
            std::iter::once(&head).chain(&cells).map(|row| row[column].chars().count()).max().unwrap_or(0)
        });
        let line = |row: &[String; 5]| {
            let padded: Vec<String> =
                row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            format!("| {} |", padded.join(" | "))
        };
        say("");
        say(&line(&head));
        say(&format!("|{}|", widths.map(|width| "-".repeat(width + 2)).join("|")));
        for row in &cells {
            say(&line(row));
        }
        say("");
        for figure in &self.figures {
            say(&format!("{}: {}", figure.name, figure.how));
        }
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let duckdb = self.duckdb_version.as_deref().unwrap_or("not asked");
        say(&format!("\n{}, {cores} cores ({}), DuckDB {duckdb}", date(), processor()));
    }
}

fn row(figure: &Figure) -> [String; 5] {
    let measured = format!("{} {}", number(figure.value), figure.unit);
    let Some(budget) = figure.budget else {
        return [figure.name.clone(), measured, String::new(), String::new(), String::new()];
    };
    let met = if figure.value <= budget.goal {
        "goal met"
    } else if figure.value <= budget.first {
        "first met"
    } else {
        "MISSED"
    };
    [figure.name.clone(), measured, number(budget.first), number(budget.goal), met.to_owned()]
}

/// A number with as many digits as one wants to read.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Prints a line.
#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

fn date() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]).output();
    output.map_or_else(
        |_| "date unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}
