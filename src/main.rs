//! The command line. An error is one line on standard error, and the exit status is not 0.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use latchkey::admin::{self, Task};
use latchkey::platform::Config;
use latchkey::platform::config::Sources;
use latchkey::platform::process::{FatalError, survive_file_size_limit};
use latchkey::server;

/// `.cargo/config.toml` configures it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(
    name = "latchkey",
    version,
    about = "A self-hosted web dashboard for API keys",
    subcommand_required = false
)]
struct CommandLine {
    #[command(flatten)]
    config_file: ConfigFile,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args)]
struct ConfigFile {
    /// Configuration file [default: Leptos.toml in the working folder, if there is one]
    #[arg(long, value_name = "PATH", env = "LATCHKEY_CONFIG", global = true)]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server (the default)
    #[command(after_long_help = Config::help(), after_help = "--help lists all settings with their defaults")]
    Serve,
    /// Work on the server's own database
    Admin {
        #[command(subcommand)]
        task: Task,
    },
}

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&FatalError::from(format!("cannot start: {error}"))),
    };
    match runtime.block_on(run(line)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &FatalError) -> ExitCode {
    eprintln!("latchkey: {failure}");
    ExitCode::FAILURE
}

async fn run(line: CommandLine) -> Result<(), FatalError> {
    survive_file_size_limit()?;
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())));
    let sources = Sources::load(line.config_file.config.as_deref(), variables)?;
    match line.command.unwrap_or(Command::Serve) {
        Command::Serve => server::serve(&sources).await,
        Command::Admin { task } => admin::run(&sources, task).await,
    }
}
