//! fork(2), execve(2), _exit(2), setrlimit(2) RLIMIT_NOFILE, as far as files go

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let setup = || seq![mkdir("/w", 0o777), chmod("/w", 0o777), creat("/w/f", 0o666), write(3, "0123456789"), close(3), chmod("/w/f", 0o666), open("/w/f", O_RDWR, 0), open("/w/f", O_RDWR | O_CLOEXEC, 0), fork(1)];
    for (about, look) in [
        ("offsets are shared", seq![read(3, 2), p1(read(3, 2)), p1(lseek(3, 0, SEEK_SET)), read(3, 2)]),
        ("tables are not", seq![close(3), p1(read(3, 2)), p1(open("/w/f", O_RDONLY, 0)), open("/w", O_RDONLY, 0), dup2(4, 20), p1(fcntl(20, F_GETFD, 0))]),
        ("status flags are shared", seq![fcntl(3, F_SETFL, i64::from(O_APPEND)), p1(fcntl(3, F_GETFL, 0)), p1(write(3, "x"))]),
        ("descriptor flags are not", seq![fcntl(3, F_SETFD, 1), p1(fcntl(3, F_GETFD, 0)), p1(exec()), p1(fcntl(3, F_GETFD, 0)), p1(fcntl(4, F_GETFD, 0)), fcntl(4, F_GETFD, 0)]),
        ("umask is not shared", seq![umask(0o077), p1(creat("/w/a", 0o666)), creat("/w/b", 0o666)]),
        ("cwd is not shared", seq![chdir("/w"), p1(getcwd(100)), p1(stat("f")), stat("f")]),
        ("credentials are not shared", seq![user(ALICE), p1(creat("/w/a", 0o600)), creat("/w/b", 0o600), open("/w/a", O_RDONLY, 0)]),
        ("exit", seq![p1(exit()), read(3, 3), fork(1), p1(read(3, 3)), exit()]),
        ("exit of the parent", seq![exit(), p1(read(3, 3)), p1(fork(2)), p2(read(3, 3)), p1(exit()), p2(read(3, 3))]),
        ("exec keeps", seq![read(3, 3), exec(), read(3, 3), read(4, 1), getcwd(10), creat("/w/n", 0o777)]),
        ("unlinked and exited", seq![unlink("/w/f"), close(3), close(4), statfs("/"), p1(exit()), statfs("/")]),
        ("three generations", seq![p1(fork(2)), p2(read(3, 1)), p1(read(3, 1)), read(3, 1), p1(exit()), p2(fork(1)), p1(read(3, 1))]),
        ("permission is that of open", seq![chmod("/w/f", 0), p1(user(BOB)), p1(read(3, 2)), p1(write(3, "y")), p1(open("/w/f", O_RDONLY, 0)), p1(fchmod(3, 0o777)), p1(dup(3))]),
    ] {
        t.add(about, setup(), look);
    }
    for limit in [0, 3, 4, 5, 6, 20, 1024] {
        let look = seq![nofile(limit), open("/", O_RDONLY, 0), dup(3), dup2(3, 10), dup3(3, 19, 0), fcntl(3, F_DUPFD, 5), pipe(), read(4, 3), p1(open("/", O_RDONLY, 0)), close(3), open("/", O_RDONLY, 0), fork(2), p2(dup(4)), p2(open("/", O_RDONLY, 0)), nofile(1024), dup(4)];
        t.each_user(format!("limit {limit}"), setup(), look);
    }
    t
}
