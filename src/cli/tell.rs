//! What is said beside the output.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the interface has the screen, where a line of anybody else would stand in the middle.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Says a line on stderr, unless the interface has the screen: what it reads again was told when it was read first. A line that cannot be
/// written has nobody to read it.
pub(super) fn tell(what: impl std::fmt::Display) {
    if !IS_TAKEN.load(Ordering::Relaxed) {
        let _ = writeln!(io::stderr().lock(), "wireloupe: {what}");
    }
}

/// The screen, while the interface has it.
#[cfg(feature = "tui")]
pub(super) struct Screen(());

#[cfg(feature = "tui")]
impl Screen {
    /// Takes it; dropping gives it back.
    pub(super) fn take() -> Self {
        IS_TAKEN.store(true, Ordering::Relaxed);
        Self(())
    }
}

#[cfg(feature = "tui")]
impl Drop for Screen {
    fn drop(&mut self) {
        IS_TAKEN.store(false, Ordering::Relaxed);
    }
}
