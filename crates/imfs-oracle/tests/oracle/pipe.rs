//! pipe(2), pipe2(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    for flags in [0, O_CLOEXEC, O_NONBLOCK, O_DIRECT, O_CLOEXEC | O_NONBLOCK, O_APPEND, O_RDWR, 1 << 30, -1, O_NONBLOCK | O_DIRECT] {
        t.add(format!("flags {flags:#o}"), seq![], seq![pipe2(flags), fcntl(3, F_GETFL, 0), fcntl(4, F_GETFL, 0), fcntl(3, F_GETFD, 0), fstat(3)]);
    }
    t.add("through", seq![pipe()], seq![write(4, "hello"), write(4, " world"), read(3, 3), read(3, 100), fstat(3), fstat(4)]);
    t.add("wrong ends", seq![pipe()], seq![read(4, 1), write(3, "a"), read(4, 0), write(3, "")]);
    t.add("no writer", seq![pipe(), write(4, "abc")], seq![close(4), read(3, 2), read(3, 2), read(3, 2), poll(vec![(3, POLLIN)])]);
    t.add("no reader", seq![pipe()], seq![close(3), write(4, "a"), write(4, ""), poll(vec![(4, POLLOUT)])]);
    t.add("nothing", seq![pipe2(O_NONBLOCK)], seq![read(3, 0), read(3, 1), write(4, ""), pread(3, 1, 0), pwrite(4, "a", 0), preadv2(3, vec![1], -1, 0), pwritev2(4, vec![data(1, 65)], -1, 0)]);
    for n in [1, 4095, 4096, 4097, 8192, 60_000, 65_535, 65_536, 65_537, 70_000, 200_000] {
        for before in [0, 1, 4096, 61_440, 61_441, 65_000, 65_536] {
            t.add(format!("{n} after {before}"), seq![pipe2(O_NONBLOCK), write(4, data(before, 1))], seq![write(4, data(n, 2)), fionread(3), poll(vec![(3, POLLIN), (4, POLLOUT)]), read(3, 5000), write(4, data(n, 3)), fionread(4), read(3, 200_000), read(3, 1)]);
        }
    }
    // Small writes share a page; a page that is read in part is not given back before its end.
    let many: Vec<Step> = (0..20).map(|i| write(4, data(3000, i)).into()).collect();
    t.add("writes of 3000", seq![pipe2(O_NONBLOCK)], chain([many, seq![fionread(3), read(3, 3000), write(4, data(4096, 1)), write(4, data(100, 1)), read(3, 1 << 20)]]));
    let tiny: Vec<Step> = (0..40).map(|i| write(4, data(1, i)).into()).collect();
    t.add("writes of one byte", seq![pipe2(O_NONBLOCK)], chain([tiny, seq![fionread(3), read(3, 1 << 20)]]));
    let packets = seq![pipe2(O_NONBLOCK | O_DIRECT)];
    t.add("packets", packets.clone(), seq![write(4, "hello"), write(4, "you"), read(3, 2), read(3, 100), write(4, data(5000, 1)), read(3, 10_000), read(3, 10_000), read(3, 1), fionread(3)]);
    t.add("packets until full", packets, chain([(0..17).map(|_| write(4, "a").into()).collect(), seq![poll(vec![(4, POLLOUT)]), read(3, 10), write(4, "b")]]));
    blocking(&mut t);
    t.add("vectors", seq![pipe2(O_NONBLOCK)], seq![writev(4, vec![data(3, 1), data(0, 1), data(5, 2)]), readv(3, vec![2, 2, 100]), readv(3, vec![1]), writev(4, vec![]), readv(3, vec![])]);
    t.add("forked", seq![pipe(), fork(1), p1(close(4))], seq![close(3), write(4, "from the parent"), p1(read(3, 100)), close(4), p1(read(3, 100))]);
    t.add("attributes", seq![pipe()], seq![fchmod(3, 0o640), fchown(4, 1001, 1001), fstat(3), fstat(4), fsetxattr(3, "user.a", "b", 0), fgetxattr(3, "user.a", 10), flistxattr(3, 100), utimensat(3, None::<&str>, None, 0), fstatfs(3), fchdir(3)]);
    t.add("owner", seq![], seq![user(ALICE), umask(0o077), pipe(), fstat(3), fstat(4)]);
    t.add("limit", seq![], seq![nofile(4), pipe(), nofile(5), pipe(), dup(3)]);
    t.add("descriptors are the lowest", seq![creat("/a", 0o600), creat("/b", 0o600), creat("/c", 0o600), close(4)], seq![pipe(), close(3), pipe()]);
    t
}

fn blocking(t: &mut Vec<Case>) {
    let forked = || seq![pipe(), fork(1)];
    t.add("read waits for data", forked(), seq![start(1, read(3, 10)), write(4, "abc"), finish(1)]);
    t.add("read waits for the last writer", forked(), seq![p1(close(4)), start(1, read(3, 10)), close(4), finish(1)]);
    t.add("read waits for the writer's exit", forked(), seq![p1(close(4)), start(1, read(3, 10)), exit(), finish(1)]);
    t.add("read is interrupted", forked(), seq![p1(read(3, 10)), read(3, 10)]);
    t.add("write waits for room", forked(), seq![p1(write(4, data(65_536, 1))), start(1, write(4, data(100, 2))), read(3, 4096), finish(1), fionread(3)]);
    t.add("a large write waits for all its room", forked(), seq![start(1, write(4, data(100_000, 2))), read(3, 65_536), finish(1), read(3, 65_536)]);
    t.add("write waits for the last reader", forked(), seq![p1(close(3)), p1(write(4, data(65_536, 1))), start(1, write(4, data(1, 2))), close(3), finish(1)]);
    t.add("a large write is interrupted", forked(), seq![p1(write(4, data(100_000, 2))), read(3, 200_000)]);
    t.add("a large write loses its reader", forked(), seq![p1(close(3)), start(1, write(4, data(100_000, 2))), close(3), finish(1)]);
    t.add("O_NONBLOCK is of the description", forked(), seq![fcntl(3, F_SETFL, i64::from(O_NONBLOCK)), p1(read(3, 1)), fcntl(3, F_SETFL, 0), p1(read(3, 1))]);
}
