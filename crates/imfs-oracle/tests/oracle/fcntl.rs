//! fcntl(2): F_GETFD, F_SETFD, F_GETFL, F_SETFL, pipe sizes, unknown commands

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let opened = [O_RDONLY, O_WRONLY, O_RDWR, O_APPEND | O_WRONLY, O_NONBLOCK, O_SYNC, O_DSYNC, O_DIRECT, O_NOATIME, O_CLOEXEC, O_PATH, O_NOFOLLOW, O_NOCTTY, O_CREAT, O_TRUNC | O_WRONLY, O_CREAT | O_RDWR, 0o100_000, 0x100_0000, O_WRONLY | O_RDWR];
    let set = [0, O_APPEND, O_NONBLOCK, O_NOATIME, O_DIRECT, O_SYNC, O_RDWR, O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT, -1, O_CREAT | O_CLOEXEC, 0o20000];
    for f in opened {
        for s in set {
            let setup = seq![creat("/f", 0o644), close(3), open("/f", f, 0)];
            t.add(format!("opened {f:#o} set {s:#o}"), setup, seq![fcntl(3, F_GETFL, 0), fcntl(3, F_GETFD, 0), fcntl(3, F_SETFL, i64::from(s)), fcntl(3, F_GETFL, 0)]);
        }
    }
    for kind in KINDS {
        for s in [O_NONBLOCK, O_DIRECT, O_APPEND, O_NOATIME, 0o20000] {
            t.add(format!("{} set {s:#o}", kind.name), with(kind), seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), fcntl(3, F_GETFL, 0), fcntl(3, F_SETFL, i64::from(s)), fcntl(3, F_GETFL, 0)]);
        }
    }
    t.add("append only by owner's noatime", seq![creat("/f", 0o666), chmod("/f", 0o666), close(3)], seq![user(ALICE), open("/f", O_RDONLY, 0), fcntl(3, F_SETFL, i64::from(O_NOATIME)), fcntl(3, F_SETFL, i64::from(O_NOATIME | O_APPEND)), fcntl(3, F_GETFL, 0)]);
    for arg in [0, 1, 2, 3, -1, 1 << 32] {
        t.add(format!("F_SETFD {arg}"), seq![creat("/f", 0o644)], seq![fcntl(3, F_SETFD, arg), fcntl(3, F_GETFD, 0)]);
    }
    // F_SETOWN and on, F_GETLEASE, notifications, F_CREATED_QUERY, seals; and commands that there are not. (Leases cannot
    // be taken from us; EINVAL says so, as on file systems that have none.)
    for cmd in [8, 9, 10, 11, 1025, 1026, 1028, 1033, 1034, 99, 1000, -1, 4096, 2000, F_GETPIPE_SZ, F_SETPIPE_SZ] {
        t.add(format!("command {cmd}"), seq![creat("/f", 0o644), open("/", O_RDONLY, 0), open("/", O_PATH, 0)], seq![fcntl(3, cmd, 0), fcntl(4, cmd, 0), fcntl(5, cmd, 0), fcntl(9, cmd, 0)]);
    }
    for cmd in [F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD] {
        t.add(format!("closed, command {cmd}"), seq![], seq![fcntl(3, cmd, 0), fcntl(-1, cmd, 0)]);
    }
    for size in [0, 1, 4096, 4097, 8192, 65_536, 100_000, 1 << 20, (1 << 20) + 1, 1 << 31, -1] {
        t.add(format!("F_SETPIPE_SZ {size}"), seq![pipe2(O_NONBLOCK), write(4, data(5000, 1))], seq![fcntl(3, F_GETPIPE_SZ, 0), fcntl(3, F_SETPIPE_SZ, size), fcntl(4, F_GETPIPE_SZ, 0), write(4, data(1 << 20, 1)), read(3, 6000)]);
        t.add(format!("F_SETPIPE_SZ {size} by alice"), seq![user(ALICE), pipe2(O_NONBLOCK)], seq![fcntl(4, F_SETPIPE_SZ, size), fcntl(3, F_GETPIPE_SZ, 0)]);
    }
    t
}
