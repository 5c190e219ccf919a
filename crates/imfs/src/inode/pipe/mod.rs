//! Pipes and FIFOs (pipe(7)), after `fs/pipe.c`.
//!
//! Responsible for the bytes, the two kinds of ends, and the waiting for each other; the inode that a pipe belongs to
//! keeps its time stamps. Knows no descriptors: the cage layer opens an [`End`] for an open file description, hands in
//! its flags with each call, and closes it. What blocks waits with the [`Interrupts`] of the calling cage.

mod limits;
mod ring;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::abi::{Errno, OFlags, PAGE_SIZE, PollFlags, Result};
use crate::data::{Sink, Source};
use crate::sync::lock::{Mutex, rank};
use crate::sync::wait::{Blocked, Interrupts, WaitQueue};
pub use limits::PipeLimits;
use ring::{Fill, Put, Ring};

/// `PIPE_DEF_BUFFERS`: 64 KiB.
const DEFAULT_SLOTS: usize = 16;
/// `PIPE_MIN_DEF_BUFFERS`: what a pipe gets above the soft limit.
const MIN_SLOTS: usize = 2;

/// A pipe, or what a FIFO is while somebody has it open (`struct pipe_inode_info`).
#[derive(Debug)]
pub struct Pipe {
    state: Mutex<State, { rank::PIPE }>,
    /// Those who wait for bytes, or for the last writer to go.
    readable: WaitQueue,
    /// Those who wait for room, or for the last reader to go.
    writable: WaitQueue,
    /// Those whose open waits for the other side.
    partners: WaitQueue,
    limits: Arc<PipeLimits>,
    /// It is a FIFO: opening it waits for the other side. Immutable.
    named: bool,
}

#[derive(Debug)]
struct State {
    ring: Ring,
    readers: u32,
    writers: u32,
    /// How often it was opened for reading, and for writing, so that an opener notices a partner that has come and
    /// gone (`r_counter`, `w_counter`).
    read_opens: u32,
    write_opens: u32,
}

/// One open end, kept by the open file description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    read: bool,
    write: bool,
    /// The count of writers that a non-blocking reader found when there was none: until another comes, poll(2) tells
    /// it nothing of a hang-up (`f_pipe`).
    seen_writers: u32,
}

impl End {
    /// Whether it was opened for reading.
    pub fn reads(&self) -> bool {
        self.read
    }

    /// Whether it was opened for writing.
    pub fn writes(&self) -> bool {
        self.write
    }
}

impl Pipe {
    fn new(limits: Arc<PipeLimits>, named: bool) -> Self {
        Self {
            state: Mutex::new(State {
                ring: Ring::new(),
                readers: 0,
                writers: 0,
                read_opens: 1,
                write_opens: 1,
            }),
            readable: WaitQueue::new(),
            writable: WaitQueue::new(),
            partners: WaitQueue::new(),
            limits,
            named,
        }
    }

    /// The pipe of a FIFO that nobody has open yet; it takes no space for bytes.
    pub fn fifo(limits: Arc<PipeLimits>) -> Self {
        Self::new(limits, true)
    }

    /// A pipe with its reading and its writing end, for pipe(2). `privileged`: the caller is above the limits
    /// (`CAP_SYS_RESOURCE` or `CAP_SYS_ADMIN`).
    ///
    /// # Errors
    /// `ENFILE`: above the hard limit, or no memory.
    pub fn pair(limits: Arc<PipeLimits>, privileged: bool) -> Result<(Self, [End; 2])> {
        let mut pipe = Self::new(limits, false);
        let state = pipe.state.get_mut();
        state.start(&pipe.limits, privileged).map_err(|_| Errno::ENFILE)?;
        (state.readers, state.writers) = (1, 1);
        let end = |read| End { read, write: !read, seen_writers: 0 };
        Ok((pipe, [end(true), end(false)]))
    }

    /// Whether it is a FIFO, which has a name.
    pub fn is_fifo(&self) -> bool {
        self.named
    }

