//! open(2), openat(2), creat(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    kinds_by_flags(&mut t);
    t.each_path("rdonly", |p| seq![open(p, O_RDONLY | O_NONBLOCK, 0), open(p, O_PATH, 0)]);
    t.each_path("creat", |p| seq![open(p, O_RDWR | O_CREAT | O_NONBLOCK, 0o666)]);
    t.each_path("excl", |p| seq![open(p, O_WRONLY | O_CREAT | O_EXCL | O_NONBLOCK, 0o640)]);
    permissions(&mut t);
    created_modes(&mut t);
    relative(&mut t);
    tmpfile(&mut t);
    path_descriptors(&mut t);
    limits(&mut t);
    access_modes(&mut t);
    noatime(&mut t);
    links_in_a_row(&mut t);
    t
}

/// Each access mode and flag on each kind of object, for each user.
fn kinds_by_flags(t: &mut Vec<Case>) {
    let flags = [
        O_RDONLY,
        O_WRONLY,
        O_RDWR,
        O_WRONLY | O_RDWR,
        O_RDONLY | O_CREAT,
        O_RDWR | O_CREAT | O_EXCL,
        O_WRONLY | O_TRUNC,
        O_RDONLY | O_TRUNC,
        O_WRONLY | O_APPEND,
        O_RDONLY | O_DIRECTORY,
        O_RDWR | O_DIRECTORY,
        O_RDONLY | O_CREAT | O_DIRECTORY,
        O_RDONLY | O_NOFOLLOW,
        O_RDWR | O_NOFOLLOW | O_CREAT,
        O_PATH,
        O_PATH | O_NOFOLLOW,
        O_PATH | O_DIRECTORY,
        O_RDWR | O_SYNC | O_DSYNC | O_CLOEXEC | O_LARGEFILE | O_NOCTTY,
        O_RDONLY | O_DIRECT,
        O_RDONLY | O_NOATIME,
        O_WRONLY | O_TRUNC | O_CREAT | O_EXCL,
    ];
    for f in flags {
        t.each_kind(format!("{f:#o}"), || seq![open("/w/x", f | O_NONBLOCK, 0o666), fstat(3), fcntl(3, F_GETFL, 0)]);
    }
}

fn permissions(t: &mut Vec<Case>) {
    for mode in [0o000, 0o200, 0o400, 0o060, 0o040, 0o004, 0o006] {
        for (uid, gid) in [(0, 0), (1001, 0), (0, 2000), (1002, 2001)] {
            let setup = seq![mkdir("/w", 0o755), creat("/w/x", 0o644), write(3, "abc"), close(3), chown("/w/x", uid, gid)];
            let setup = chain([setup, seq![chmod("/w/x", mode)]]);
            let look = seq![open("/w/x", O_RDONLY, 0), open("/w/x", O_WRONLY, 0), open("/w/x", O_RDWR | O_TRUNC, 0)];
            t.each_user(format!("mode {mode:o} of {uid}:{gid}"), setup, look);
        }
    }
    for mode in [0o000, 0o100, 0o200, 0o300, 0o400, 0o500, 0o070, 0o030, 0o010, 0o003, 0o005, 0o007] {
        for (uid, gid) in [(1001, 0), (0, 2000)] {
            let setup = seq![mkdir("/d", 0o755), creat("/d/in", 0o666), close(3), chown("/d", uid, gid), chmod("/d", mode)];
            let look = seq![open("/d", O_RDONLY, 0), open("/d/in", O_RDONLY, 0), creat("/d/new", 0o600), open("/d", O_PATH, 0)];
            t.each_user(format!("directory {mode:o} of {uid}:{gid}"), setup, look);
        }
    }
}

fn created_modes(t: &mut Vec<Case>) {
    for mask in [0o000, 0o022, 0o077, 0o777, 0o111] {
        for mode in [0o0, 0o644, 0o4755, 0o7777, 0o177_777] {
            let look = seq![umask(mask), open("/w/x", O_WRONLY | O_CREAT, mode), write(3, "a"), open("/w/x", O_RDONLY, 0)];
            t.each_user(format!("umask {mask:o} mode {mode:o}"), world(), look);
        }
    }
    for mode in [0o644, 0o2755, 0o6755, 0o2644, 0o2010] {
        for dir in [0o777, 0o2777, 0o3777, 0o5777] {
            for gid in [0, 2000, 1001] {
                let setup = seq![mkdir("/d", 0o777), chown("/d", 0, gid), chmod("/d", dir)];
                let look = seq![umask(0), open("/d/x", O_WRONLY | O_CREAT, mode), fstat(3)];
                t.each_user(format!("in {dir:o} of group {gid} mode {mode:o}"), setup, look);
            }
        }
    }
}

