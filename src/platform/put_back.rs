//! Items that were taken out of memory to be written to the database.

use std::ops::Deref;

/// Puts the items back when it is dropped without `finish`: after an error, and when the future that writes them is cancelled.
pub struct PutBack<T, F: FnMut(Vec<T>)> {
    items: Vec<T>,
    put_back: F,
}

impl<T, F: FnMut(Vec<T>)> PutBack<T, F> {
    pub fn new(items: Vec<T>, put_back: F) -> Self {
        Self { items, put_back }
    }

    /// Call this once they are certainly written. Returns them.
    pub fn finish(mut self) -> Vec<T> {
        std::mem::take(&mut self.items)
    }
}

impl<T, F: FnMut(Vec<T>)> Deref for PutBack<T, F> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T, F: FnMut(Vec<T>)> Drop for PutBack<T, F> {
    fn drop(&mut self) {
        if !self.items.is_empty() {
            (self.put_back)(std::mem::take(&mut self.items));
        }
    }
}
