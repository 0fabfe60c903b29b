//! Metrics of this process from `/proc`, with the names that all Prometheus clients use.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Linux reports processor times in hundredths of a second on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Default)]
pub struct Process {
    cpu_seconds: Counter<f64, AtomicU64>,
    resident_memory: Gauge,
    virtual_memory: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    threads: Gauge,
}

impl Process {
    pub fn register(registry: &mut Registry, start_seconds: f64) -> Self {
        let process = Self::default();
        let start = Gauge::<f64, AtomicU64>::default();
        start.set(start_seconds);
        registry.register("process_start_time_seconds", "Start of the process, in seconds since 1970", start);
        registry.register(
            "process_cpu_seconds",
            "Time that the process used processors for",
            process.cpu_seconds.clone(),
        );
        for (name, help, gauge) in [
            ("process_resident_memory_bytes", "Memory in use", &process.resident_memory),
            ("process_virtual_memory_bytes", "Address space in use", &process.virtual_memory),
            ("process_open_fds", "Open file descriptors", &process.open_fds),
            ("process_max_fds", "Most file descriptors that may be open", &process.max_fds),
            ("process_threads", "Threads", &process.threads),
        ] {
            registry.register(name, help, gauge.clone());
        }
        process
    }

    /// Reads the current values. A value that cannot be read stays the same; on other systems than Linux it is 0.
    pub fn measure(&self) {
        if let Ok(stat) = fs::read_to_string("/proc/self/stat")
            && let Some(ticks) = cpu_ticks(&stat)
        {
            let seconds = ticks as f64 / TICKS_PER_SECOND;
            self.cpu_seconds.inner().store(seconds.to_bits(), Ordering::Relaxed);
        }
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            for (name, factor, gauge) in [
                ("VmRSS:", 1024, &self.resident_memory),
                ("VmSize:", 1024, &self.virtual_memory),
                ("Threads:", 1, &self.threads),
            ] {
                if let Some(number) = number_after(&status, name) {
                    gauge.set(number.saturating_mul(factor));
                }
            }
        }
        if let Ok(limits) = fs::read_to_string("/proc/self/limits")
            && let Some(max) = number_after(&limits, "Max open files")
        {
            self.max_fds.set(max);
        }
        if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
            self.open_fds.set(i64::try_from(descriptors.count()).unwrap_or(i64::MAX));
        }
    }
}

/// User plus system time. Parsing starts behind the process name, which is in parentheses and may contain anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// The first number of the line that begins with a name.
fn number_after(text: &str, name: &str) -> Option<i64> {
    let values = text.lines().find_map(|line| line.strip_prefix(name))?;
    values.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_linux_are_parsed() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 12345 1000000 200";
        assert_eq!(cpu_ticks(stat), Some(300));
        for wrong in ["", "7 (a", "7 (a) S 1 2", "7 (a) S 1 7 7 0 -1 4194560 100 0 0 0 x y"] {
            assert_eq!(cpu_ticks(wrong), None, "{wrong}");
        }
        let status = "Name:\tlatchkey\nVmSize:\t  9000 kB\nVmRSS:\t    4096 kB\nThreads:\t3\n";
        assert_eq!(number_after(status, "VmRSS:"), Some(4096));
        assert_eq!(number_after(status, "VmSwap:"), None);
        let limits = "Max open files            1024                 524288               files     \n";
        assert_eq!(number_after(limits, "Max open files"), Some(1024));
        assert_eq!(number_after("Max open files  unlimited unlimited files", "Max open files"), None);
    }
}
