//! `sidecarta`: the map of an Envoy mesh.

use std::process::ExitCode;

use clap::Parser;
use sidecarta_server::cli::{Cli, Command};
use sidecarta_server::config::{self, Config};
use sidecarta_server::error::causes;
use sidecarta_server::remote::{CommandError, Told};
use sidecarta_server::{backtest_command, canary_command, lifecycle, open_files};
use tracing_subscriber::EnvFilter;

// Spans are many small strings, which the system's allocator serves at half the speed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code for a command line or configuration that cannot be worked with.
const BAD_USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistakes, and go to standard output.
            let code = if error.use_stderr() { BAD_USAGE } else { 0 };
            return if error.print().is_ok() { ExitCode::from(code) } else { ExitCode::FAILURE };
        }
    };
    match cli.command {
        Command::Serve(flags) => match Config::load(flags.config.as_deref(), &flags.overrides()) {
            Ok(config) => serve(&config),
            Err(error) => complain(&error, BAD_USAGE),
        },
        Command::Canary(flags) => tell(canary_command::run(&flags)),
        Command::Backtest(flags) => tell(backtest_command::run(&flags)),
        Command::Config(flags) if flags.default => say(&config::default_file()),
        Command::Config(flags) => match config::explain(flags.config.as_deref()) {
            Ok(text) => say(&text),
            Err(error) => complain(&error, BAD_USAGE),
        },
    }
}

fn serve(config: &Config) -> ExitCode {
    let filter = EnvFilter::try_from_env("SIDECARTA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    open_files::allow_all();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, 1),
    };
    match runtime.block_on(lifecycle::run(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error, 1),
    }
}

/// What a command came to that asks a server.
fn tell(told: Result<Told, CommandError>) -> ExitCode {
    match told {
        Ok(told) => match say(&told.text) {
            ExitCode::SUCCESS => ExitCode::from(told.code),
            failed => failed,
        },
        Err(error) => complain(&error, error.code()),
    }
}

fn say(text: &str) -> ExitCode {
    use std::io::Write as _;
    // A reader that has seen enough, such as `head`, closes the pipe.
    if std::io::stdout().write_all(text.as_bytes()).is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn complain(error: &dyn std::error::Error, code: u8) -> ExitCode {
    use std::io::Write as _;
    // Where standard error is closed nobody is told, and the exit code says the rest.
    if writeln!(std::io::stderr(), "sidecarta: {}", causes(error)).is_err() {
        return ExitCode::from(code.max(1));
    }
    ExitCode::from(code)
}
