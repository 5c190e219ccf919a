//! FIFOs: open(2), read(2), write(2) by name

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let fifo = || seq![mknod("/f", S_IFIFO | 0o666, 0), chmod("/f", 0o666)];
    let (r, w) = (O_RDONLY | O_NONBLOCK, O_WRONLY | O_NONBLOCK);
    t.add("no blocking", fifo(), seq![open("/f", w, 0), open("/f", r, 0), open("/f", w, 0), write(4, "hello"), fstat(3), read(3, 10), read(3, 10), close(4), read(3, 10), poll(vec![(3, POLLIN)]), close(3), open("/f", w, 0)]);
    t.add("read and write", fifo(), seq![open("/f", O_RDWR, 0), write(3, "abc"), open("/f", r, 0), read(4, 2), close(3), read(4, 2), read(4, 2), open("/f", O_RDWR | O_NONBLOCK, 0), read(3, 2)]);
    t.add("what was not read is lost", fifo(), seq![open("/f", O_RDWR, 0), write(3, "abc"), fionread(3), close(3), open("/f", O_RDWR | O_NONBLOCK, 0), read(3, 10), fionread(3)]);
    t.add("unlinked", fifo(), seq![open("/f", O_RDWR, 0), unlink("/f"), write(3, "abc"), read(3, 10), fstat(3)]);
    t.add("new opener after the end", fifo(), seq![open("/f", r, 0), open("/f", w, 0), close(4), read(3, 1), open("/f", w, 0), read(3, 1), write(4, "z"), read(3, 1)]);
    t.add("reader comes again", fifo(), seq![open("/f", r, 0), open("/f", w, 0), close(3), write(4, "a"), open("/f", r, 0), write(4, "b"), read(3, 5)]);
    for f in [O_RDONLY, O_WRONLY, O_RDWR] {
        t.each_user(format!("open {f:#o} alone"), fifo(), seq![open("/f", f, 0), open("/f", f | O_NONBLOCK, 0)]);
        t.each_user(format!("open {f:#o} with O_TRUNC and O_APPEND"), fifo(), seq![open("/f", f | O_NONBLOCK | O_TRUNC, 0), open("/f", f | O_NONBLOCK | O_APPEND | O_CREAT, 0o600), fcntl(3, F_GETFL, 0)]);
    }
    let forked = || chain([fifo(), seq![fork(1)]]);
    t.add("reader waits for writer", forked(), seq![start(1, open("/f", O_RDONLY, 0)), open("/f", O_WRONLY, 0), finish(1), write(3, "hi"), p1(read(3, 10))]);
    t.add("writer waits for reader", forked(), seq![start(1, open("/f", O_WRONLY, 0)), open("/f", O_RDONLY, 0), finish(1), p1(write(3, "hi")), read(3, 10)]);
    t.add("reader's wait is interrupted", forked(), seq![p1(open("/f", O_RDONLY, 0)), open("/f", w, 0)]);
    t.add("writer's wait is interrupted", forked(), seq![p1(open("/f", O_WRONLY, 0)), open("/f", r, 0), read(3, 1)]);
    t.add("reader waits, O_RDWR comes", forked(), seq![start(1, open("/f", O_RDONLY, 0)), open("/f", O_RDWR, 0), finish(1)]);
    t.add("reader waits, non-blocking writer comes", forked(), seq![start(1, open("/f", O_RDONLY, 0)), open("/f", w, 0), finish(1)]);
    t.add("writer waits, non-blocking reader comes and goes", forked(), seq![start(1, open("/f", O_WRONLY, 0)), open("/f", r, 0), finish(1), close(3), p1(write(3, "x"))]);
    t.add("the waiter takes the lowest number", forked(), seq![start(1, open("/f", O_RDONLY, 0)), open("/f", w, 0), finish(1), p1(creat("/g", 0o600))]);
    t.add("stamps", fifo(), seq![open("/f", O_RDWR, 0), write(3, "abc"), stat("/f"), read(3, 1), stat("/f"), read(3, 0), write(3, ""), stat("/f"), fstat(3)]);
    t.add("O_NOATIME", fifo(), seq![open("/f", O_RDWR | O_NOATIME, 0), write(3, "abc"), read(3, 1), stat("/f")]);
    t.add("lseek and more", fifo(), seq![open("/f", O_RDWR, 0), lseek(3, 0, SEEK_SET), pread(3, 1, 0), pwrite(3, "a", 0), ftruncate(3, 0), fallocate(3, 0, 0, 1), fcntl(3, F_GETPIPE_SZ, 0), fstatfs(3), fgetxattr(3, "user.a", 1), fsetxattr(3, "user.a", "b", 0), fsetxattr(3, "trusted.a", "b", 0)]);
    t.add("poll", fifo(), seq![open("/f", r, 0), poll(vec![(3, POLLIN)]), open("/f", w, 0), poll(vec![(3, POLLIN), (4, POLLOUT | POLLIN)]), write(4, "a"), poll(vec![(3, POLLIN | POLLOUT), (4, POLLOUT)]), close(3), poll(vec![(4, POLLOUT)])]);
    t.add("two names", fifo(), seq![link("/f", "/g"), open("/f", r, 0), open("/g", w, 0), write(4, "through"), read(3, 10)]);
    for mode in [0o000, 0o200, 0o400, 0o604, 0o602] {
        t.each_user(format!("mode {mode:o}"), seq![mknod("/f", S_IFIFO | 0o600, 0), chmod("/f", mode)], seq![open("/f", r, 0), open("/f", O_RDWR, 0), open("/f", w, 0)]);
    }
    t.add("O_PATH", fifo(), seq![open("/f", O_PATH, 0), open("/f", w, 0), read(3, 1)]);
    t
}
