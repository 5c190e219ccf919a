//! fcntl(2) record locks, F_OFD_ locks, flock(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    arguments(&mut t);
    conflicts(&mut t);
    ranges(&mut t);
    release(&mut t);
    blocking(&mut t);
    flocks(&mut t);
    kinds(&mut t);
    t
}

/// A file of 100 bytes, open twice in process 0 and once more in process 1.
fn two() -> Vec<Step> {
    seq![creat("/f", 0o666), write(3, data(100, 1)), close(3), open("/f", O_RDWR, 0), open("/f", O_RDWR, 0), lseek(3, 50, SEEK_SET), fork(1), p1(close(3)), p1(close(4)), p1(open("/f", O_RDWR, 0))]
}

fn arguments(t: &mut Vec<Case>) {
    for cmd in [F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK] {
        for kind in [F_RDLCK, F_WRLCK, F_UNLCK, 3, -1] {
            for (whence, start, len) in [(SEEK_SET, 0, 0), (SEEK_SET, 10, 5), (SEEK_CUR, 0, 10), (SEEK_CUR, -10, 5), (SEEK_END, -10, 0), (SEEK_END, 5, 5), (SEEK_SET, 10, -5), (SEEK_SET, 3, -5), (SEEK_SET, -1, 1), (SEEK_CUR, -60, 5),
                (SEEK_SET, i64::MAX, 1), (SEEK_SET, i64::MAX, 2), (SEEK_SET, 1, i64::MAX), (SEEK_SET, 0, i64::MIN), (SEEK_CUR, i64::MAX, 1), (SEEK_END, i64::MAX, 0), (3, 0, 0), (-1, 0, 0)] {
                let look = seq![lock(3, cmd, kind, whence, start, len), p1(lock(3, F_GETLK, F_WRLCK, SEEK_SET, 0, 0))];
                t.add(format!("command {cmd} type {kind} whence {whence} {start} {len}"), two(), look);
            }
        }
    }
    for cmd in [F_SETLK, F_SETLKW, F_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_OFD_GETLK] {
        for (about, f) in [("rdonly", O_RDONLY), ("wronly", O_WRONLY), ("neither", O_WRONLY | O_RDWR), ("path", O_PATH)] {
            let look = seq![lock(3, cmd, F_RDLCK, SEEK_SET, 0, 0), lock(3, cmd, F_WRLCK, SEEK_SET, 0, 0), lock(3, cmd, F_UNLCK, SEEK_SET, 0, 0), lock(9, cmd, F_RDLCK, SEEK_SET, 0, 0)];
            t.add(format!("command {cmd} opened {about}"), seq![creat("/f", 0o666), close(3), open("/f", f, 0)], look);
        }
    }
}

fn conflicts(t: &mut Vec<Case>) {
    let kinds = [F_RDLCK, F_WRLCK];
    for a in kinds {
        for b in kinds {
            for (ca, cb) in [(F_SETLK, F_SETLK), (F_SETLK, F_OFD_SETLK), (F_OFD_SETLK, F_SETLK), (F_OFD_SETLK, F_OFD_SETLK)] {
                for (start, len) in [(0, 10), (9, 1), (10, 5), (5, 2), (0, 0), (20, 0)] {
                    let name = format!("{ca}:{a} from 0 to 10, then {cb}:{b} at {start} for {len}");
                    let look = |p: fn(Call) -> Step, fd| seq![lock(3, ca, a, SEEK_SET, 0, 10), p(lock(fd, cb, b, SEEK_SET, start, len)), p(lock(fd, if cb == F_SETLK { F_GETLK } else { F_OFD_GETLK }, b, SEEK_SET, start, len)), lock(3, F_GETLK, F_WRLCK, SEEK_SET, 0, 0)];
                    t.add(format!("{name}, another process"), two(), look(p1, 3));
                    t.add(format!("{name}, another descriptor"), two(), look(p0, 4));
                    t.add(format!("{name}, the same descriptor"), two(), look(p0, 3));
                }
            }
        }
    }
}

