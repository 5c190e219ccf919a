//! poll(2), ppoll(2), select(2), after `fs/select.c`.
//!
//! Pipes have queues to wait in; regular files, directories and devices are always ready. What foreign descriptors are
//! ready for only their door knows: it is asked through a callback, again and again while nothing else is ready.

use std::time::Duration;

use super::Cage;
use super::description::Description;
use crate::abi::{Errno, FdSet, PollFd, PollFlags, Result, Timespec};
use crate::inode::device::Device;
use crate::inode::{Inode, Object};
use crate::sync::epoch::{self, Guard};
use crate::sync::refcount::Ref;
use crate::sync::wait::{Blocked, Turn, Woken};

/// What a file without anything of its own to say is ready for (`DEFAULT_POLLMASK`).
const ALWAYS: PollFlags =
    PollFlags::IN.union(PollFlags::OUT).union(PollFlags::RDNORM).union(PollFlags::WRNORM);
/// What is told without being asked for.
const UNASKED: PollFlags = PollFlags::ERR.union(PollFlags::HUP).union(PollFlags::NVAL);
/// How often doors are asked about foreign descriptors.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// The three sets of select(2), and what puts a descriptor into each (`POLLIN_SET`, `POLLOUT_SET`, `POLLEX_SET`).
const SETS: [PollFlags; 3] = [
    PollFlags::RDNORM
        .union(PollFlags::RDBAND)
        .union(PollFlags::IN)
        .union(PollFlags::HUP)
        .union(PollFlags::ERR)
        .union(PollFlags::NVAL),
    PollFlags::WRBAND
        .union(PollFlags::WRNORM)
        .union(PollFlags::OUT)
        .union(PollFlags::ERR)
        .union(PollFlags::NVAL),
    PollFlags::PRI.union(PollFlags::NVAL),
];

/// Says what the foreign descriptor of a kind and number is ready for, of the events asked for (and `ERR`, `HUP`,
/// `NVAL`). Called with nothing locked; it must not wait.
pub type AskForeign<'a> = dyn FnMut(u64, u64, PollFlags) -> PollFlags + 'a;

/// What is known of a descriptor while a call waits for it; keeps it open.
enum Watched {
    /// A negative number.
    Unused,
    /// Not open, or only as a place (O_PATH).
    Invalid,
    /// Its readiness never changes.
    Always(PollFlags),
    Pipe(Ref<Description>, Ref<Inode>),
    Foreign(Ref<Description>),
}

/// One descriptor of a call.
struct Entry {
    watched: Watched,
    events: PollFlags,
}

impl Cage {
    /// Waits until one of the descriptors is ready, for at most `timeout` milliseconds, or without end if that is
    /// negative. Returns how many are ready.
    ///
    /// # Errors
    /// EINTR, ENOMEM; EINVAL: more entries than the cage may have descriptors.
    pub fn poll(&self, fds: &mut [PollFd], timeout: i32) -> Result<usize> {
        let timeout = u64::try_from(timeout).ok().map(Duration::from_millis);
        self.do_poll(fds, timeout, &mut |_, _, events| events & ALWAYS)
    }

    /// poll with a finer timeout, `None` being without end. The signal mask of ppoll(2) is the door's business.
    ///
    /// # Errors
    /// As [`poll`](Self::poll); EINVAL: a negative timeout.
    pub fn ppoll(&self, fds: &mut [PollFd], timeout: Option<Timespec>) -> Result<usize> {
        self.ppoll_with(fds, timeout, &mut |_, _, events| events & ALWAYS)
    }

    /// ppoll by a door with foreign descriptors, which it answers for.
    ///
    /// # Errors
    /// As [`ppoll`](Self::ppoll)
    pub fn ppoll_with(
        &self,
        fds: &mut [PollFd],
        timeout: Option<Timespec>,
        ask_foreign: &mut AskForeign<'_>,
    ) -> Result<usize> {
        self.do_poll(fds, duration(timeout)?, ask_foreign)
    }

    fn do_poll(
        &self,
        fds: &mut [PollFd],
        timeout: Option<Duration>,
        ask_foreign: &mut AskForeign<'_>,
    ) -> Result<usize> {
        if fds.len() > self.limit() {
            return Err(Errno::EINVAL);
        }
        let mut entries = Vec::new();
        entries.try_reserve_exact(fds.len()).map_err(|_| Errno::ENOMEM)?;
        let guard = epoch::pin();
        for PollFd { fd, events, .. } in fds.iter() {
            entries.push(Entry { watched: self.watch(*fd, &guard), events: *events | UNASKED });
        }
        drop(guard);
        self.wait_ready(&entries, timeout, &mut |at| {
            let entry = &entries[at];
            fds[at].revents = entry.ready(ask_foreign) & entry.events;
            usize::from(!fds[at].revents.is_empty())
        })
    }