fn relative(t: &mut Vec<Case>) {
    let setup = chain([imfs_oracle::paths::tree(), seq![open("/w/dir", O_RDONLY, 0), open("/w/file", O_RDONLY, 0)]]);
    for (about, dir) in [("cwd", AT_FDCWD), ("dir", 3), ("file", 4), ("closed", 9), ("negative", -1)] {
        for path in ["in", "/w/file", "../file", "nowhere", "", ".", "..", "./", "in/", "new"] {
            let look = seq![openat(dir, path, O_RDONLY, 0), openat(dir, path, O_RDWR | O_CREAT, 0o666), openat(dir, path, O_PATH, 0)];
            t.each_user(format!("openat {about} {path:?}"), setup.clone(), look);
        }
    }
    let unlinked = seq![mkdir("/w", 0o777), mkdir("/w/d", 0o777), open("/w/d", O_RDONLY, 0), rmdir("/w/d")];
    for path in [".", "..", "new", "../d", "../new", ""] {
        t.each_user(
            format!("openat in a removed directory {path:?}"),
            unlinked.clone(),
            seq![openat(3, path, O_RDONLY, 0), openat(3, path, O_RDWR | O_CREAT, 0o600)],
        );
    }
    for mode in [0o644, 0o000, 0o4777] {
        t.each_kind(format!("creat {mode:o}"), || seq![creat("/w/x", mode), fcntl(3, F_GETFL, 0), fcntl(3, F_GETFD, 0)]);
    }
}

fn tmpfile(t: &mut Vec<Case>) {
    for f in [O_RDWR, O_WRONLY, O_RDONLY, O_RDWR | O_EXCL, O_RDWR | O_CREAT, O_RDWR | O_TRUNC, O_RDWR | O_APPEND] {
        t.each_kind(format!("tmpfile {f:#o}"), || seq![open("/w/x", f | O_TMPFILE, 0o6666), fstat(3), write(3, "abc"), fstat(3)]);
    }
    for mode in [0o777, 0o2777, 0o755, 0o555, 0o733] {
        let setup = seq![mkdir("/d", 0o777), chown("/d", 0, 2000), chmod("/d", mode)];
        let look = seq![umask(0o027), open("/d", O_TMPFILE | O_RDWR, 0o2777), fstat(3), close(3), readdir_of("/d"), readdir(3, 4096)];
        t.each_user(format!("tmpfile in {mode:o}"), setup, look);
    }
    for (about, flags) in [("plain", 0), ("excl", O_EXCL)] {
        let look = seq![
            open("/w", O_TMPFILE | O_RDWR | flags, 0o644),
            write(3, "abc"),
            linkat(3, "", AT_FDCWD, "/w/named", AT_EMPTY_PATH),
            fstat(3),
            linkat(3, "", AT_FDCWD, "/w/again", AT_EMPTY_PATH),
            fstat(3),
            unlink("/w/named"),
            unlink("/w/again"),
            linkat(3, "", AT_FDCWD, "/w/third", AT_EMPTY_PATH),
            fstat(3),
        ];
        t.each_user(format!("tmpfile {about} gets a name"), world(), look);
    }
    for path in ["", "nowhere", "/w/nowhere", "/"] {
        t.each_user(format!("tmpfile at {path:?}"), world(), seq![open(path, O_TMPFILE | O_RDWR, 0o600)]);
    }
}

fn readdir_of(path: &str) -> imfs_oracle::call::Call {
    open(path, O_RDONLY | O_DIRECTORY, 0)
}

