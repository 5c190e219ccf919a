//! Loads and stores of a process's memory that give EFAULT where the plain ones would raise a signal: what lies beyond
//! the end of a mapped file, or may not be read or written.
//!
//! Both sides of the comparison touch their mappings through this. The kernel copies page by page, so that what comes
//! before the fault is done.

use crate::outcome::{Outcome, bytes};

/// A load of `len` bytes of our own memory.
pub(crate) fn load(at: *mut u8, len: usize) -> Outcome {
    let mut buf = vec![0u8; len];
    let local = libc::iovec { iov_base: buf.as_mut_ptr().cast(), iov_len: len };
    let there = libc::iovec { iov_base: at.cast(), iov_len: len };
    // SAFETY: the buffer is ours, and memory that is not there is EFAULT.
    let n = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &there, 1, 0) };
    outcome(n, |n| bytes(&buf[..n]))
}

/// A store, to our own memory or that of a child.
///
/// # Safety
/// What is at the address is a mapping that nobody refers to.
pub(crate) unsafe fn store(pid: libc::pid_t, at: *mut u8, data: &[u8]) -> Outcome {
    let local = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    let there = libc::iovec { iov_base: at.cast(), iov_len: data.len() };
    // SAFETY: the caller's promise; memory that is not there or is read-only is EFAULT.
    let n = unsafe { libc::process_vm_writev(pid, &local, 1, &there, 1, 0) };
    outcome(n, |_| String::new())
}

fn outcome(n: isize, note: impl FnOnce(usize) -> String) -> Outcome {
    match usize::try_from(n) {
        Ok(n) => Outcome::noted(n as i64, note(n)),
        Err(_) => Outcome::error(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)),
    }
}
