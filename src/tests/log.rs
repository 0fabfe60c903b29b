//! The lines that a test's own thread writes to the log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a buffer").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Collects log lines while it lives.
pub struct Log {
    buffer: Buffer,
    _guard: DefaultGuard,
}

impl Log {
    pub fn collect() -> Self {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        Self { buffer, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// The lines since the last call.
    pub fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.buffer.0.lock().expect("a buffer"));
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }
}
