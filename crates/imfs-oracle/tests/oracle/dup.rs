//! dup(2), dup2(2), dup3(2), F_DUPFD

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let setup = seq![creat("/a", 0o644), creat("/b", 0o644)];
    for old in [3, 4, 7, -1, 2000] {
        for new in [3, 4, 5, 10, 100, 1023, 1024, 5000, -1] {
            for flags in [0, O_CLOEXEC, O_NONBLOCK, 1] {
                let call = if flags == 0 { dup2(old, new) } else { dup3(old, new, flags) };
                t.add(format!("{old} onto {new} flags {flags:#o}"), setup.clone(), seq![call, dup(3), write(3, "x")]);
            }
            t.add(format!("dup3 {old} onto {new}"), setup.clone(), seq![dup3(old, new, 0), write(4, "x")]);
        }
        t.add(format!("dup {old}"), setup.clone(), seq![dup(old), dup(old), fcntl(5, F_GETFD, 0)]);
        for from in [0, 3, 4, 5, 10, 1023, 1024, -1, i64::from(i32::MAX)] {
            // 0 to 2 are open on both sides; a number below 3 means the lowest from 3 for us and here.
            t.add(format!("F_DUPFD {old} from {from}"), setup.clone(), seq![fcntl(old, F_DUPFD, from), fcntl(old, F_DUPFD_CLOEXEC, from), fcntl(old, F_DUPFD, from)]);
        }
    }
    t.add("close-on-exec does not follow dup", seq![open("/", O_RDONLY | O_CLOEXEC, 0)], seq![dup(3), dup2(3, 10), fcntl(4, F_GETFD, 0), fcntl(10, F_GETFD, 0), fcntl(3, F_GETFD, 0), dup3(3, 11, O_CLOEXEC), exec(), fcntl(3, F_GETFD, 0), fcntl(11, F_GETFD, 0), fcntl(4, F_GETFD, 0)]);
    t.add("flags are shared", seq![creat("/a", 0o644), dup(3)], seq![fcntl(3, F_SETFL, i64::from(O_APPEND | O_NONBLOCK)), fcntl(4, F_GETFL, 0), write(4, "abc"), lseek(3, 0, SEEK_CUR)]);
    t.add("the replaced one is closed", seq![creat("/a", 0o644), creat("/b", 0o644), unlink("/b"), write(4, data(50_000, 1))], seq![statfs("/"), dup2(3, 4), statfs("/")]);
    t.add("limit", seq![creat("/a", 0o644)], seq![nofile(5), dup(3), dup(3), dup2(3, 5), dup2(3, 4), fcntl(3, F_DUPFD, 5), fcntl(3, F_DUPFD, 4), dup2(9, 5), dup2(3, 3), close(4), dup(3)]);
    t
}
