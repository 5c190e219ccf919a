//! Queues of waiters, in the order of their arrival.

use crate::sync::primitives::atomic::{AtomicUsize, Ordering};
use std::collections::VecDeque;

use super::Waiter;
use crate::abi::{Errno, Result};
use crate::sync::lock::{Mutex, rank};
use crate::sync::refcount::Ref;

/// How a waiter wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// One at a time: it takes what it waits for, so others would wake in vain (`WQ_FLAG_EXCLUSIVE` of Linux).
    One,
    /// With all others: it only looks, as poll(2) does.
    All,
}

/// Waiters in the order of their arrival; any of them can leave. All steps take logarithmic time, amortised.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Tickets ascend. A waiter that left amid the others leaves a gap.
    pub(super) places: VecDeque<(u64, Option<Ref<Waiter>>)>,
    next_ticket: u64,
    gaps: usize,
}

impl Line {
    pub(super) const fn new() -> Self {
        Self { places: VecDeque::new(), next_ticket: 0, gaps: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.gaps
    }

    pub(super) fn join(&mut self, waiter: Ref<Waiter>) -> Result<u64> {
        self.places.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.places.push_back((ticket, Some(waiter)));
        Ok(ticket)
    }

    /// Whether the ticket was still in the line.
    pub(super) fn leave(&mut self, ticket: u64) -> bool {
        let Ok(at) = self.places.binary_search_by_key(&ticket, |place| place.0) else { return false };
        if self.places[at].1.take().is_none() {
            return false;
        }
        self.gaps += 1;
        if self.gaps > self.places.len() / 2 {
            self.places.retain(|place| place.1.is_some());
            self.gaps = 0;
        }
        if self.places.is_empty() {
            self.places = VecDeque::new();
        }
        true
    }

    /// Takes out who has waited longest.
    fn pop(&mut self) -> Option<Ref<Waiter>> {
        while let Some((_, waiter)) = self.places.pop_front() {
            if waiter.is_some() {
                return waiter;
            }
            self.gaps -= 1;
        }
        None
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Ref<Waiter>> {
        self.places.iter().filter_map(|place| place.1.as_ref())
    }
}

/// The waiters of one condition of an object, for instance of "there is something to read".
#[derive(Debug, Default)]
pub struct WaitQueue {
    pub(super) lines: Mutex<Lines, { rank::WAIT }>,
    /// How many wait. Written under the lock; read without it by those who wake, so that waking nobody is cheap.
    pub(super) waiting: AtomicUsize,
}

#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) one: Line,
    all: Line,
}

impl Lines {
    fn line(&mut self, turn: Turn) -> &mut Line {
        match turn {
            Turn::One => &mut self.one,
            Turn::All => &mut self.all,
        }
    }
}

impl WaitQueue {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { lines: Mutex::new(Lines { one: Line::new(), all: Line::new() }), waiting: AtomicUsize::new(0) }
    }

    /// Whether somebody waits. May be out of date unless the caller holds the lock of the condition.
    #[inline]
    pub fn has_waiters(&self) -> bool {
        // Who stands here and has seen the condition under its lock before us, is counted: the lock orders the count
        // before this load. Who looks after us sees our change.
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// Wakes who has waited longest for its turn, and all that only look. The caller has changed the condition before.
    #[inline]
    pub fn wake_one(&self) {
        if self.has_waiters() {
            self.wake_waiters(false);
        }
    }

    /// Wakes everybody. The caller has changed the condition before.
    #[inline]
    pub fn wake_all(&self) {
        if self.has_waiters() {
            self.wake_waiters(true);
        }
    }

    #[cold]
    fn wake_waiters(&self, everybody: bool) {
        let mut lines = self.lines.lock();
        while let Some(waiter) = lines.all.pop() {
            waiter.call();
        }
        while let Some(waiter) = lines.one.pop() {
            if waiter.call() && !everybody {
                break;
            }
        }
        self.count(&lines);
    }

    pub(super) fn join(&self, waiter: &Ref<Waiter>, turn: Turn) -> Result<Place<'_>> {
        let mut lines = self.lines.lock();
        let ticket = lines.line(turn).join(waiter.clone())?;
        self.count(&lines);
        Ok(Place { queue: self, waiter: waiter.clone(), turn, ticket })
    }

    fn count(&self, lines: &Lines) {
        self.waiting.store(lines.one.len() + lines.all.len(), Ordering::Relaxed);
    }
}

/// A waiter's place in a queue, until it is dropped.
#[derive(Debug)]
pub struct Place<'q> {
    queue: &'q WaitQueue,
    waiter: Ref<Waiter>,
    turn: Turn,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let still_there = {
            let mut lines = self.queue.lines.lock();
            let still_there = lines.line(self.turn).leave(self.ticket);
            self.queue.count(&lines);
            still_there
        };
        // It was picked, but has not slept to notice: the wake-up may have been meant for what another waits for.
        if !still_there && self.turn == Turn::One && self.waiter.is_called() {
            self.queue.wake_one();
        }
    }
}