    /// Opens it as `fifo_open`: for reading it waits for a writer, for writing for a reader, unless `O_NONBLOCK`;
    /// for both it never waits. The end of a nameless pipe that is opened again (by /proc/self/fd) never waits.
    ///
    /// # Errors
    /// `ENXIO`: `O_WRONLY` and `O_NONBLOCK`, and nobody reads. `EINTR`. `EINVAL`: neither reading nor writing.
    /// `ENOMEM`: also above the hard limit.
    pub fn open(&self, flags: OFlags, privileged: bool, interrupts: &Interrupts) -> Result<End> {
        let mut end = End { read: flags.readable(), write: flags.writable(), seen_writers: 0 };
        let nonblock = flags.contains(OFlags::NONBLOCK);
        let (first, wait_for) = {
            let mut state = self.state.lock();
            let alone = self.named && end.read != end.write && state.partners(end) == 0;
            match (end.read, end.write) {
                (false, false) => return Err(Errno::EINVAL),
                (false, true) if nonblock && alone => return Err(Errno::ENXIO),
                _ => {}
            }
            if state.readers == 0 && state.writers == 0 {
                state.start(&self.limits, privileged)?;
            }
            let first = state.enter(end);
            let seen = state.partner_opens(end);
            if alone && nonblock {
                end.seen_writers = seen;
            }
            (first, (alone && !nonblock).then_some(seen))
        };
        if first {
            self.partners.wake_all();
        }
        if let Some(seen) = wait_for {
            self.wait_for_partner(end, seen, interrupts).inspect_err(|_| self.close(&end))?;
        }
        Ok(end)
    }

    #[cold]
    fn wait_for_partner(&self, end: End, seen: u32, interrupts: &Interrupts) -> Result<()> {
        let mut blocked = Blocked::start(interrupts, None)?;
        blocked.wait_until(&self.partners, || (self.state.lock().partner_opens(end) != seen).then_some(()))
    }

    /// Closes an end, once (`pipe_release`). The last one takes the bytes with it.
    pub fn close(&self, end: &End) {
        let mut state = self.state.lock();
        state.readers -= u32::from(end.read);
        state.writers -= u32::from(end.write);
        if state.readers == 0 && state.writers == 0 {
            let ring = std::mem::take(&mut state.ring);
            self.limits.change(ring.slots(), 0);
            drop(state);
            return;
        }
        let one_sided = state.readers == 0 || state.writers == 0;
        drop(state);
        if one_sided {
            self.readable.wake_all();
            self.writable.wake_all();
        }
    }

    /// Reads as `pipe_read`: waits until there is something, unless `flags` has `O_NONBLOCK`; 0 if nobody writes any
    /// more.
    ///
    /// # Errors
    /// `EAGAIN`, `EINTR`, `EFAULT`, `ENOMEM`.
    pub fn read(
        &self,
        sink: &mut (impl Sink + ?Sized),
        flags: OFlags,
        interrupts: &Interrupts,
    ) -> Result<usize> {
        if sink.is_empty() {
            return Ok(0);
        }
        if let Some(result) = self.try_read(sink, false) {
            return result;
        }
        if flags.contains(OFlags::NONBLOCK) {
            return Err(Errno::EAGAIN);
        }
        self.wait_and_read(sink, interrupts)
    }

    #[cold]
    fn wait_and_read(&self, sink: &mut (impl Sink + ?Sized), interrupts: &Interrupts) -> Result<usize> {
        Blocked::start(interrupts, None)?.wait_until(&self.readable, || self.try_read(sink, true))?
    }

    /// `None` if it has to wait. A caller that `waited` may have been woken instead of others, and wakes the next of
    /// them if it leaves something.
    fn try_read(&self, sink: &mut (impl Sink + ?Sized), waited: bool) -> Option<Result<usize>> {
        let mut room = false;
        let mut state = self.state.lock();
        let result = state.ring.read(sink, &mut room);
        if result == Ok(0) && state.writers != 0 {
            return None;
        }
        let more = !state.ring.is_empty();
        drop(state);
        if room {
            self.writable.wake_one();
        }
        if waited && more {
            self.readable.wake_one();
        }
        Some(result)
    }

