use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use super::*;

/// A counter that callers wait to take from.
#[derive(Default)]
struct Tokens {
    count: StdMutex<u32>,
    queue: WaitQueue,
}

impl Tokens {
    fn put(&self) {
        *self.count.lock().unwrap() += 1;
        self.queue.wake_one();
    }

    fn try_take(&self) -> Option<()> {
        let mut count = self.count.lock().unwrap();
        *count = count.checked_sub(1)?;
        Some(())
    }

    fn take(&self, interrupts: &Interrupts) -> Result<()> {
        Blocked::start(interrupts, None)?.wait_until(&self.queue, || self.try_take())
    }
}

fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

fn queued(queue: &WaitQueue) -> usize {
    queue.waiting.load(Ordering::Relaxed)
}

#[test]
fn every_token_is_taken_once() {
    let rounds = if cfg!(miri) { 10 } else { 1_000 };
    let (tokens, interrupts) = (Tokens::default(), Interrupts::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..rounds).for_each(|_| tokens.take(&interrupts).unwrap()));
        }
        for _ in 0..2 {
            scope.spawn(|| (0..2 * rounds).for_each(|_| tokens.put()));
        }
    });
    assert_eq!(*tokens.count.lock().unwrap(), 0);
    assert_eq!((queued(&tokens.queue), interrupts.blocked()), (0, 0));
}

#[test]
fn interrupt_ends_the_calls_of_one_cage_and_exit_those_to_come() {
    let (tokens, cage, other) = (Tokens::default(), Interrupts::new(), Interrupts::new());
    thread::scope(|scope| {
        let ours = [(); 2].map(|()| scope.spawn(|| tokens.take(&cage)));
        let theirs = scope.spawn(|| tokens.take(&other));
        until(|| queued(&tokens.queue) == 3);
        assert_eq!(cage.interrupt(), 2);
        for call in ours {
            assert_eq!(call.join().unwrap(), Err(Errno::EINTR));
        }
        let last = scope.spawn(|| tokens.take(&cage));
        until(|| queued(&tokens.queue) == 2);
        cage.exit();
        assert_eq!(last.join().unwrap(), Err(Errno::EINTR));
        assert_eq!(tokens.take(&cage), Err(Errno::EINTR));
        tokens.put();
        assert_eq!(theirs.join().unwrap(), Ok(()));
    });
}

#[test]
fn an_interruption_between_two_sleeps_is_kept() {
    let (tokens, cage) = (Tokens::default(), Interrupts::new());
    let mut blocked = Blocked::start(&cage, None).unwrap();
    cage.interrupt();
    assert_eq!(blocked.wait_until(&tokens.queue, || tokens.try_take()), Err(Errno::EINTR));
    // As in the kernel, the condition is looked at before the signal.
    tokens.put();
    assert_eq!(blocked.wait_until(&tokens.queue, || tokens.try_take()), Ok(()));
}

#[test]
fn waking_passes_over_the_interrupted() {
    let (tokens, cage, other) = (Tokens::default(), Interrupts::new(), Interrupts::new());
    let first = Blocked::start(&cage, None).unwrap();
    let second = Blocked::start(&other, None).unwrap();
    let _places =
        (first.stand(&tokens.queue, Turn::One).unwrap(), second.stand(&tokens.queue, Turn::One).unwrap());
    cage.interrupt();
    tokens.queue.wake_one();
    assert!(!first.waiter.is_called() && second.waiter.is_called());
}

#[test]
fn who_leaves_without_sleeping_passes_the_wake_up_on() {
    let (queue, cage) = (WaitQueue::new(), Interrupts::new());
    let (first, mut second) = (Blocked::start(&cage, None).unwrap(), Blocked::start(&cage, None).unwrap());
    let place = first.stand(&queue, Turn::One).unwrap();
    let _other = second.stand(&queue, Turn::One).unwrap();
    queue.wake_one();
    assert!(first.waiter.is_called() && !second.waiter.is_called());
    drop(place);
    assert_eq!(second.sleep(), Ok(Woken::Called));
}

#[test]
fn one_turn_and_all_that_look() {
    let (queue, cage) = (WaitQueue::new(), Interrupts::new());
    let calls = [(); 4].map(|()| Blocked::start(&cage, None).unwrap());
    let turns = [Turn::One, Turn::All, Turn::One, Turn::All];
    let _places: Vec<_> =
        calls.iter().zip(turns).map(|(call, turn)| call.stand(&queue, turn).unwrap()).collect();
    let called = || calls.iter().map(|call| call.waiter.is_called()).collect::<Vec<_>>();
    queue.wake_one();
    assert_eq!(called(), [true, true, false, true]);
    queue.wake_all();
    assert_eq!(called(), [true; 4]);
    assert!(!queue.has_waiters());
}

#[test]
fn a_call_that_stands_in_two_queues_uses_up_one_wake_up() {
    let (a, b, cage) = (WaitQueue::new(), WaitQueue::new(), Interrupts::new());
    let (mut both, other) = (Blocked::start(&cage, None).unwrap(), Blocked::start(&cage, None).unwrap());
    let _places = (both.stand(&a, Turn::One).unwrap(), both.stand(&b, Turn::One).unwrap());
    let _other = other.stand(&b, Turn::One).unwrap();
    a.wake_one();
    b.wake_one();
    assert!(other.waiter.is_called());
    assert_eq!(both.sleep(), Ok(Woken::Called));
}

