//! How a call blocks: it stands in the [`WaitQueue`] of an object, looks once more at what it waits for, and sleeps
//! until somebody wakes the queue, its cage is interrupted or exits, or its time is over.
//!
//! No wake-up is lost, by these rules:
//! - Who waits stands in the queue before it looks again, and looks under the lock under which the condition changes.
//! - Who changes the condition wakes the queue after it has changed it under that lock (best: after unlocking).
//! - A wake-up of one goes to a waiter that is really woken by it: one that was interrupted, or that another queue woke
//!   first, is passed over; and one that was picked but left without sleeping passes it on.
//!
//! A caller that waits holds no lock and no epoch guard. This module knows nothing of files; pipes, locks and poll(2)
//! use it. It works where there is no clock: time limits are lengths, never points in time.

mod queue;
#[cfg(test)]
mod tests;

use crate::sync::primitives::atomic::{AtomicUsize, Ordering};
use crate::sync::primitives::{Condvar, Mutex as StdMutex, MutexGuard as StdGuard, PoisonError};
use std::time::Duration;

use super::lock::{Mutex, rank};
use super::refcount::{Evict, Ref};
use crate::abi::{Errno, Result};
use crate::platform::stopwatch::Stopwatch;
use queue::Line;
pub use queue::{Place, Turn, WaitQueue};

/// Where the host has no clock, a sleep is cut into pieces of this length, and only whole pieces are counted.
const GRAIN: Duration = Duration::from_millis(10);

/// Why a sleep ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// A queue woke it: the condition may hold now.
    Called,
    /// The time that [`Blocked::start`] was given is over.
    TimedOut,
}

/// What a waiter was told and has not yet noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    /// Nothing: a queue can wake it.
    None,
    /// A queue woke it.
    Called,
    /// It went by itself, so a queue is to wake another.
    Left,
}

#[derive(Debug)]
struct State {
    signal: Signal,
    /// Stays once set: an interruption that comes between two sleeps of one call ends the next one.
    interrupted: bool,
}

/// One blocked call, as queues and its cage see it.
#[derive(Debug)]
struct Waiter {
    /// Taken under the lock of a queue or of an [`Interrupts`]; nothing is taken under it.
    state: StdMutex<State>,
    wake: Condvar,
}

impl Evict for Waiter {}

impl Waiter {
    fn lock(&self) -> StdGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes it, unless it is awake already.
    fn call(&self) -> bool {
        let mut state = self.lock();
        if state.interrupted || state.signal != Signal::None {
            return false;
        }
        state.signal = Signal::Called;
        self.wake.notify_one();
        true
    }

    fn interrupt(&self) {
        self.lock().interrupted = true;
        self.wake.notify_one();
    }

    /// Makes it ready to be woken, when it goes to stand in a queue.
    fn arm(&self) {
        let mut state = self.lock();
        if state.signal == Signal::Left {
            state.signal = Signal::None;
        }
    }

    /// Whether a queue woke it and it has not slept since.
    fn is_called(&self) -> bool {
        self.lock().signal == Signal::Called
    }

