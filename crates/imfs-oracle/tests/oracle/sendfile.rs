//! sendfile(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let files = || seq![creat("/a", 0o644), write(3, data(20_000, 1)), close(3), open("/a", O_RDWR, 0), open("/b", O_RDWR | O_CREAT, 0o644)];
    for off in [None, Some(0), Some(100), Some(19_990), Some(20_000), Some(30_000), Some(-1), Some(i64::MAX)] {
        for count in [0, 1, 5000, 30_000, usize::MAX] {
            t.add(format!("{count} at {off:?}"), files(), seq![sendfile(4, 3, off, count), lseek(3, 0, SEEK_CUR), lseek(4, 0, SEEK_CUR), fstat(3), fstat(4)]);
        }
    }
    for (a, b) in [(O_RDONLY, O_RDONLY), (O_WRONLY, O_WRONLY), (O_RDONLY, O_WRONLY | O_APPEND), (O_PATH, O_RDWR), (O_RDONLY, O_PATH)] {
        let setup = seq![creat("/a", 0o644), write(3, data(100, 1)), close(3), creat("/b", 0o644), close(3), open("/a", a, 0), open("/b", b, 0)];
        t.add(format!("opened {a:#o} and {b:#o}"), setup, seq![sendfile(4, 3, None, 50), sendfile(4, 3, Some(0), 10), sendfile(9, 3, None, 1), sendfile(4, 9, None, 1), sendfile(4, 3, None, 0)]);
    }
    for kind in KINDS {
        let setup = chain([with(kind), seq![open("/g", O_RDWR | O_CREAT, 0o600), write(3, "hello"), lseek(3, 0, SEEK_SET)]]);
        t.add(format!("from {}", kind.name), setup.clone(), seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), sendfile(3, 4, None, 10), sendfile(3, 4, Some(0), 10)]);
        t.add(format!("to {}", kind.name), setup, seq![open("/w/x", O_WRONLY | O_NONBLOCK, 0), sendfile(4, 3, None, 10), sendfile(4, 3, Some(0), 10)]);
    }
    t.add("to a pipe", chain([files(), seq![pipe2(O_NONBLOCK)]]), seq![sendfile(6, 3, None, 10), read(5, 100), sendfile(6, 3, Some(5), 3000), fionread(5), sendfile(6, 5, None, 10), sendfile(4, 5, None, 10), sendfile(6, 3, Some(0), 0)]);
    t.add("into itself", files(), seq![sendfile(3, 3, Some(0), 100), lseek(3, 0, SEEK_CUR), fstat(3)]);
    t
}