    /// Writes as `pipe_write`: waits until all is written, unless `flags` has `O_NONBLOCK`; up to `PIPE_BUF` bytes are
    /// written in one piece or not at all. With `O_DIRECT` in `flags` it writes packets.
    ///
    /// # Errors
    /// `EPIPE`: nobody reads; the door raises `SIGPIPE`. `EAGAIN`, `EINTR`, `EFAULT`, `ENOMEM`. None of them if part
    /// was written, whose length is returned.
    pub fn write(
        &self,
        source: &mut (impl Source + ?Sized),
        flags: OFlags,
        interrupts: &Interrupts,
    ) -> Result<usize> {
        if source.is_empty() {
            return Ok(0);
        }
        let fill = if flags.contains(OFlags::DIRECT) { Fill::Packet } else { Fill::Stream };
        let mut done = 0;
        let result = match self.try_write(source, fill, &mut done, false) {
            Some(result) => result,
            None if flags.contains(OFlags::NONBLOCK) => Err(Errno::EAGAIN),
            None => self.wait_and_write(source, fill, &mut done, interrupts),
        };
        if done == 0 { result.map(|()| 0) } else { Ok(done) }
    }

    #[cold]
    fn wait_and_write(
        &self,
        source: &mut (impl Source + ?Sized),
        fill: Fill,
        done: &mut usize,
        interrupts: &Interrupts,
    ) -> Result<()> {
        let mut blocked = Blocked::start(interrupts, None)?;
        blocked.wait_until(&self.writable, || self.try_write(source, fill, done, true))?
    }

    /// `None` if it has to wait for the rest; `waited` as in [`try_read`](Self::try_read).
    fn try_write(
        &self,
        source: &mut (impl Source + ?Sized),
        fill: Fill,
        done: &mut usize,
        waited: bool,
    ) -> Option<Result<()>> {
        let mut state = self.state.lock();
        let was_empty = state.ring.is_empty();
        let result = state.write(source, fill, done, waited);
        let (full, filled) = (state.ring.is_full(), was_empty && !state.ring.is_empty());
        drop(state);
        if filled {
            self.readable.wake_one();
        }
        if waited && !full {
            self.writable.wake_one();
        }
        result
    }

    /// Puts a piece of a file, of up to a page, into a slot of its own (`add_to_pipe`). False if there is none.
    ///
    /// # Errors
    /// `EPIPE`: nobody reads. `ENOMEM`.
    pub fn put_piece(&self, mut piece: &[u8]) -> Result<bool> {
        let mut state = self.state.lock();
        if state.readers == 0 {
            return Err(Errno::EPIPE);
        }
        let was_empty = state.ring.is_empty();
        let put = state.ring.write(&mut piece, Fill::Piece, &mut 0);
        drop(state);
        if was_empty && put == Put::All {
            self.readable.wake_one();
        }
        match put {
            Put::Failed(errno) => Err(errno),
            put => Ok(put == Put::All),
        }
    }

    /// Waits until a slot is free, unless `flags` has `O_NONBLOCK`, and tells how many are (`wait_for_space` of
    /// `fs/splice.c`). Another writer may be faster to use them.
    ///
    /// # Errors
    /// `EPIPE`: nobody reads. `EAGAIN`, `EINTR`, `ENOMEM`.
    pub fn wait_for_room(&self, flags: OFlags, interrupts: &Interrupts) -> Result<usize> {
        if let Some(result) = self.room() {
            return result;
        }
        if flags.contains(OFlags::NONBLOCK) {
            return Err(Errno::EAGAIN);
        }
        let room = Blocked::start(interrupts, None)?.wait_until(&self.writable, || self.room())?;
        // It may have been woken in place of others, and is not bound to use all of the room.
        self.writable.wake_one();
        room
    }

    fn room(&self) -> Option<Result<usize>> {
        let state = self.state.lock();
        if state.readers == 0 {
            return Some(Err(Errno::EPIPE));
        }
        (!state.ring.is_full()).then(|| Ok(state.ring.free()))
    }

