//! Taking a mount away when the process that answers it was killed.
//!
//! A mount outlives its server: whoever enters gets ENOTCONN until somebody unmounts it. And a server that is killed while
//! it has the kernel write back its own mount waits for ever, unkillable, for an answer that it would have given itself; so
//! does then whoever uses the mount. The guardian is a small process that ends both. It sleeps until the server has
//! ended, looks at the mount, once, and ends. It begins before there is anything to guard, and has nothing of
//! the mount: neither its device, which would keep it alive, nor a place in it, which would keep it busy.
//!
//! A second process can be killed, too. This one has a session and a name of its own, so that what is meant for the
//! server (`kill -9 -PGID`, `killall -9 imfs`) does not reach it.
//!
//! ```text
//! guardian     the process
//!   lifeline   how it learns of the server's end
//!   away       what it does then
//! ```

mod away;
mod lifeline;

use std::ffi::CStr;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::Path;

use rustix::process::{Pid, WaitOptions};

use crate::failure::{Failure, OrFail as _};
use crate::process;
use lifeline::{FarEnd, Lifeline, NearEnd, Word};

/// The guardian's name in `ps`.
const NAME: &CStr = c"mount-guardian";

/// A guardian that waits for the mount.
pub(crate) struct Guardian {
    near_end: NearEnd,
    process: Pid,
}

/// The guardian of a mount that is there. If it is dropped without a [`Guarded::dismiss`], or the process ends in any
/// way, the guardian takes away what is left.
pub(crate) struct Guarded {
    lifeline: Lifeline,
    process: Pid,
}

impl Guardian {
    /// Starts the guardian of what will be mounted on `directory`, an absolute path without symlinks. To be called
    /// before there are threads.
    pub(crate) fn of_directory(directory: &Path) -> Result<Guardian, Failure> {
        Guardian::start(|server| away::from_directory(directory, server))
    }

    /// Starts the guardian of what the first process of a sandbox has mounted on `directory` and will make its root directory.
    /// To be called before there are threads.
    pub(crate) fn of_sandbox(init: Pid, directory: &Path) -> Result<Guardian, Failure> {
        Guardian::start(|server| away::from_sandbox(init, directory, server))
    }

    fn start(watch: impl FnOnce(&mut FarEnd) -> Result<(), Failure>) -> Result<Guardian, Failure> {
        let (mut near_end, mut far_end) = lifeline::pair().or_fail(|| "make a socket pair".into())?;
        let Some(process) = process::fork()? else {
            drop(near_end);
            if let Err(failure) = settle(&far_end).and_then(|()| watch(&mut far_end)) {
                far_end.fail(&failure);
            }
            process::exit(0)
        };
        drop(far_end);
        // Until it is ready it could be killed together with the server.
        near_end.wait_until_ready()?;
        near_end.pass_on().or_fail(|| "pass a socket on".into())?;
        Ok(Guardian { near_end, process })
    }

    /// Tells that the mount is there.
    pub(crate) fn mounted(self) -> Result<Guarded, Failure> {
        let lifeline = self.near_end.into_thread().or_fail(|| "hold the line to the guardian".into())?;
        lifeline.say(Word::Mounted);
        Ok(Guarded { lifeline, process: self.process })
    }
}

impl Guarded {
    /// Tells that the mount has ended as it should, and waits for the guardian's end.
    pub(crate) fn dismiss(self) {
        self.lifeline.say(Word::Goodbye);
        let _ = rustix::process::waitpid(Some(self.process), WaitOptions::empty());
    }
}

/// Lets go of everything that the process has from its parent.
fn settle(server: &FarEnd) -> Result<(), Failure> {
    rustix::process::setsid().or_fail(|| "start a session".into())?;
    rustix::thread::set_name(NAME).or_fail(|| "take a name".into())?;
    process::leave_surroundings()?;
    process::close_others(libc::STDERR_FILENO + 1, server.as_fd().as_raw_fd())
        .or_fail(|| "close descriptors".into())
}