/// What a descriptor with O_PATH is good for.
fn path_descriptors(t: &mut Vec<Case>) {
    let looks = [
        ("read", seq![read(3, 10)]),
        ("write", seq![write(3, "a")]),
        ("fstat", seq![fstat(3)]),
        ("fchmod", seq![fchmod(3, 0o600)]),
        ("fchown", seq![fchown(3, 1001, 1001)]),
        ("ftruncate", seq![ftruncate(3, 0)]),
        ("fallocate", seq![fallocate(3, 0, 0, 4096)]),
        ("lseek", seq![lseek(3, 0, SEEK_SET)]),
        ("getdents", seq![getdents(3, 4096)]),
        ("fsync", seq![fsync(3)]),
        ("fgetxattr", seq![fgetxattr(3, "user.a", 10)]),
        ("fsetxattr", seq![fsetxattr(3, "user.a", "b", 0)]),
        ("flistxattr", seq![flistxattr(3, 100)]),
        ("dup", seq![dup(3), fcntl(3, F_DUPFD, 10), fcntl(3, F_GETFL, 0), fcntl(3, F_GETFD, 0), fcntl(3, F_SETFD, 1)]),
        ("setfl", seq![fcntl(3, F_SETFL, i64::from(O_APPEND))]),
        ("fchdir", seq![fchdir(3), getcwd(100)]),
        ("futimens", seq![utimensat(3, None::<&str>, None, 0), utimensat(3, Some(""), None, AT_EMPTY_PATH)]),
        ("lock", seq![lock(3, F_SETLK, F_RDLCK, SEEK_SET, 0, 0), flock(3, LOCK_SH)]),
        ("empty path", seq![fstatat(3, "", AT_EMPTY_PATH), fchownat(3, "", 0, 0, AT_EMPTY_PATH), faccessat2(3, "", R_OK, AT_EMPTY_PATH)]),
        ("link", seq![linkat(3, "", AT_FDCWD, "/w/z", AT_EMPTY_PATH)]),
        ("readlink", seq![readlinkat(3, "", 100)]),
        ("poll", seq![poll(vec![(3, POLLIN | POLLOUT)])]),
        ("fionread", seq![fionread(3), fstatfs(3), fadvise(3, 0, 0, 0), readahead(3, 0, 100), syncfs(3)]),
        ("mmap", seq![mmap(0, 3, 0, 4096, PROT_READ, MAP_SHARED)]),
        ("openat", seq![openat(3, "in", O_RDONLY, 0), openat(3, "", O_RDONLY, 0)]),
        ("fchmodat2", seq![fchmodat2(3, "", 0o611, AT_EMPTY_PATH)]),
    ];
    for (about, look) in looks {
        for kind in KINDS.iter().filter(|k| !matches!(k.name, "absent" | "reg" | "loop" | "linked")) {
            let setup = chain([with(kind), seq![open("/w/x", O_PATH | O_NOFOLLOW, 0)]]);
            t.add(format!("O_PATH {about}/{}", kind.name), setup, look.clone());
        }
    }
}

fn limits(t: &mut Vec<Case>) {
    let three = seq![open("/", O_RDONLY, 0), open("/", O_RDONLY, 0), open("/", O_RDONLY, 0)];
    let look = chain([seq![nofile(5)], three.clone(), seq![close(3), open("/", O_RDONLY, 0), dup(4), pipe()]]);
    t.each_user("EMFILE", world(), look);
    t.each_user("EMFILE leaves no file", world(), seq![nofile(3), creat("/w/new", 0o644), open("/w", O_TMPFILE | O_RDWR, 0o644)]);
    t.each_user("EMFILE before ENOENT", world(), seq![nofile(3), open("/w/nowhere", O_RDONLY, 0)]);
    t.each_user("lowest number", world(), chain([three, seq![close(4), close(3), open("/w", O_RDONLY, 0), open("/w", O_RDONLY, 0)]]));
}

fn access_modes(t: &mut Vec<Case>) {
    for (f, about) in [(O_RDONLY, "r"), (O_WRONLY, "w"), (O_RDWR, "rw"), (O_WRONLY | O_RDWR, "none"), (O_RDWR | O_APPEND, "a")] {
        let setup = seq![creat("/x", 0o666), write(3, "abcdef"), close(3), open("/x", f, 0)];
        for (what, call) in [
            ("read", read(3, 3)),
            ("write", write(3, "zz")),
            ("pread", pread(3, 3, 1)),
            ("pwrite", pwrite(3, "zz", 1)),
            ("ftruncate", ftruncate(3, 2)),
            ("fallocate", fallocate(3, 0, 0, 9000)),
            ("fsync", fsync(3)),
            ("fchmod", fchmod(3, 0o600)),
            ("mmap", mmap(0, 3, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED)),
        ] {
            t.add(format!("opened {about}, {what}"), setup.clone(), seq![call, fstat(3)]);
        }
    }
}

/// The fortieth symlink is the last that is followed. The kernel cannot be asked, see [`imfs_oracle::paths::PATHS`].
fn links_in_a_row(t: &mut Vec<Case>) {
    let look = vec![
        (open("/w/chain40", O_RDONLY, 0).into(), "3"),
        (open("/w/chain41", O_RDONLY, 0).into(), "ELOOP"),
        (access("/w/chain40", R_OK).into(), "0"),
    ];
    t.push(Case::stated("forty symlinks", imfs_oracle::paths::tree(), look));
}

fn noatime(t: &mut Vec<Case>) {
    for uid in [0, 1001, 1002] {
        let setup = seq![creat("/x", 0o666), write(3, "abc"), close(3), chown("/x", uid, 0), chmod("/x", 0o666)];
        let look = seq![open("/x", O_RDONLY | O_NOATIME, 0), read(3, 10), open("/x", O_RDONLY, 0), fcntl(4, F_SETFL, i64::from(O_NOATIME)), read(4, 10)];
        t.each_user(format!("O_NOATIME of {uid}"), setup, look);
    }
}
