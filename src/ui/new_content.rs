//! What the browser does with content that replaces a part of the page.

use super::{chart_tips, local_times};

/// Call this after the replacement.
pub fn prepare() {
    local_times::refresh();
    chart_tips::prepare();
}
