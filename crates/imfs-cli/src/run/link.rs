//! The link between `imfs` and the sandbox's init: a socket pair that keeps message boundaries.
//!
//! Responsible for the messages and their encoding. Either end sees the other's death as the end of the stream.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

use crate::failure::Failure;

/// What `imfs` asks of init.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The file system answers and is staged: start the program.
    Go,
    /// `imfs` got this signal: pass it on, unless the whole process group got it. Answered by `Report::Signal`.
    Signal(i32),
    /// `imfs` got this signal again while init answered: if the group got it, init's own copy may have merged with the last.
    Again(i32),
}

/// What init reports.
#[derive(Debug)]
pub(crate) enum Report {
    /// The file system is mounted; this descriptor carries its requests.
    Mounted(OwnedFd),
    /// Something failed; the sandbox ends.
    Failed(Failure),
    /// What became of a signal.
    Signal(Passed),
    /// The program was stopped by a signal.
    Stopped(i32),
    /// The program ended, with this `wait` status, and everything that it had started is gone.
    Ended(i32),
}

/// What init did with a signal that `imfs` got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// It came to the whole process group, init and the program among it.
    ToAll,
    /// It came to `imfs` alone, so init has passed it on.
    ByInit,
}

/// One end.
pub(crate) struct Link(OwnedFd);

/// The longest message: a failure whose text names two paths.
const LONGEST: usize = 16 * 1024;

const GO: u8 = 1;
const SIGNAL: u8 = 2;
const MOUNTED: u8 = 3;
const FAILED: u8 = 4;
const STOPPED: u8 = 5;
const ENDED: u8 = 6;
const AGAIN: u8 = 7;
const PASSED: u8 = 8;

/// Makes both ends.
pub(crate) fn pair() -> io::Result<(Link, Link)> {
    let (one, other) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    Ok((Link(one), Link(other)))
}

impl Link {
    /// Sends an order; that init has died is seen when its reports are read.
    pub(crate) fn order(&self, order: &Order) {
        let (tag, number) = match order {
            Order::Go => (GO, 0),
            Order::Signal(number) => (SIGNAL, *number),
            Order::Again(number) => (AGAIN, *number),
        };
        let _ = self.send(tag, number, b"", None);
    }

    /// The next order; `None` when `imfs` has died.
    pub(crate) fn next_order(&self) -> Option<Order> {
        let (tag, number, _, _) = self.receive()?;
        match tag {
            GO => Some(Order::Go),
            SIGNAL => Some(Order::Signal(number)),
            AGAIN => Some(Order::Again(number)),
            _ => None,
        }
    }

    /// Sends a report; nobody is left to care when `imfs` has died.
    pub(crate) fn report(&self, report: &Report) {
        let _ = match report {
            Report::Mounted(fd) => self.send(MOUNTED, 0, b"", Some(fd.as_fd())),
            Report::Failed(failure) => {
                let mut text = failure.to_string().into_bytes();
                text.truncate(LONGEST - 5);
                self.send(FAILED, i32::from(failure.status), &text, None)
            }
            Report::Signal(passed) => self.send(PASSED, i32::from(*passed == Passed::ToAll), b"", None),
            Report::Stopped(number) => self.send(STOPPED, *number, b"", None),
            Report::Ended(status) => self.send(ENDED, *status, b"", None),
        };
    }

    /// The next report; `None` when init has died.
    pub(crate) fn next_report(&self) -> Option<Report> {
        let (tag, number, text, fd) = self.receive()?;
        match tag {
            MOUNTED => fd.map(Report::Mounted),
            FAILED => {
                let failure = Failure::new(String::from_utf8_lossy(&text));
                Some(Report::Failed(failure.with_status(number as u8)))
            }
            PASSED if number == 0 => Some(Report::Signal(Passed::ByInit)),
            PASSED => Some(Report::Signal(Passed::ToAll)),
            STOPPED => Some(Report::Stopped(number)),
            ENDED => Some(Report::Ended(number)),
            _ => None,
        }
    }

    fn send(&self, tag: u8, number: i32, text: &[u8], fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let number = number.to_ne_bytes();
        let parts = [IoSlice::new(std::slice::from_ref(&tag)), IoSlice::new(&number), IoSlice::new(text)];
        let fds = fd.map(|fd| [fd]);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if let Some(fds) = &fds {
            control.push(SendAncillaryMessage::ScmRights(fds));
        }
        rustix::net::sendmsg(&self.0, &parts, &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    fn receive(&self) -> Option<(u8, i32, Vec<u8>, Option<OwnedFd>)> {
        let mut bytes = vec![0; LONGEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let got = rustix::io::retry_on_intr(|| {
            let into = &mut [IoSliceMut::new(&mut bytes)];
            rustix::net::recvmsg(&self.0, into, &mut control, RecvFlags::CMSG_CLOEXEC)
        });
        let length = got.ok()?.bytes;
        let fd = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let (tag, rest) = bytes.get(..length)?.split_first()?;
        let (number, text) = rest.split_first_chunk()?;
        Some((*tag, i32::from_ne_bytes(*number), text.to_vec(), fd))
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn messages_arrive_as_sent() {
        let (imfs, init) = pair().unwrap();
        for order in [Order::Go, Order::Signal(15), Order::Again(2)] {
            imfs.order(&order);
            assert_eq!(init.next_order(), Some(order));
        }
        init.report(&Report::Failed(Failure::new("cannot x").with_status(127)));
        init.report(&Report::Stopped(20));
        init.report(&Report::Ended(-1));
        init.report(&Report::Signal(Passed::ToAll));
        init.report(&Report::Signal(Passed::ByInit));
        assert!(
            matches!(imfs.next_report(), Some(Report::Failed(f)) if f.status == 127 && f.to_string() == "cannot x")
        );
        assert!(matches!(imfs.next_report(), Some(Report::Stopped(20))));
        assert!(matches!(imfs.next_report(), Some(Report::Ended(-1))));
        assert!(matches!(imfs.next_report(), Some(Report::Signal(Passed::ToAll))));
        assert!(matches!(imfs.next_report(), Some(Report::Signal(Passed::ByInit))));
        drop(init);
        assert!(imfs.next_report().is_none());
        imfs.order(&Order::Go);
    }

    #[test]
    fn a_descriptor_goes_along() {
        let (imfs, init) = pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        init.report(&Report::Mounted(writer.into()));
        let Some(Report::Mounted(fd)) = imfs.next_report() else { panic!("no descriptor") };
        let mut writer = std::fs::File::from(fd);
        writer.write_all(b"x").unwrap();
        drop(writer);
        assert_eq!(io::read_to_string(&mut reader).unwrap(), "x");
    }
}
