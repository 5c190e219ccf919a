//! Signals as something to read.
//!
//! `imfs` blocks every signal before it does anything else and reads them from a descriptor where it waits anyway. No
//! handler exists, so there is no moment at which a signal could end imfs and leave its program behind. The
//! program gets back the mask that imfs was started with.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

/// The signal mask that imfs was started with.
#[derive(Clone, Copy)]
pub(crate) struct Mask(libc::sigset_t);

/// Blocks all signals save those that report a fault of the running instruction. To be called before any thread exists.
pub(crate) fn block_all() -> Mask {
    let mut before = MaybeUninit::uninit();
    // SAFETY: both sets are initialised by the calls before they are read; with valid sets no call here can fail.
    unsafe {
        let mut all = MaybeUninit::uninit();
        libc::sigfillset(all.as_mut_ptr());
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT] {
            libc::sigdelset(all.as_mut_ptr(), fault);
        }
        libc::sigprocmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        Mask(before.assume_init())
    }
}

/// Gives the program the mask that imfs was started with, and SIGPIPE's default action, which Rust's runtime took away.
pub(crate) fn restore(mask: &Mask) {
    // SAFETY: the set is initialised, and SIG_DFL needs no handler.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::sigprocmask(libc::SIG_SETMASK, &mask.0, std::ptr::null_mut());
    }
}

/// Takes `number` off the calling process's pending signals; says whether it was there.
pub(crate) fn take_pending(number: i32) -> bool {
    let set = one(number);
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: set and time are valid; the signal information is not asked for.
    unsafe { libc::sigtimedwait(&set, std::ptr::null_mut(), &now) == number }
}

/// The pending signals of the calling process, bit n for signal n.
pub(crate) fn pending() -> u64 {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: sigpending initialises the set.
    let pending = unsafe {
        libc::sigpending(pending.as_mut_ptr());
        pending.assume_init()
    };
    // SAFETY: the set is initialised.
    (1..64)
        .filter(|number| unsafe { libc::sigismember(&pending, *number) == 1 })
        .map(|number| 1 << number)
        .sum()
}

/// Is a signal pending that asks imfs to end? It stays pending.
pub(crate) fn asked_to_end() -> Option<i32> {
    let pending = pending();
    ENDING.into_iter().find(|number| pending & 1 << number != 0 && !ignored(*number))
}

/// Returns when a signal that is just being sent to our process group has reached all of it. The kernel sends to a group
/// under its task list lock, shared; `setpgid` takes that lock for itself alone, even to find that there is no such process.
pub(crate) fn wait_until_sent() {
    // SAFETY: no preconditions.
    unsafe { libc::setpgid(libc::pid_t::MAX, 0) };
}

/// Stops the calling process by `number`, a signal whose default action is that, and returns when it is continued.
pub(crate) fn stop(number: i32) {
    let set = one(number);
    // SAFETY: the set is valid. The signal's action is the default one, or to ignore it: both may happen anywhere.
    unsafe {
        libc::raise(number);
        libc::sigprocmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
        libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
}

/// Does the caller want `number` ignored, as `nohup` does? A blocked signal arrives all the same.
pub(crate) fn ignored(number: i32) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: the action is only read; all zeroes is a valid value, should the number be none.
    let action = unsafe {
        libc::sigaction(number, std::ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}

/// The signals that ask for an orderly end.
pub(crate) const ENDING: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

fn one(number: i32) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), number);
        set.assume_init()
    }
}

/// Reads blocked signals.
pub(crate) struct SignalReader(OwnedFd);

impl SignalReader {
    /// Reads every signal that is blocked.
    pub(crate) fn of_all() -> io::Result<SignalReader> {
        let mut all = MaybeUninit::uninit();
        // SAFETY: sigfillset initialises the set.
        let all = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            all.assume_init()
        };
        SignalReader::new(&all)
    }

    /// Reads one signal and leaves the others pending.
    pub(crate) fn of(number: i32) -> io::Result<SignalReader> {
        SignalReader::new(&one(number))
    }

    fn new(set: &libc::sigset_t) -> io::Result<SignalReader> {
        // SAFETY: the set is valid.
        let fd = unsafe { libc::signalfd(-1, set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is fresh and nobody else's.
        Ok(SignalReader(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The number of the next signal that has arrived, if any.
    pub(crate) fn next(&self) -> Option<i32> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the buffer has the size that is given.
        let got = unsafe { libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), size) };
        if got != size as isize {
            return None;
        }
        // SAFETY: the kernel has filled the whole structure.
        let info = unsafe { info.assume_init() };
        Some(info.ssi_signo as i32)
    }
}

impl AsFd for SignalReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