/// Splitting, joining and changing ranges, seen by another process.
fn ranges(t: &mut Vec<Case>) {
    let look_all = |t: &mut Vec<Case>, name: &str, steps: Vec<Step>| {
        let probes = (0..10).map(|i| p1(lock(3, F_GETLK, F_WRLCK, SEEK_SET, i * 10, 1)));
        let probes = chain([probes.collect(), seq![p1(lock(3, F_GETLK, F_RDLCK, SEEK_SET, 0, 0)), p1(lock(3, F_GETLK, F_WRLCK, SEEK_SET, 0, 0))]]);
        t.add(name, two(), chain([steps, probes]));
    };
    let set = |kind, start, len| Step::from(lock(3, F_SETLK, kind, SEEK_SET, start, len));
    look_all(t, "a hole in the middle", vec![set(F_WRLCK, 0, 100), set(F_UNLCK, 40, 20)]);
    look_all(t, "reading in the middle", vec![set(F_WRLCK, 0, 100), set(F_RDLCK, 40, 20)]);
    look_all(t, "joined", vec![set(F_WRLCK, 0, 10), set(F_WRLCK, 10, 10), set(F_WRLCK, 30, 10), set(F_WRLCK, 20, 10)]);
    look_all(t, "overlapping", vec![set(F_WRLCK, 0, 30), set(F_RDLCK, 20, 30), set(F_WRLCK, 25, 5)]);
    look_all(t, "to the end and cut", vec![set(F_WRLCK, 10, 0), set(F_UNLCK, 50, 0)]);
    look_all(t, "nothing to unlock", vec![set(F_UNLCK, 0, 0), set(F_WRLCK, 5, 1)]);
    look_all(t, "downgrade and upgrade", vec![set(F_WRLCK, 0, 100), set(F_RDLCK, 0, 100), set(F_WRLCK, 50, 1)]);
    look_all(t, "from the end", vec![lock(3, F_SETLK, F_WRLCK, SEEK_END, -20, 10).into(), lock(3, F_SETLK, F_WRLCK, SEEK_CUR, -10, -10).into()]);
}

fn release(t: &mut Vec<Case>) {
    let probe = || seq![p1(lock(3, F_GETLK, F_WRLCK, SEEK_SET, 0, 0)), p1(flock(3, LOCK_EX | LOCK_NB))];
    let mut look = |name: &str, steps: Vec<Step>| t.add(name, two(), chain([steps, probe()]));
    let posix = || lock(3, F_SETLK, F_WRLCK, SEEK_SET, 0, 0);
    let ofd = || lock(3, F_OFD_SETLK, F_WRLCK, SEEK_SET, 0, 0);
    let fl = || flock(3, LOCK_EX);
    for (about, take) in [("record", posix as fn() -> Call), ("description", ofd), ("flock", fl)] {
        look(&format!("{about}, close"), seq![take(), close(3)]);
        look(&format!("{about}, close of another descriptor"), seq![take(), close(4)]);
        look(&format!("{about}, close of a dup"), seq![take(), dup(3), close(5)]);
        look(&format!("{about}, close with a dup left"), seq![take(), dup(3), close(3)]);
        look(&format!("{about}, dup2 over it"), seq![take(), dup2(4, 3)]);
        look(&format!("{about}, fork and close in the child"), seq![take(), fork(2), p2(close(3))]);
        look(&format!("{about}, fork and close in the parent"), seq![take(), fork(2), close(3)]);
        look(&format!("{about}, fork and exit of the child"), seq![take(), fork(2), p2(exit())]);
        look(&format!("{about}, exit"), seq![take(), exit()]);
        look(&format!("{about}, exec"), seq![take(), exec()]);
        look(&format!("{about}, exec with close-on-exec"), seq![take(), fcntl(3, F_SETFD, 1), exec()]);
        look(&format!("{about}, close_range"), seq![take(), close_range(3, 10, 0)]);
        look(&format!("{about}, unlink"), seq![take(), unlink("/f")]);
        look(&format!("{about}, in a child"), seq![take(), fork(2), p2(lock(3, F_SETLK, F_WRLCK, SEEK_SET, 0, 0)), p2(lock(3, F_OFD_SETLK, F_WRLCK, SEEK_SET, 0, 0)), p2(flock(3, LOCK_EX | LOCK_NB))]);
    }
}

