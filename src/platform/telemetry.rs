//! The log: one line for each event on standard output, for people or as JSON. It contains no secrets and nothing personal:
//! requests are logged with the pattern of their route, not with their path.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use super::Clock;
use super::config::{LogFormat, LogSettings};

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{}", self.now())
    }
}

pub fn start(settings: &LogSettings, clock: Clock) {
    // tower-sessions warns about every expired cookie, which is normal, and its core writes a line for each session that could
    // not be read, although an outage has lines of its own. The pool of sqlx writes a line for each connection that fails. rmcp writes
    // several lines for each request, with the arguments of tools.
    let quiet = "tower_sessions=error,tower_sessions_core=off,sqlx_core::pool::inner=off,rmcp=error";
    let filter = EnvFilter::new(format!("{},{quiet}", settings.log));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_timer(clock).with_target(false);
    match settings.log_format {
        LogFormat::Human => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stdout())).init(),
        LogFormat::Json => {
            log.json().flatten_event(true).with_current_span(true).with_span_list(false).init()
        }
    }
}
