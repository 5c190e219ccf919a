//! The line between a server and its guardian, whose end the guardian sees however the server ends.
//!
//! A killed process closes its descriptors once the last thread that shares them is gone. A thread that has the
//! kernel write back the own mount cannot go, for what it waits for would have been answered by threads that went before it. So
//! the server's end belongs to a thread that shares descriptors with no other and waits for nothing but words to pass on.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::io::{FdFlags, fcntl_setfd};

use crate::process;

/// What the server tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// The mount is there.
    Mounted = b'm' as isize,
    /// The mount has ended as it should.
    Goodbye = b'g' as isize,
}

/// Makes both ends.
pub(super) fn pair() -> io::Result<(NearEnd, FarEnd)> {
    let (near, far) = UnixStream::pair()?;
    Ok((NearEnd(near), FarEnd(far)))
}

/// The server's end while the server has one thread.
pub(super) struct NearEnd(UnixStream);

impl NearEnd {
    /// Waits until the guardian is ready; an error if it has ended instead.
    pub(super) fn wait_until_ready(&mut self) -> io::Result<()> {
        self.0.read_exact(&mut [0])
    }

    /// Gives the end to a thread of its own.
    pub(super) fn into_thread(self) -> io::Result<Lifeline> {
        // A `fusermount3` that is still mounting when the server is killed keeps the guardian waiting.
        fcntl_setfd(&self.0, FdFlags::empty())?;
        let (words, to_say) = channel();
        let (holds, is_held) = channel();
        let fd = self.0.as_raw_fd();
        let holder = thread::Builder::new().name("imfs-lifeline".to_owned());
        holder.spawn(move || {
            let held = process::keep_alone(fd);
            let failed = held.is_err();
            let _ = holds.send(held);
            if !failed {
                say_all(fd, &to_say);
            }
        })?;
        is_held.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Lifeline { words, mounting: Some(self.0) })
    }
}

/// Passes words on, until nobody is left who could say one.
fn say_all(fd: RawFd, words: &Receiver<Word>) {
    // SAFETY: this thread's table of descriptors is its own, and nobody closes anything in it before the thread ends.
    let far_end = unsafe { BorrowedFd::borrow_raw(fd) };
    for word in words {
        let _ = rustix::io::write(far_end, &[word as u8]);
    }
}

/// The server's end. When it is dropped, as when the process ends in any way, the guardian sees that.
pub(super) struct Lifeline {
    words: Sender<Word>,
    /// The end once more, as long as nothing waits for the mount.
    mounting: Option<UnixStream>,
}

impl Lifeline {
    /// Tells that the mount is there.
    pub(super) fn mounted(&mut self) -> io::Result<()> {
        self.mounting.take().map_or(Ok(()), |mut end| end.write_all(&[Word::Mounted as u8]))
    }

    /// Tells that all is well.
    pub(super) fn goodbye(&self) {
        let _ = self.words.send(Word::Goodbye);
    }
}

/// The guardian's end.
pub(super) struct FarEnd(UnixStream);

impl FarEnd {
    /// Lets the server go on.
    pub(super) fn ready(&mut self) -> io::Result<()> {
        self.0.write_all(&[0])
    }

    /// The next word; `None` when the server has ended.
    pub(super) fn next(&mut self) -> Option<Word> {
        let mut byte = [0];
        self.0.read_exact(&mut byte).ok()?;
        [Word::Mounted, Word::Goodbye].into_iter().find(|word| *word as u8 == byte[0])
    }
}

impl AsFd for FarEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> (Lifeline, FarEnd) {
        let (mut near, mut far) = pair().unwrap();
        far.ready().unwrap();
        near.wait_until_ready().unwrap();
        (near.into_thread().unwrap(), far)
    }

    #[test]
    fn words_arrive_in_order() {
        let (mut near, mut far) = line();
        near.mounted().unwrap();
        near.goodbye();
        assert_eq!([far.next(), far.next()], [Some(Word::Mounted), Some(Word::Goodbye)]);
        drop(near);
        assert_eq!(far.next(), None);
    }

    #[test]
    fn a_guardian_that_never_was_is_seen() {
        let (mut near, far) = pair().unwrap();
        drop(far);
        assert!(near.wait_until_ready().is_err());
    }
}