fn blocking(t: &mut Vec<Case>) {
    let w = |fd, cmd, start, len| lock(fd, cmd, F_WRLCK, SEEK_SET, start, len);
    for (cmd, wait) in [(F_SETLK, F_SETLKW), (F_OFD_SETLK, F_OFD_SETLKW)] {
        t.add(format!("{wait} waits for an unlock"), two(), seq![w(3, cmd, 0, 10), start(1, w(3, wait, 5, 10)), lock(3, cmd, F_UNLCK, SEEK_SET, 0, 0), finish(1), lock(3, F_GETLK, F_WRLCK, SEEK_SET, 0, 0)]);
        t.add(format!("{wait} waits for a close"), two(), seq![w(3, cmd, 0, 10), start(1, w(3, wait, 5, 10)), close(3), finish(1)]);
        t.add(format!("{wait} waits for an exit"), two(), seq![w(3, cmd, 0, 10), start(1, w(3, wait, 5, 10)), exit(), finish(1)]);
        t.add(format!("{wait} is interrupted"), two(), seq![w(3, cmd, 0, 10), p1(w(3, wait, 5, 10)), p1(lock(3, F_GETLK, F_WRLCK, SEEK_SET, 0, 0))]);
        t.add(format!("{wait} need not wait"), two(), seq![w(3, wait, 0, 10), p1(w(3, wait, 10, 10))]);
        t.add(format!("{wait} waits for a downgrade"), two(), seq![w(3, cmd, 0, 10), start(1, lock(3, wait, F_RDLCK, SEEK_SET, 0, 1)), lock(3, cmd, F_RDLCK, SEEK_SET, 0, 10), finish(1)]);
    }
    t.add("deadlock of two", two(), seq![w(3, F_SETLK, 0, 1), p1(w(3, F_SETLK, 1, 1)), start(1, w(3, F_SETLKW, 0, 1)), w(3, F_SETLKW, 1, 1), lock(3, F_SETLK, F_UNLCK, SEEK_SET, 0, 0), finish(1)]);
    t.add("deadlock of three", chain([two(), seq![fork(2)]]), seq![w(3, F_SETLK, 0, 1), p1(w(3, F_SETLK, 1, 1)), p2(w(3, F_SETLK, 2, 1)), start(1, w(3, F_SETLKW, 2, 1)), start(2, w(3, F_SETLKW, 0, 1)), w(3, F_SETLKW, 1, 1), exit(), finish(2), p2(lock(3, F_SETLK, F_UNLCK, SEEK_SET, 0, 0)), finish(1)]);
    t.add("no deadlock is found for descriptions", two(), seq![w(3, F_OFD_SETLK, 0, 1), p1(w(3, F_OFD_SETLK, 1, 1)), start(1, w(3, F_OFD_SETLKW, 0, 1)), w(3, F_OFD_SETLKW, 1, 1), lock(3, F_OFD_SETLK, F_UNLCK, SEEK_SET, 0, 0), finish(1)]);
    t.add("flock waits", two(), seq![flock(3, LOCK_EX), start(1, flock(3, LOCK_SH)), flock(3, LOCK_UN), finish(1), flock(3, LOCK_EX | LOCK_NB)]);
    t.add("flock is interrupted", two(), seq![flock(3, LOCK_EX), p1(flock(3, LOCK_SH)), p1(flock(3, LOCK_SH | LOCK_NB))]);
    t.add("flock waits for a close", two(), seq![flock(3, LOCK_SH), start(1, flock(3, LOCK_EX)), close(3), finish(1)]);
    // An upgrade gives the old lock away first.
    t.add("flock upgrade waits", chain([two(), seq![fork(2)]]), seq![flock(3, LOCK_SH), p1(flock(3, LOCK_SH)), start(1, flock(3, LOCK_EX)), flock(4, LOCK_SH | LOCK_NB), flock(3, LOCK_UN), close(3), close(4), p2(close(3)), p2(close(4)), finish(1)]);
}

fn flocks(t: &mut Vec<Case>) {
    for op in [0, LOCK_SH, LOCK_EX, LOCK_UN, LOCK_SH | LOCK_EX, LOCK_NB, LOCK_SH | LOCK_NB, LOCK_UN | LOCK_NB, LOCK_UN | LOCK_EX, 16, 32, 32 | 64, 32 | 128, 64, -1, 8 | 16] {
        t.add(format!("flock {op}"), two(), seq![flock(3, op), flock(4, LOCK_SH | LOCK_NB), flock(4, LOCK_EX | LOCK_NB), flock(9, op)]);
    }
    for a in [LOCK_SH, LOCK_EX] {
        for b in [LOCK_SH, LOCK_EX, LOCK_UN] {
            t.add(format!("flock {a} then {b}"), two(), seq![flock(3, a), p1(flock(3, b | LOCK_NB)), flock(4, b | LOCK_NB), flock(3, b | LOCK_NB), p1(flock(3, LOCK_EX | LOCK_NB)), flock(3, LOCK_UN), p1(flock(3, LOCK_EX | LOCK_NB))]);
        }
    }
    for (about, f) in [("rdonly", O_RDONLY), ("wronly", O_WRONLY), ("neither", 3), ("path", O_PATH)] {
        t.add(format!("flock {about}"), seq![creat("/f", 0o644), close(3), open("/f", f, 0)], seq![flock(3, LOCK_EX), flock(3, LOCK_SH), flock(3, LOCK_UN)]);
    }
    t.add("flock and record locks do not meet", two(), seq![flock(3, LOCK_EX), p1(lock(3, F_SETLK, F_WRLCK, SEEK_SET, 0, 0)), p1(flock(3, LOCK_EX | LOCK_NB))]);
}

fn kinds(t: &mut Vec<Case>) {
    t.each_kind("record", || seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), lock(3, F_SETLK, F_RDLCK, SEEK_SET, 0, 0), lock(3, F_GETLK, F_WRLCK, SEEK_SET, 0, 0), lock(3, F_OFD_SETLK, F_RDLCK, SEEK_SET, 0, 0)]);
    t.each_kind("flock", || seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), flock(3, LOCK_EX), open("/w/x", O_RDONLY | O_NONBLOCK, 0), flock(4, LOCK_SH | LOCK_NB)]);
    t.add("pipe", seq![pipe()], seq![lock(3, F_SETLK, F_RDLCK, SEEK_SET, 0, 0), lock(4, F_SETLK, F_WRLCK, SEEK_SET, 0, 0), flock(3, LOCK_EX), flock(4, LOCK_SH | LOCK_NB), lock(4, F_SETLK, F_WRLCK, SEEK_END, 0, 0)]);
}
