//! openat2(2)

use imfs_oracle::prelude::*;

fn o(flags: i32) -> u64 {
    flags as u32 as u64
}

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    let tree = || {
        seq![mkdir("/d", 0o777), chmod("/d", 0o777), mkdir("/d/s", 0o755), creat("/d/s/f", 0o644), close(3), creat("/f", 0o644), close(3), symlink("s", "/d/l"), symlink("/d/s", "/d/abs"), symlink("../f", "/d/up"), symlink("s/f", "/d/lf"),
            symlink("/", "/d/root"), symlink("..", "/d/parent"), symlink("l/../up", "/d/mixed"), open("/d", O_PATH, 0), open("/f", O_RDONLY, 0)]
    };
    let resolves = [0, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_XDEV, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
        RESOLVE_BENEATH | RESOLVE_IN_ROOT, RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS, 0x40, 1 << 40];
    let paths = ["s/f", "s", ".", "..", "../f", "s/..", "s/../..", "s/../s/f", "/d/s/f", "/s/f", "/", "l", "l/f", "abs", "abs/f", "up", "lf", "root", "root/f", "parent", "parent/f", "mixed", "nowhere", "", "s/f/", "l/"];
    for r in resolves {
        for path in paths {
            t.add(format!("resolve {r:#x} {path:?}"), tree(), seq![openat2(3, path, o(O_RDONLY), 0, r), openat2(AT_FDCWD, path, o(O_PATH), 0, r), openat2(4, path, o(O_PATH), 0, r)]);
        }
        t.each_user(format!("resolve {r:#x} create"), tree(), seq![openat2(3, "new", o(O_CREAT | O_RDWR), 0o640, r), openat2(3, "../new", o(O_CREAT | O_RDWR), 0o640, r), openat2(3, "/new", o(O_CREAT | O_RDWR), 0o640, r), openat2(3, "up", o(O_CREAT | O_RDWR), 0o640, r)]);
    }
    // The root of the process is the directory, lies below it, or beside it.
    for root in ["/d", "/d/s", "/e"] {
        for r in [0, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_XDEV, RESOLVE_BENEATH | RESOLVE_NO_XDEV] {
            for path in paths {
                let setup = chain([tree(), seq![mkdir("/e", 0o755), symlink("../../f", "/d/s/up"), symlink("../s", "/d/s/round"), chroot(root)]]);
                t.add(format!("root {root}, resolve {r:#x} {path:?}"), setup, seq![openat2(3, path, o(O_PATH), 0, r), openat2(AT_FDCWD, path, o(O_PATH), 0, r), openat2(3, "s/up", o(O_PATH), 0, r), openat2(3, "s/round", o(O_PATH), 0, r), openat2(AT_FDCWD, "d/s/up", o(O_PATH), 0, r), openat2(AT_FDCWD, "d/../f", o(O_PATH), 0, r)]);
            }
        }
    }
    for flags in [o(O_RDONLY), o(O_WRONLY), o(O_RDWR | O_CREAT), o(O_CREAT | O_EXCL), o(O_TMPFILE | O_RDWR), o(O_TMPFILE), o(O_PATH), o(O_PATH | O_CREAT), o(O_PATH | O_RDWR), o(O_PATH | O_NOFOLLOW | O_CLOEXEC), o(O_DIRECTORY | O_CREAT),
        o(O_TRUNC | O_RDWR), 1 << 31, 1 << 32, 1 << 63, 0x8000, 0o20000, 3, o(O_APPEND | O_WRONLY)] {
        for mode in [0, 0o600, 0o7777, 0o10000, 1 << 32] {
            t.add(format!("flags {flags:#x} mode {mode:o}"), tree(), seq![openat2(3, "s/f", flags, mode, 0), openat2(3, "s", flags, mode, 0), openat2(3, "new", flags, mode, 0), openat2(3, "lf", flags, mode, 0), fcntl(5, F_GETFL, 0)]);
        }
    }
    // RESOLVE_CACHED: what must change something answers EAGAIN; what is in the caches opens.
    for flags in [O_CREAT | O_RDWR, O_TRUNC | O_RDWR, O_TMPFILE | O_RDWR] {
        t.add(format!("cached {flags:#o}"), tree(), seq![openat2(3, "s/f", o(flags), if flags & O_TRUNC == 0 { 0o600 } else { 0 }, RESOLVE_CACHED), openat2(3, "s", o(flags), if flags & O_TRUNC == 0 { 0o600 } else { 0 }, RESOLVE_CACHED)]);
    }
    t
}
