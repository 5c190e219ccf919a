//! poll(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let events = [0, POLLIN, POLLOUT, POLLIN | POLLOUT, POLLPRI, POLLRDNORM | POLLWRNORM, POLLERR | POLLHUP | POLLNVAL, -1, 0x0080, 0x0200, 0x2000];
    for e in events {
        for kind in KINDS {
            t.add(format!("{} events {e:#x}", kind.name), with(kind), seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), poll(vec![(3, e)]), open("/w/x", O_RDWR | O_NONBLOCK, 0), poll(vec![(3, e), (4, e)])]);
        }
        t.add(format!("descriptors events {e:#x}"), seq![creat("/f", 0o644), open("/f", O_PATH, 0)], seq![poll(vec![(9, e)]), poll(vec![(-1, e)]), poll(vec![(4, e)]), poll(vec![(3, e), (9, e), (-5, e), (3, e)]), poll(vec![])]);
        t.add(format!("pipe events {e:#x}"), seq![pipe2(O_NONBLOCK)], seq![poll(vec![(3, e), (4, e)]), write(4, "a"), poll(vec![(3, e), (4, e)]), write(4, data(65_535, 1)), poll(vec![(3, e), (4, e)]), read(3, 1), poll(vec![(4, e)]), read(3, 4096), poll(vec![(4, e)]), close(4), poll(vec![(3, e)]), read(3, 100_000), poll(vec![(3, e)])]);
        t.add(format!("reader gone events {e:#x}"), seq![pipe2(O_NONBLOCK)], seq![close(3), poll(vec![(4, e)])]);
    }
    t.add("fifo ends", seq![mknod("/p", S_IFIFO | 0o600, 0)], seq![open("/p", O_RDONLY | O_NONBLOCK, 0), poll(vec![(3, POLLIN | POLLHUP)]), open("/p", O_WRONLY, 0), poll(vec![(3, POLLIN)]), close(4), poll(vec![(3, POLLIN)]), open("/p", O_WRONLY, 0), poll(vec![(3, POLLIN)])]);
    t
}
