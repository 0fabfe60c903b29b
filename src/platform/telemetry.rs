//! The log: one line an event on standard output, for people or as JSON. Nothing personal and no secret goes in: spans
//! skip their arguments, and requests are named by their route's pattern.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;

use super::Clock;
use super::config::{Log, LogFormat};

impl FormatTime for Clock {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        write!(writer, "{}", self.now())
    }
}

pub fn start(settings: &Log, clock: Clock) {
    // A stale cookie is no news, and tower-sessions warns of each.
    let filter = EnvFilter::new(format!("{},tower_sessions=error,tower_sessions_core=error", settings.log));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_timer(clock).with_target(false);
    match settings.log_format {
        LogFormat::Human => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stdout())).init(),
        LogFormat::Json => {
            log.json().flatten_event(true).with_current_span(true).with_span_list(false).init()
        }
    }
}
