//! How long adding up rests after a portion, so that those who ask are answered first.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

/// How busy the processors are: those of the machine, which others may use too, and the threads that answer requests, which
/// may get less than the machine has.
#[derive(Default)]
pub struct Busy {
    last: Mutex<Looked>,
}

#[derive(Clone, Copy, Default)]
struct Looked {
    at: Duration,
    /// How long all threads had worked by then.
    worked: Duration,
    machine: Option<Ticks>,
    /// What adding up took since then.
    adding: Duration,
}

impl Busy {
    /// Adding up does not rest for its own work.
    pub fn leave_out(&self, adding: Duration) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).adding += adding;
    }

    /// The share of the time since it was last asked for, from 0 to 1.
    pub fn since_last_asked(&self, steady: Duration) -> f64 {
        let metrics = Handle::current().metrics();
        let workers = metrics.num_workers();
        let worked = (0..workers).map(|worker| metrics.worker_total_busy_duration(worker)).sum();
        let machine = std::fs::read_to_string("/proc/stat").ok().and_then(|text| Ticks::read(&text));
        let now = Looked { at: steady, worked, machine, adding: Duration::ZERO };
        let last = std::mem::replace(&mut *self.last.lock().unwrap_or_else(PoisonError::into_inner), now);
        let all = now.at.saturating_sub(last.at) * workers as u32;
        let threads =
            if all.is_zero() { 0.0 } else { worked.saturating_sub(last.worked).div_duration_f64(all) };
        let machine = last.machine.zip(machine).map_or(0.0, |(then, now)| now.busy_since(then, last.adding));
        threads.max(machine).min(1.0)
    }
}

/// Of all processors since the machine started, as Linux tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    all: u64,
    idle: u64,
}

impl Ticks {
    fn read(text: &str) -> Option<Self> {
        let numbers = text.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
        let numbers: Vec<u64> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
        // User, nice, system, idle, waiting for a disk, … What comes after the eighth is in the first two.
        let idle = numbers.get(3)? + numbers.get(4)?;
        Some(Self { all: numbers.iter().take(8).sum(), idle })
    }

    fn busy_since(self, then: Self, without: Duration) -> f64 {
        // A tick is a hundredth of a second.
        let without = without.as_millis() as u64 / 10;
        let (all, idle) = (self.all.saturating_sub(then.all), self.idle.saturating_sub(then.idle));
        if all == 0 { 0.0 } else { all.saturating_sub(idle + without) as f64 / all as f64 }
    }
}

/// It takes what is to spare of one processor, and where nothing is to spare this part.
const LEAST: f64 = 0.01;
/// With so many lines that wait, it rests no more: they take memory.
const TOO_MANY: usize = 2_000_000;
/// Others would take a server for ended that rests for much longer.
const LONGEST: Duration = Duration::from_secs(10);

pub fn rest(took: Duration, busy: f64, waiting: usize) -> Duration {
    let room = 1.0 - waiting.min(TOO_MANY) as f64 / TOO_MANY as f64;
    let spare = (1.0 - busy).max(LEAST);
    took.mul_f64((1.0 / spare - 1.0) * room).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_busy_rests_unless_much_waits() {
        let took = Duration::from_millis(100);
        assert_eq!(rest(took, 0.0, 10), Duration::ZERO);
        assert_eq!(rest(took, 0.5, 0), took);
        assert_eq!(rest(took, 0.75, TOO_MANY / 2), took * 3 / 2);
        assert_eq!(rest(took, 1.0, 0), 99 * took);
        assert_eq!(rest(2 * took, 1.0, 0), LONGEST);
        for waiting in [TOO_MANY, 10 * TOO_MANY] {
            assert_eq!(rest(took, 1.0, waiting), Duration::ZERO);
        }
    }

    #[test]
    fn the_machine_tells_how_busy_it_is() {
        let read = |first: &str| Ticks::read(&format!("{first}\ncpu0 1 1 1 1 1 1 1 1 0 0\n"));
        let then = read("cpu  100 0 50 800 50 0 0 0 7 0").expect("ticks");
        assert_eq!(then, Ticks { all: 1_000, idle: 850 });
        let now = read("cpu  160 0 60 820 60 0 0 0 9 0").expect("ticks");
        let none = Duration::ZERO;
        assert_eq!((now.busy_since(then, none), then.busy_since(then, none)), (0.7, 0.0));
        assert_eq!(now.busy_since(then, Duration::from_millis(500)), 0.2);
        assert_eq!(now.busy_since(then, Duration::from_secs(5)), 0.0);
        for wrong in ["", "cpu0 1 2 3 4 5", "cpu  1 2 3", "cpu  1 2 3 4 x"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
