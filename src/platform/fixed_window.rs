//! Counts events in windows of a fixed length. A window begins with its first event.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct FixedWindow {
    length: Duration,
    start: Duration,
    count: u32,
}

impl FixedWindow {
    pub const fn of(length: Duration) -> Self {
        Self { length, start: Duration::ZERO, count: 0 }
    }

    /// The time until the window ends, or zero if no window is running.
    pub fn remaining(&self, now: Duration) -> Duration {
        let end = if self.count == 0 { Duration::ZERO } else { self.start + self.length };
        end.saturating_sub(now)
    }

    pub fn is_running(&self, now: Duration) -> bool {
        !self.remaining(now).is_zero()
    }

    /// The number of events in the window, or zero if no window is running.
    pub fn count(&self, now: Duration) -> u32 {
        if self.is_running(now) { self.count } else { 0 }
    }

    /// Counts an event and returns the count.
    pub fn add(&mut self, now: Duration) -> u32 {
        if !self.is_running(now) {
            (self.start, self.count) = (now, 0);
        }
        self.count = self.count.saturating_add(1);
        self.count
    }

    /// Whether all events were taken back.
    pub fn is_unused(&self) -> bool {
        self.count == 0
    }

    /// Takes back one event.
    pub fn take_back(&mut self) {
        self.count = self.count.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_begins_with_its_first_event() {
        let at = Duration::from_secs;
        let mut window = FixedWindow::of(at(60));
        assert!(!window.is_running(at(0)));
        assert_eq!((window.add(at(30)), window.add(at(80))), (1, 2));
        assert_eq!((window.count(at(89)), window.remaining(at(89))), (2, at(1)));
        assert_eq!((window.count(at(90)), window.remaining(at(90))), (0, at(0)));
        assert_eq!((window.add(at(95)), window.remaining(at(100))), (1, at(55)));
        window.take_back();
        assert!(!window.is_running(at(100)));
        window.take_back();
        assert_eq!(window.add(at(101)), 1);
    }
}