    /// Waits until a descriptor below `nfds` that is in one of the sets is ready as its set says: for reading, for
    /// writing, or for something exceptional; `None` waits without end. Leaves in the sets what is ready, and returns
    /// how many bits that are. After an error they are as they were.
    ///
    /// # Errors
    /// EBADF: a descriptor in a set is not open. EINVAL: `nfds` or the timeout is negative. EINTR, ENOMEM
    pub fn select(
        &self,
        nfds: i32,
        sets: [Option<FdSet<'_>>; 3],
        timeout: Option<Timespec>,
    ) -> Result<usize> {
        self.select_with(nfds, sets, timeout, &mut |_, _, events| events & ALWAYS)
    }

    /// select by a door with foreign descriptors, which it answers for.
    ///
    /// # Errors
    /// As [`select`](Self::select)
    pub fn select_with(
        &self,
        nfds: i32,
        mut sets: [Option<FdSet<'_>>; 3],
        timeout: Option<Timespec>,
        ask_foreign: &mut AskForeign<'_>,
    ) -> Result<usize> {
        let timeout = duration(timeout)?;
        let nfds = usize::try_from(nfds).map_err(|_| Errno::EINVAL)?.min(self.limit());
        let (mut fds, mut entries, mut ready) = (Vec::new(), Vec::new(), Vec::new());
        let guard = epoch::pin();
        for fd in 0..nfds as i32 {
            let asked = sets.each_ref().map(|set| set.as_ref().is_some_and(|set| set.contains(fd)));
            if asked == [false; 3] {
                continue;
            }
            self.table.get(fd, &guard)?;
            entries.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
            fds.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
            let events = SETS.iter().zip(asked).filter(|(_, asked)| *asked);
            let events = events.fold(PollFlags::empty(), |all, (set, _)| all | *set);
            entries.push(Entry { watched: self.watch(fd, &guard), events });
            fds.push((fd, asked));
        }
        drop(guard);
        ready.try_reserve_exact(fds.len()).map_err(|_| Errno::ENOMEM)?;
        ready.resize(fds.len(), [false; 3]);
        let count = self.wait_ready(&entries, timeout, &mut |at| {
            let flags = entries[at].ready(ask_foreign);
            ready[at] = std::array::from_fn(|set| fds[at].1[set] && flags.intersects(SETS[set]));
            ready[at].iter().filter(|ready| **ready).count()
        })?;
        for ((fd, asked), ready) in fds.iter().zip(&ready) {
            for (set, _) in
                sets.iter_mut().zip(asked.iter().zip(ready)).filter(|(_, (asked, ready))| **asked && !**ready)
            {
                if let Some(set) = set {
                    set.remove(*fd);
                }
            }
        }
        Ok(count)
    }

    /// Looks at all entries, and waits and looks again until `look` finds something (`do_poll`, `do_select`).
    fn wait_ready(
        &self,
        entries: &[Entry],
        timeout: Option<Duration>,
        look: &mut dyn FnMut(usize) -> usize,
    ) -> Result<usize> {
        let mut look_at_all = || (0..entries.len()).map(&mut *look).sum::<usize>();
        let count = look_at_all();
        if count > 0 || timeout == Some(Duration::ZERO) {
            return Ok(count);
        }
        let mut blocked = Blocked::start(&self.interrupts, timeout)?;
        let any_foreign = entries.iter().any(|entry| matches!(entry.watched, Watched::Foreign(_)));
        let most = any_foreign.then_some(ASK_AGAIN);
        let mut time_is_over = false;
        loop {
            let mut places = Vec::new();
            for queue in entries.iter().filter_map(Entry::queues).flatten() {
                places.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
                places.push(blocked.stand(queue, Turn::All)?);
            }
            let count = look_at_all();
            if count > 0 || time_is_over {
                return Ok(count);
            }
            time_is_over = blocked.nap(most)? == Some(Woken::TimedOut);
        }
    }

    /// Takes hold of what has to be asked again.
    fn watch(&self, fd: i32, guard: &Guard) -> Watched {
        if fd < 0 {
            return Watched::Unused;
        }
        let Ok(description) = self.table.get(fd, guard) else { return Watched::Invalid };
        if description.foreign().is_some() {
            return description.upgrade().map_or(Watched::Invalid, Watched::Foreign);
        }
        let Ok(inode) = description.opened(guard) else { return Watched::Invalid };
        match &inode.object {
            Object::Pipe(_) => match (description.upgrade(), inode.upgrade()) {
                (Some(description), Some(inode)) => Watched::Pipe(description, inode),
                _ => Watched::Invalid,
            },
            Object::Device(dev) => {
                Watched::Always(Device::open(inode.file_type(), *dev).map_or(ALWAYS, Device::poll))
            }
            _ => Watched::Always(ALWAYS),
        }
    }
}

impl Entry {
    /// What it is ready for now.
    fn ready(&self, ask_foreign: &mut AskForeign<'_>) -> PollFlags {
        match &self.watched {
            Watched::Unused => PollFlags::empty(),
            Watched::Invalid => PollFlags::NVAL,
            Watched::Always(ready) => *ready,
            Watched::Pipe(description, inode) => match (&inode.object, description.end()) {
                (Object::Pipe(pipe), Some(end)) => pipe.poll(end),
                _ => PollFlags::NVAL,
            },
            Watched::Foreign(description) => description
                .foreign()
                .map_or(PollFlags::NVAL, |foreign| ask_foreign(foreign.kind, foreign.number, self.events)),
        }
    }

    fn queues(&self) -> Option<impl Iterator<Item = &crate::sync::wait::WaitQueue>> {
        match &self.watched {
            Watched::Pipe(description, inode) => match (&inode.object, description.end()) {
                (Object::Pipe(pipe), Some(end)) => Some(pipe.queues(end)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A timeout of ppoll(2) or select(2).
///
/// # Errors
/// EINVAL: negative.
fn duration(timeout: Option<Timespec>) -> Result<Option<Duration>> {
    let Some(Timespec { sec, nsec }) = timeout else { return Ok(None) };
    if nsec >= 1_000_000_000 {
        return Err(Errno::EINVAL);
    }
    let sec = u64::try_from(sec).map_err(|_| Errno::EINVAL)?;
    Ok(Some(Duration::new(sec, nsec)))
}