#[test]
fn time_limits() {
    let (tokens, cage) = (Tokens::default(), Interrupts::new());
    let wait = |timeout| {
        let mut blocked = Blocked::start(&cage, timeout)?;
        blocked.wait_until(&tokens.queue, || tokens.try_take())
    };
    let ms = Duration::from_millis;
    assert_eq!(wait(Some(ms(0))), Err(Errno::ETIMEDOUT));
    assert_eq!(wait(Some(ms(5))), Err(Errno::ETIMEDOUT));
    cage.set_longest_wait(Some((ms(5), Errno::ERESTART)));
    assert_eq!(wait(None), Err(Errno::ERESTART));
    assert_eq!(wait(Some(Duration::from_secs(3600))), Err(Errno::ERESTART));
    tokens.put();
    assert_eq!(wait(Some(ms(0))), Ok(()));
}

#[test]
fn who_finds_no_room_in_the_crowd_gives_up() {
    static CROWD: Crowd = Crowd::new(2, Duration::from_millis(5));
    let (tokens, cages) = (Tokens::default(), [Interrupts::new(), Interrupts::new(), Interrupts::new()]);
    let wait =
        |cage: &Interrupts| Blocked::start(cage, None)?.wait_until(&tokens.queue, || tokens.try_take());
    let wait = &wait;
    thread::scope(|scope| {
        let stay = [&cages[0], &cages[1]].map(|cage| {
            cage.set_crowd(Some(&CROWD));
            scope.spawn(move || wait(cage))
        });
        while CROWD.waiting() < 2 {
            thread::yield_now();
        }
        cages[2].set_crowd(Some(&CROWD));
        assert_eq!(wait(&cages[2]), Err(Errno::EINTR));
        tokens.put();
        tokens.put();
        stay.into_iter().for_each(|call| assert_eq!(call.join().unwrap(), Ok(())));
    });
    assert_eq!(CROWD.waiting(), 0);
    cages[2].set_longest_wait(Some((Duration::from_millis(5), Errno::ERESTART)));
    assert_eq!(wait(&cages[2]), Err(Errno::ERESTART));
}

#[test]
fn a_woken_call_that_finds_nothing_does_not_lose_its_limit() {
    let (tokens, cage) = (Tokens::default(), Interrupts::new());
    let looks = AtomicU32::new(0);
    thread::scope(|scope| {
        let call = scope.spawn(|| {
            let mut blocked = Blocked::start(&cage, Some(Duration::from_millis(50))).unwrap();
            blocked.wait_until(&tokens.queue, || {
                looks.fetch_add(1, Ordering::Relaxed);
                tokens.try_take()
            })
        });
        while !call.is_finished() {
            tokens.queue.wake_all();
            thread::yield_now();
        }
        assert_eq!(call.join().unwrap(), Err(Errno::ETIMEDOUT));
    });
    assert!(looks.load(Ordering::Relaxed) >= 2);
}

#[test]
fn a_line_forgets_its_gaps() {
    let (queue, cage) = (WaitQueue::new(), Interrupts::new());
    let stays = Blocked::start(&cage, None).unwrap();
    let _first = stays.stand(&queue, Turn::One).unwrap();
    let passes = Blocked::start(&cage, None).unwrap();
    for _ in 0..100 {
        let _place = passes.stand(&queue, Turn::One).unwrap();
    }
    let lines = queue.lines.lock();
    assert!(lines.one.places.len() <= 3 && lines.one.len() == 1);
}

#[test]
fn interruptions_and_wake_ups_race() {
    let rounds = if cfg!(miri) { 5 } else { 300 };
    for _ in 0..rounds {
        let (tokens, cage, other) = (Tokens::default(), Interrupts::new(), Interrupts::new());
        thread::scope(|scope| {
            let first = scope.spawn(|| tokens.take(&cage));
            let second = scope.spawn(|| tokens.take(&other));
            until(|| queued(&tokens.queue) == 2);
            scope.spawn(|| cage.interrupt());
            tokens.put();
            // Whatever comes first: the token wakes one who takes it.
            if first.join().unwrap().is_ok() {
                tokens.put();
            }
            assert_eq!(second.join().unwrap(), Ok(()));
        });
    }
}

#[test]
fn a_nap_ends_by_itself() {
    let (queue, cage) = (WaitQueue::new(), Interrupts::new());
    let mut blocked = Blocked::start(&cage, Some(Duration::from_millis(30))).unwrap();
    let _place = blocked.stand(&queue, Turn::All).unwrap();
    let mut naps = 0;
    while blocked.nap(Some(Duration::from_millis(1))).unwrap().is_none() {
        naps += 1;
    }
    assert!(naps >= 1);
    queue.wake_one();
    assert_eq!(blocked.nap(None), Ok(Some(Woken::TimedOut)));
}
