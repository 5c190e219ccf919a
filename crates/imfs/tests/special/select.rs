//! select(2).

use std::thread;

use imfs::abi::{Errno, FdSet, OFlags, Timespec};

use crate::{RW, root, until};

const NOW: Option<Timespec> = Some(Timespec { sec: 0, nsec: 0 });

/// select with sets of descriptors below 64 as words.
fn select(
    cage: &imfs::Cage,
    nfds: i32,
    mut sets: [u64; 3],
    timeout: Option<Timespec>,
) -> (Result<usize, Errno>, [u64; 3]) {
    let result = {
        let [r, w, e] = &mut sets;
        let sets = [r, w, e].map(|word| Some(FdSet::new(std::slice::from_mut(word))));
        cage.select(nfds, sets, timeout)
    };
    (result, sets)
}

fn bits<const N: usize>(fds: [i32; N]) -> u64 {
    fds.iter().fold(0, |set, fd| set | 1 << fd)
}

#[test]
fn sets_keep_what_is_ready() {
    let (_fs, cage) = root();
    let [r, w] = cage.pipe().unwrap();
    let file = cage.open("/file", OFlags::CREAT | OFlags::RDWR, RW).unwrap();
    let all = bits([r, w, file]);
    assert_eq!(select(&cage, 10, [all; 3], NOW), (Ok(3), [bits([file]), bits([w, file]), 0]));
    cage.write(w, b"x").unwrap();
    assert_eq!(select(&cage, 10, [all; 3], NOW), (Ok(4), [bits([r, file]), bits([w, file]), 0]));
    // Only descriptors below the limit count, and the rest is left alone.
    assert_eq!(select(&cage, w, [all; 3], NOW), (Ok(1), [all, bits([w, file]), bits([w, file])]));
    cage.close(r).unwrap();
    let one = bits([w]);
    assert_eq!(select(&cage, 10, [one; 3], None), (Ok(2), [one, one, 0]));
    assert_eq!(cage.select(0, [None, None, None], NOW), Ok(0));
}

#[test]
fn a_call_waits_until_something_is_ready() {
    let (_fs, cage) = root();
    let [r, w] = cage.pipe().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| select(&cage, 64, [bits([r]), 0, bits([r])], None));
        until(|| cage.interrupts().blocked() == 1);
        cage.write(w, b"x").unwrap();
        assert_eq!(waiter.join().unwrap(), (Ok(1), [bits([r]), 0, 0]));
    });
}

#[test]
fn errors_leave_the_sets_alone() {
    let (_fs, cage) = root();
    let [r, _] = cage.pipe().unwrap();
    let set = bits([r]);
    assert_eq!(select(&cage, -1, [set; 3], NOW), (Err(Errno::EINVAL), [set; 3]));
    assert_eq!(select(&cage, 64, [set, bits([20]), 0], NOW), (Err(Errno::EBADF), [set, bits([20]), 0]));
    let past = Some(Timespec { sec: -1, nsec: 0 });
    assert_eq!(select(&cage, 64, [set; 3], past), (Err(Errno::EINVAL), [set; 3]));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| select(&cage, 64, [set, 0, set], None));
        until(|| cage.interrupts().blocked() == 1);
        cage.interrupt();
        assert_eq!(waiter.join().unwrap(), (Err(Errno::EINTR), [set, 0, set]));
    });
    let soon = Some(Timespec { sec: 0, nsec: 1_000_000 });
    assert_eq!(select(&cage, 64, [set, 0, set], soon), (Ok(0), [0; 3]));
}
