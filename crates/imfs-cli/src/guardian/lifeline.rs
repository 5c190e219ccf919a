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

use crate::failure::{Failure, OrFail as _};
use crate::process;

/// What the server tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Word {
    /// The mount is there.
    Mounted = b'm',
    /// The mount has ended as it should.
    Goodbye = b'g',
}

/// What the guardian says first; no failure begins so.
const READY: [u8; 1] = [0];

/// Makes both ends.
pub(super) fn pair() -> io::Result<(NearEnd, FarEnd)> {
    let (near, far) = UnixStream::pair()?;
    Ok((NearEnd(near), FarEnd(far)))
}

/// The server's end while nothing can wait for the mount yet.
pub(super) struct NearEnd(UnixStream);

impl NearEnd {
    /// Waits until the guardian is ready, or says why it cannot be.
    pub(super) fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let mut first = [0];
        if self.0.read_exact(&mut first).is_err() {
            return Err(Failure::new("the guardian of the mount was killed"));
        }
        if first == READY {
            return Ok(());
        }
        let mut text = first.to_vec();
        self.0.read_to_end(&mut text).or_fail(|| "hear the guardian of the mount".into())?;
        Err(Failure::new(String::from_utf8_lossy(&text)))
    }

    /// Has programs that are started hold the end, too: a `fusermount3` that is still mounting when the server is killed keeps the
    /// guardian waiting.
    pub(super) fn pass_on(&self) -> io::Result<()> {
        Ok(fcntl_setfd(&self.0, FdFlags::empty())?)
    }

    /// Gives the end to a thread of its own.
    pub(super) fn into_thread(self) -> io::Result<Lifeline> {
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
        Ok(Lifeline(words))
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
pub(super) struct Lifeline(Sender<Word>);

impl Lifeline {
    pub(super) fn say(&self, word: Word) {
        let _ = self.0.send(word);
    }
}

/// The guardian's end.
pub(super) struct FarEnd(UnixStream);

impl FarEnd {
    /// Lets the server go on.
    pub(super) fn ready(&mut self) -> Result<(), Failure> {
        self.0.write_all(&READY).or_fail(|| "answer the server".into())
    }

    /// Says why the guardian cannot be ready.
    pub(super) fn fail(&mut self, failure: &Failure) {
        let _ = self.0.write_all(failure.to_string().as_bytes());
    }

    /// Waits for the server's end; whether it came without a goodbye. `mounted` is called when the mount is there.
    pub(super) fn is_lost(&mut self, mut mounted: impl FnMut()) -> bool {
        loop {
            match self.next() {
                Some(Word::Mounted) => mounted(),
                Some(Word::Goodbye) => return false,
                None => return true,
            }
        }
    }

    /// The next word; `None` when the server has ended.
    fn next(&mut self) -> Option<Word> {
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
        let (near, mut far) = line();
        near.say(Word::Mounted);
        near.say(Word::Goodbye);
        assert_eq!([far.next(), far.next()], [Some(Word::Mounted), Some(Word::Goodbye)]);
        drop(near);
        assert_eq!(far.next(), None);
    }

    #[test]
    fn a_server_without_a_goodbye_is_lost() {
        for goodbye in [false, true] {
            let (near, mut far) = line();
            near.say(Word::Mounted);
            if goodbye {
                near.say(Word::Goodbye);
            }
            drop(near);
            let mut is_mounted = false;
            assert_eq!(far.is_lost(|| is_mounted = true), !goodbye);
            assert!(is_mounted);
        }
    }

    #[test]
    fn a_guardian_that_cannot_begin_says_why() {
        let (mut near, far) = pair().unwrap();
        drop(far);
        assert_eq!(near.wait_until_ready().unwrap_err().to_string(), "the guardian of the mount was killed");
        let (mut near, mut far) = pair().unwrap();
        let failure = Failure::new("cannot do it");
        far.fail(&failure);
        drop(far);
        assert_eq!(near.wait_until_ready(), Err(failure));
    }
}