    /// Sleeps until it is told something, for at most `limit`. `Ok(None)` if neither happened (the host may wake a
    /// sleeper for no reason) or if the limit is over.
    fn doze(&self, limit: Option<Duration>) -> Result<Option<Woken>> {
        let mut state = self.lock();
        for last in [false, true] {
            if state.signal == Signal::Called {
                state.signal = Signal::None;
                return Ok(Some(Woken::Called));
            }
            if state.interrupted {
                return Err(Errno::EINTR);
            }
            if last {
                break;
            }
            state = match limit {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(limit) => self.wake.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        Ok(None)
    }

    /// Takes itself out of the reach of queues, unless one was quicker.
    fn give_up(&self) -> bool {
        let mut state = self.lock();
        if state.signal == Signal::Called {
            state.signal = Signal::None;
            return false;
        }
        state.signal = Signal::Left;
        true
    }
}

/// The blocked calls of many cages, counted together: for a door whose workers are few, and would all stand blocked
/// while the call that could wake them finds none. Some may wait for as long as it takes; who comes when there is no
/// more room waits for a short while only, and then fails with `EINTR`. Calls that block elsewhere than here are counted
/// too if they [`enter`](Crowd::enter).
#[derive(Debug)]
pub struct Crowd {
    waiting: AtomicUsize,
    room: usize,
    patience: Duration,
}

impl Crowd {
    /// Nobody, with room for `room` waiting calls; others wait for `patience`.
    pub const fn new(room: usize, patience: Duration) -> Self {
        Self { waiting: AtomicUsize::new(0), room, patience }
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Comes in, until the [`Stay`] is dropped.
    pub fn enter(&'static self) -> Stay {
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        Stay { crowd: self, patience: (before >= self.room).then_some(self.patience) }
    }
}

/// A call that counts in a [`Crowd`].
#[derive(Debug)]
pub struct Stay {
    crowd: &'static Crowd,
    patience: Option<Duration>,
}

impl Stay {
    /// How long it may wait; `None`: there is room to stay.
    pub fn patience(&self) -> Option<Duration> {
        self.patience
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.crowd.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The blocked calls of one cage (or of one request of a door that can interrupt single requests), to wake them all.
#[derive(Debug, Default)]
pub struct Interrupts(Mutex<Registry, { rank::WAIT }>);

#[derive(Debug, Default)]
struct Registry {
    blocked: Line,
    /// The cage is gone: nothing blocks any more.
    exited: bool,
    longest: Option<(Duration, Errno)>,
    crowd: Option<&'static Crowd>,
}

impl Interrupts {
    /// With nobody blocked, and no longest wait.
    pub const fn new() -> Self {
        Self(Mutex::new(Registry { blocked: Line::new(), exited: false, longest: None, crowd: None }))
    }

    /// Ends every call that blocks now with `EINTR`, as a signal with a handler does (signal(7)). Gives their number.
    pub fn interrupt(&self) -> usize {
        let registry = self.0.lock();
        registry.blocked.iter().map(|waiter| waiter.interrupt()).count()
    }

    /// Ends every call that blocks now or would block later with `EINTR`: the cage exits.
    pub fn exit(&self) {
        self.0.lock().exited = true;
        self.interrupt();
    }

    /// How many calls are blocked.
    pub fn blocked(&self) -> usize {
        self.0.lock().blocked.len()
    }

    /// Lets no call block for longer than this in all: it then fails with the given error, for instance
    /// [`Errno::ERESTART`]. For a door whose workers are few, and would all stand blocked while the call that could
    /// wake them finds none.
    pub fn set_longest_wait(&self, longest: Option<(Duration, Errno)>) {
        self.0.lock().longest = longest;
    }

    /// Counts what blocks here from now on among others.
    pub fn set_crowd(&self, crowd: Option<&'static Crowd>) {
        self.0.lock().crowd = crowd;
    }
}

/// A call that has to wait, from its first to its last sleep.
#[derive(Debug)]
pub struct Blocked<'c> {
    interrupts: &'c Interrupts,
    waiter: Ref<Waiter>,
    ticket: u64,
    /// What is left of the caller's own time.
    left: Option<Duration>,
    /// What is left of the longest wait of the door, and the error when it is over.
    longest: Option<(Duration, Errno)>,
    _stay: Option<Stay>,
}

impl<'c> Blocked<'c> {
    /// A call of the cage of `interrupts` that waits for at most `timeout` in all.
    ///
    /// # Errors
    /// `EINTR`: the cage has exited. `ENOMEM`.
    pub fn start(interrupts: &'c Interrupts, timeout: Option<Duration>) -> Result<Self> {
        let waiter = Ref::try_new(Waiter {
            state: StdMutex::new(State { signal: Signal::None, interrupted: false }),
            wake: Condvar::new(),
        });
        let waiter = waiter.ok_or(Errno::ENOMEM)?;
        let mut registry = interrupts.0.lock();
        if registry.exited {
            return Err(Errno::EINTR);
        }
        let ticket = registry.blocked.join(waiter.clone())?;
        let stay = registry.crowd.map(Crowd::enter);
        let patience = stay.as_ref().and_then(Stay::patience).map(|patience| (patience, Errno::EINTR));
        let longest = registry.longest.into_iter().chain(patience).min_by_key(|(time, _)| *time);
        Ok(Self { interrupts, waiter, ticket, left: timeout, longest, _stay: stay })
    }

    /// Stands in `queue` until the place is dropped or used up by a wake-up.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn stand<'q>(&self, queue: &'q WaitQueue, turn: Turn) -> Result<Place<'q>> {
        self.waiter.arm();
        queue.join(&self.waiter, turn)
    }

    /// Sleeps until one of the queues that it stands in is woken. The caller has looked at its condition after it
    /// stood in them, and looks again afterwards.
    ///
    /// # Errors
    /// `EINTR`: interrupted. The error of [`Interrupts::set_longest_wait`].
    pub fn sleep(&mut self) -> Result<Woken> {
        loop {
            if let Some(woken) = self.nap(None)? {
                return Ok(woken);
            }
        }
    }

    /// [`sleep`](Self::sleep) for at most `most`, after which it may return `None`: for a condition that nobody wakes
    /// a queue for. `None` may also come sooner.
    ///
    /// # Errors
    /// As [`sleep`](Self::sleep).
    pub fn nap(&mut self, most: Option<Duration>) -> Result<Option<Woken>> {
        let longest = self.longest.map(|(longest, _)| longest);
        if self.left == Some(Duration::ZERO) || longest == Some(Duration::ZERO) {
            return self.time_is_over().map(Some);
        }
        let watch = Stopwatch::start();
        let limit = [self.left, longest, most].into_iter().flatten().min();
        let piece = match watch.elapsed() {
            Some(_) => limit,
            None => limit.map(|limit| limit.min(GRAIN)),
        };
        let result = self.waiter.doze(piece);
        if let Some(piece) = piece {
            let whole = if result == Ok(None) { piece } else { Duration::ZERO };
            self.pass(watch.elapsed().unwrap_or(whole));
        }
        result
    }

    /// Sleeps, standing in `queue` for its turn, until `ready` gives something. It is asked before every sleep, with no
    /// lock held.
    ///
    /// # Errors
    /// Those of [`sleep`](Self::sleep) and [`stand`](Self::stand), and `ETIMEDOUT` when the time given at the start
    /// is over.
    pub fn wait_until<R>(&mut self, queue: &WaitQueue, mut ready: impl FnMut() -> Option<R>) -> Result<R> {
        let mut woken = Woken::Called;
        loop {
            // A wake-up that this call can't use goes to another.
            let place = self.stand(queue, Turn::One).inspect_err(|_| queue.wake_one())?;
            if let Some(result) = ready() {
                return Ok(result);
            }
            if woken == Woken::TimedOut {
                return Err(Errno::ETIMEDOUT);
            }
            woken = self.sleep()?;
            drop(place);
        }
    }

    /// Counts time that has passed.
    fn pass(&mut self, time: Duration) {
        self.left = self.left.map(|left| left.saturating_sub(time));
        self.longest = self.longest.map(|(longest, errno)| (longest.saturating_sub(time), errno));
    }

    fn time_is_over(&self) -> Result<Woken> {
        if !self.waiter.give_up() {
            return Ok(Woken::Called);
        }
        match (self.left, self.longest) {
            (Some(Duration::ZERO), _) => Ok(Woken::TimedOut),
            (_, Some((_, errno))) => Err(errno),
            (_, None) => Ok(Woken::TimedOut),
        }
    }
}

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        self.interrupts.0.lock().blocked.leave(self.ticket);
    }
}
