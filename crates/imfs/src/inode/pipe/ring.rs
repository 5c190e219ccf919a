//! The bytes in a pipe: a ring of slots with a page each, as in the kernel.
//!
//! What fits where shows: how much a full pipe holds depends on how the writes fell into pages. So the rules of
//! `pipe_read` and `pipe_write` are kept to the slot. Knows nothing of callers that wait.

use std::collections::VecDeque;

use crate::abi::{Errno, PAGE_SIZE, Result};
use crate::data::{Sink, Source};

type Page = Box<[u8; PAGE_SIZE]>;

/// As many pages are kept for the next write as a pipe of the usual size has slots.
const SPARES: usize = super::DEFAULT_SLOTS;

#[derive(Debug)]
struct Slot {
    page: Page,
    start: u16,
    len: u16,
    fill: Fill,
}

/// How a slot came to its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fill {
    /// By write(2): a later one may add to it (`PIPE_BUF_FLAG_CAN_MERGE`).
    Stream,
    /// By write(2) with `O_DIRECT`: a read takes it alone, and drops what it does not take (`PIPE_BUF_FLAG_PACKET`).
    Packet,
    /// By sendfile(2): in the kernel it is the file's own page, and nothing is added to it.
    Piece,
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// All is in.
    All,
    /// The ring is full, and there is more.
    Full,
    /// The source faulted, or there was no page.
    Failed(Errno),
}

#[derive(Debug, Default)]
pub(super) struct Ring {
    used: VecDeque<Slot>,
    /// How many slots can be used; the space for them is reserved.
    slots: usize,
    bytes: usize,
    spares: Vec<Page>,
}

impl Ring {
    pub(super) const fn new() -> Self {
        Self { used: VecDeque::new(), slots: 0, bytes: 0, spares: Vec::new() }
    }

    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.used.len() >= self.slots
    }

    pub(super) fn free(&self) -> usize {
        self.slots.saturating_sub(self.used.len())
    }

    /// `pipe_resize_ring`.
    ///
    /// # Errors
    /// `EBUSY`: more slots are in use. `ENOMEM`.
    pub(super) fn resize(&mut self, slots: usize) -> Result<()> {
        if slots < self.used.len() {
            return Err(Errno::EBUSY);
        }
        if slots > self.slots {
            self.used.try_reserve_exact(slots - self.used.len()).map_err(|_| Errno::ENOMEM)?;
        }
        self.slots = slots;
        self.used.shrink_to(slots);
        Ok(())
    }

    /// The reading loop of `pipe_read`: moves what is there, and no more than one packet, to `sink`. Whether a full
    /// ring got room is noted in `room`.
    ///
    /// # Errors
    /// `EFAULT`: the sink took no slot whole.
    pub(super) fn read(&mut self, sink: &mut (impl Sink + ?Sized), room: &mut bool) -> Result<usize> {
        let mut done = 0;
        while let Some(slot) = self.used.front_mut() {
            let n = usize::from(slot.len).min(sink.len());
            if n == 0 {
                break;
            }
            let start = usize::from(slot.start);
            if sink.put(&slot.page[start..start + n]) < n {
                return if done == 0 { Err(Errno::EFAULT) } else { Ok(done) };
            }
            done += n;
            let packet = slot.fill == Fill::Packet;
            // What a packet has more is dropped.
            let gone = if packet { usize::from(slot.len) } else { n };
            self.bytes -= gone;
            slot.start += gone as u16;
            slot.len -= gone as u16;
            if slot.len == 0 {
                *room |= self.is_full();
                self.drop_front();
            }
            if packet {
                break;
            }
        }
        Ok(done)
    }

    fn drop_front(&mut self) {
        let Some(slot) = self.used.pop_front() else { return };
        if self.spares.len() < SPARES && self.spares.try_reserve(1).is_ok() {
            self.spares.push(slot.page);
        }
    }

    /// Adds the part of a write that is no whole page to the last slot if it fits there: so small writes share a page
    /// and large ones are aligned. Returns how much that was.
    ///
    /// # Errors
    /// `EFAULT`.
    pub(super) fn merge(&mut self, source: &mut (impl Source + ?Sized)) -> Result<usize> {
        let n = source.len() % PAGE_SIZE;
        let Some(slot) = self.used.back_mut() else { return Ok(0) };
        let end = usize::from(slot.start + slot.len);
        if n == 0 || slot.fill != Fill::Stream || end + n > PAGE_SIZE {
            return Ok(0);
        }
        if source.take(&mut slot.page[end..end + n]) < n {
            return Err(Errno::EFAULT);
        }
        slot.len += n as u16;
        self.bytes += n;
        Ok(n)
    }

    /// The writing loop of `pipe_write`: moves pages from `source` while there are slots, and counts them in `done`.
    pub(super) fn write(&mut self, source: &mut (impl Source + ?Sized), fill: Fill, done: &mut usize) -> Put {
        loop {
            let n = source.len().min(PAGE_SIZE);
            if n == 0 {
                return Put::All;
            }
            if self.is_full() {
                return Put::Full;
            }
            let Some(mut page) = self.spares.pop().or_else(new_page) else {
                return Put::Failed(Errno::ENOMEM);
            };
            if source.take(&mut page[..n]) < n {
                return Put::Failed(Errno::EFAULT);
            }
            self.used.push_back(Slot { page, start: 0, len: n as u16, fill });
            self.bytes += n;
            *done += n;
        }
    }
}

fn new_page() -> Option<Page> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(PAGE_SIZE).ok()?;
    bytes.resize(PAGE_SIZE, 0);
    bytes.into_boxed_slice().try_into().ok()
}