    /// What poll(2) tells of an end (`pipe_poll`). A caller that means to wait stands in the [`queues`](Self::queues)
    /// first.
    pub fn poll(&self, end: &End) -> PollFlags {
        let state = self.state.lock();
        let mut ready = PollFlags::empty();
        if end.read {
            ready.set(PollFlags::IN | PollFlags::RDNORM, !state.ring.is_empty());
            ready.set(PollFlags::HUP, state.writers == 0 && end.seen_writers != state.write_opens);
        }
        if end.write {
            ready.set(PollFlags::OUT | PollFlags::WRNORM, !state.ring.is_full());
            ready.set(PollFlags::ERR, state.readers == 0);
        }
        ready
    }

    /// The queues that are woken when [`poll`](Self::poll) may give something new for this end.
    pub fn queues(&self, end: &End) -> impl Iterator<Item = &WaitQueue> {
        let queues = [(end.read, &self.readable), (end.write, &self.writable)];
        queues.into_iter().filter_map(|(wanted, queue)| wanted.then_some(queue))
    }

    /// How many bytes can be read: ioctl(2) `FIONREAD`.
    pub fn readable_bytes(&self) -> usize {
        self.state.lock().ring.bytes()
    }

    /// How many bytes fit in: `F_GETPIPE_SZ` of fcntl(2).
    pub fn capacity(&self) -> usize {
        self.state.lock().ring.slots() * PAGE_SIZE
    }

    /// Changes how many bytes fit in, rounded up to pages and a power of two: `F_SETPIPE_SZ` of fcntl(2). Returns the
    /// new capacity.
    ///
    /// # Errors
    /// `EINVAL`: more than 2 GiB. `EBUSY`: more slots are in use. `EPERM`: beyond the limits, and not `privileged`.
    /// `ENOMEM`.
    pub fn set_capacity(&self, size: u32, any_size: bool, privileged: bool) -> Result<usize> {
        if size > 1 << 31 {
            return Err(Errno::EINVAL);
        }
        let slots = (size as usize).max(PAGE_SIZE).next_power_of_two() / PAGE_SIZE;
        let mut state = self.state.lock();
        let old = state.ring.slots();
        self.limits.resize(old, slots, any_size, privileged)?;
        if let Err(errno) = state.ring.resize(slots) {
            self.limits.change(slots, old);
            return Err(errno);
        }
        drop(state);
        self.writable.wake_one();
        Ok(slots * PAGE_SIZE)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let slots = self.state.get_mut().ring.slots();
        self.limits.change(slots, 0);
    }
}

impl State {
    /// Makes room for bytes, when the first end is opened.
    fn start(&mut self, limits: &PipeLimits, privileged: bool) -> Result<()> {
        let slots = limits.start(privileged)?;
        self.ring.resize(slots).inspect_err(|_| {
            limits.change(slots, 0);
        })
    }

    /// Counts a new end. Whether it is the first of a side.
    fn enter(&mut self, end: End) -> bool {
        let (read, write) = (u32::from(end.read), u32::from(end.write));
        let first = end.read && self.readers == 0 || end.write && self.writers == 0;
        self.readers += read;
        self.writers += write;
        self.read_opens = self.read_opens.wrapping_add(read);
        self.write_opens = self.write_opens.wrapping_add(write);
        first
    }

    /// How many ends the other side has.
    fn partners(&self, end: End) -> u32 {
        if end.read { self.writers } else { self.readers }
    }

    /// How often the other side was opened.
    fn partner_opens(&self, end: End) -> u32 {
        if end.read { self.write_opens } else { self.read_opens }
    }

    /// One round of `pipe_write` under the lock. Only the first round of a write adds to the last slot.
    fn write(
        &mut self,
        source: &mut (impl Source + ?Sized),
        fill: Fill,
        done: &mut usize,
        waited: bool,
    ) -> Option<Result<()>> {
        if self.readers == 0 {
            return Some(Err(Errno::EPIPE));
        }
        if !waited {
            match self.ring.merge(source) {
                Ok(merged) => *done += merged,
                Err(errno) => return Some(Err(errno)),
            }
        }
        match self.ring.write(source, fill, done) {
            Put::All => Some(Ok(())),
            Put::Full => None,
            Put::Failed(errno) => Some(Err(errno)),
        }
    }
}
