//! What is seen of a long staging: a line on the terminal, and nothing elsewhere.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use imfs_staging::Observer;
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::signals;

/// Staging that takes less shows nothing.
const LONG: Duration = Duration::from_millis(700);

/// From one state of the line to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// Draws the line, and ends the staging on a signal.
pub(crate) struct Progress {
    verb: &'static str,
    /// Not to be drawn before.
    next: Instant,
    bar: Option<ProgressBar>,
    bytes: u64,
    entries: u64,
}

impl Progress {
    pub(crate) fn new(verb: &'static str) -> Progress {
        Progress { verb, next: Instant::now() + LONG, bar: None, bytes: 0, entries: 0 }
    }

    fn draw(&mut self) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + PAUSE;
        let bar = self.bar.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}").expect("a valid template");
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
        });
        bar.set_message(format!(
            "{}: {} files and directories, {}",
            self.verb,
            self.entries,
            HumanBytes(self.bytes)
        ));
        bar.tick();
    }
}

impl Observer for Progress {
    fn advanced(&mut self, _path: &[u8], bytes: u64, done: bool) -> ControlFlow<()> {
        self.bytes += bytes;
        self.entries += u64::from(done);
        self.draw();
        if signals::take_pending(libc::SIGTSTP) {
            signals::stop(libc::SIGTSTP);
        }
        match signals::asked_to_end() {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }

    fn warn(&mut self, warning: &str) {
        let print = || eprintln!("imfs: warning: {warning}");
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
