//! Going to the background.
//!
//! The process that was started waits until the mount is ready, or has failed, and ends with that; its child serves.
//! The fork comes before any thread. What fails after that goes to the system log, for nobody reads the terminal.

use std::ffi::CString;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, WaitOptions};

use crate::failure::{Failure, OrFail as _};
use crate::process;

/// The process in front, waiting for news.
pub(crate) struct Waiting(PipeWriter);

/// Nobody waits any more: failures go to the system log.
static IN_BACKGROUND: AtomicBool = AtomicBool::new(false);

/// Forks. Returns in the child; the parent waits and ends.
pub(crate) fn fork() -> Result<Option<Waiting>, Failure> {
    let (news, teller) = io::pipe().or_fail(|| "make a pipe".into())?;
    match process::fork()? {
        None => {
            drop(news);
            rustix::process::setsid().or_fail(|| "start a session".into())?;
            Ok(Some(Waiting(teller)))
        }
        Some(child) => {
            drop(teller);
            std::process::exit(wait(news, child))
        }
    }
}

/// The parent: ends well when told so, else as the child does, which has said why.
fn wait(mut news: PipeReader, child: Pid) -> i32 {
    if news.read_exact(&mut [0]).is_ok() {
        return 0;
    }
    let end = rustix::process::waitpid(Some(child), WaitOptions::empty());
    end.ok().flatten().and_then(|(_, status)| status.exit_status()).unwrap_or(1)
}

impl Waiting {
    /// Lets the parent end, and lets go of what belongs to it.
    pub(crate) fn tell_ready(mut self) -> Result<(), Failure> {
        process::leave_surroundings()?;
        IN_BACKGROUND.store(true, Ordering::Relaxed);
        self.0.write_all(&[0]).or_fail(|| "report that the mount is ready".into())
    }
}

/// Tells the system log, if nobody else listens.
pub(crate) fn tell(failure: &Failure) -> bool {
    if !IN_BACKGROUND.load(Ordering::Relaxed) {
        return false;
    }
    if let Ok(text) = CString::new(failure.to_string()) {
        // SAFETY: the strings end with NUL and live through the calls; the name is static, as openlog wants it.
        unsafe {
            libc::openlog(c"imfs".as_ptr(), libc::LOG_PID, libc::LOG_DAEMON);
            libc::syslog(libc::LOG_ERR, c"%s".as_ptr(), text.as_ptr());
        }
    }
    true
}
