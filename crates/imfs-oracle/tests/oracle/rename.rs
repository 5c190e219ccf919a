//! rename(2), renameat(2), renameat2(2)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    kinds_onto_kinds(&mut t);
    t.each_path("old", |p| seq![rename(p, "/w/dir/new"), rename("/w/dir/new", "/w/other")]);
    t.each_path("new from a file", |p| seq![mknod("/w/f", S_IFREG | 0o644, 0), rename("/w/f", p)]);
    t.each_path("new from a directory", |p| seq![mkdir("/w/d", 0o755), rename("/w/d", p)]);
    t.each_path("exchange", |p| seq![mknod("/w/f", S_IFREG | 0o644, 0), renameat2(AT_FDCWD, "/w/f", AT_FDCWD, p, RENAME_EXCHANGE)]);
    t.each_path("noreplace", |p| seq![mknod("/w/f", S_IFREG | 0o644, 0), renameat2(AT_FDCWD, "/w/f", AT_FDCWD, p, RENAME_NOREPLACE)]);
    sticky(&mut t);
    loops(&mut t);
    relative(&mut t);
    directories_between_parents(&mut t);
    open_descriptors(&mut t);
    trailing_slashes(&mut t);
    t
}

/// `/w/x` of each kind onto `/w/z` of each kind, with every flag.
fn kinds_onto_kinds(t: &mut Vec<Case>) {
    let flags = [0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT, RENAME_WHITEOUT | RENAME_NOREPLACE];
    for from in KINDS {
        for onto in KINDS {
            // The kinds are made at /w/x; the other one is made there first and moved away.
            let mut setup = chain([world(), (onto.make)()]);
            if onto.name != "absent" {
                setup.extend(seq![rename("/w/x", "/w/z")]);
                if onto.name == "tofile" || onto.name == "todir" {
                    setup.extend(seq![rename("/w/t", "/w/zt"), unlink("/w/z"), symlink("zt", "/w/z")]);
                }
                if onto.name == "linked" {
                    setup.extend(seq![rename("/w/y", "/w/zy")]);
                }
            }
            setup.extend((from.make)());
            for f in flags {
                let call = if f == 0 { rename("/w/x", "/w/z") } else { renameat2(AT_FDCWD, "/w/x", AT_FDCWD, "/w/z", f) };
                t.add(format!("{} onto {} flags {f}", from.name, onto.name), setup.clone(), seq![call]);
            }
        }
    }
    for kind in KINDS {
        for f in [0, 3, 4, 5, 6, 7, 8, 0xffff_ffff] {
            let setup = chain([with(kind), seq![mknod("/w/f", S_IFREG | 0o600, 0)]]);
            t.each_user(format!("{} onto itself flags {f:#x}", kind.name), setup.clone(),
                seq![renameat2(AT_FDCWD, "/w/x", AT_FDCWD, "/w/x", f), renameat2(AT_FDCWD, "/w/x", AT_FDCWD, "/w/f", f)]);
        }
    }
    let linked = seq![creat("/a", 0o644), link("/a", "/b"), close(3)];
    for f in [0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT] {
        t.add(format!("two names of one file flags {f}"), linked.clone(), seq![renameat2(AT_FDCWD, "/a", AT_FDCWD, "/b", f), stat("/b")]);
    }
}

/// Who may take from and put into which directory, sticky or not.
fn sticky(t: &mut Vec<Case>) {
    for (from, to) in [(0o755, 0o777), (0o777, 0o755), (0o777, 0o777), (0o1777, 0o777), (0o777, 0o1777), (0o1777, 0o1777), (0o333, 0o333), (0o666, 0o777)] {
        for (owner, target) in [(1001, 0), (1001, 1001), (1001, 1002), (1002, 1001), (0, 0)] {
            let setup = seq![mkdir("/a", 0o777), mkdir("/b", 0o777), creat("/a/x", 0o644), creat("/b/x", 0o644), mkdir("/a/d", 0o755)];
            let setup = chain([setup, seq![chown("/a/x", owner, 0), chown("/a/d", owner, 0), chown("/b/x", target, 0), chmod("/a", from), chmod("/b", to)]]);
            let look = seq![rename("/a/x", "/b/new"), rename("/b/new", "/b/x"), rename("/a/d", "/b/d"),
                renameat2(AT_FDCWD, "/a/x", AT_FDCWD, "/b/x", RENAME_EXCHANGE), rename("/a/x", "/b/x")];
            t.each_user(format!("{owner}'s in {from:o} onto {target}'s in {to:o}"), setup, look);
        }
    }
    for (dir_mode, uid) in [(0o755, 1001), (0o555, 1001), (0o755, 0), (0o777, 0)] {
        // A directory that moves to another parent has its '..' rewritten: the mover must be able to write it.
        let setup = seq![mkdir("/a", 0o777), mkdir("/b", 0o777), chmod("/a", 0o777), chmod("/b", 0o777), mkdir("/a/d", 0o755), chown("/a/d", uid, 0), chmod("/a/d", dir_mode)];
        t.each_user(format!("directory {dir_mode:o} of {uid} between parents"), setup.clone(), seq![rename("/a/d", "/b/d")]);
        t.each_user(format!("directory {dir_mode:o} of {uid} in its parent"), setup.clone(), seq![rename("/a/d", "/a/e")]);
        let both = chain([setup, seq![mkdir("/b/d", 0o700)]]);
        t.each_user(format!("directory {dir_mode:o} of {uid} exchanged"), both, seq![renameat2(AT_FDCWD, "/a/d", AT_FDCWD, "/b/d", RENAME_EXCHANGE)]);
    }
}

fn loops(t: &mut Vec<Case>) {
    let setup = seq![mkdir("/a", 0o755), mkdir("/a/b", 0o755), mkdir("/a/b/c", 0o755), creat("/a/b/f", 0o644), symlink("/a/b", "/l")];
    for (old, new) in [
        ("/a", "/a/x"), ("/a", "/a/b"), ("/a", "/a/b/c"), ("/a", "/a/b/c/x"), ("/a/b", "/a"), ("/a/b/c", "/a/b"), ("/a/b/c", "/a"),
        ("/a/b", "/a/b/x"), ("/a", "/l/x"), ("/a/b/f", "/a/b"), ("/a/b/f", "/a"), ("/", "/a/x"), ("/a", "/"), ("/a/b", "/"),
        ("/a/.", "/x"), ("/a/..", "/x"), ("/a/b/..", "/x"), ("/a", "/x/."), ("/a", "/a/."), ("/a", "/a/.."), ("/a", "/a/b/."),
        (".", "/x"), ("..", "/x"), ("/a", "."), ("/a", ".."), ("/l", "/a/b"), ("/a/b", "/l"), ("/a/b/", "/l/"), ("/l/", "/x"),
        ("/a", "/a"), ("/a/b", "/a/b/"), ("/l", "/l2"), ("/l/c", "/c"), ("/a/b/c", "/l/c"), ("/a/b/c", "/l/d"),
    ] {
        for f in [0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT] {
            t.add(format!("{old} to {new} flags {f}"), setup.clone(), seq![renameat2(AT_FDCWD, old, AT_FDCWD, new, f), stat("/a"), stat("/")]);
        }
    }
}

fn relative(t: &mut Vec<Case>) {
    let setup = seq![mkdir("/d", 0o777), mkdir("/e", 0o777), chmod("/d", 0o777), chmod("/e", 0o777), open("/d", O_RDONLY, 0), open("/e", O_PATH, 0),
        mknod("/d/f", S_IFREG | 0o644, 0), open("/d/f", O_RDONLY, 0), mkdir("/gone", 0o777), open("/gone", O_RDONLY, 0), rmdir("/gone")];
    for (old, onew) in [(3, 4), (3, 3), (AT_FDCWD, 4), (3, AT_FDCWD), (5, 4), (3, 5), (9, 4), (3, 9), (6, 4), (3, 6)] {
        for (a, b) in [("f", "g"), ("f", ""), ("", "g"), ("/d/f", "/e/f"), ("f", "."), ("nowhere", "g"), ("../d/f", "../e/f")] {
            t.each_user(format!("renameat {old} {a:?} to {onew} {b:?}"), setup.clone(), seq![renameat(old, a, onew, b)]);
        }
    }
}

/// '..', link counts and stamps of the parents when a directory moves.
fn directories_between_parents(t: &mut Vec<Case>) {
    let setup = seq![mkdir("/a", 0o755), mkdir("/b", 0o755), mkdir("/a/d", 0o755), mkdir("/b/e", 0o755), mkdir("/b/full", 0o755), creat("/b/full/x", 0o600), creat("/b/f", 0o600), creat("/a/f", 0o600)];
    for (old, new) in [("/a/d", "/b/d"), ("/a/d", "/b/e"), ("/a/d", "/b/full"), ("/b/full", "/a/d"), ("/a/d", "/b/f"), ("/a/f", "/b/e"), ("/a/f", "/b/f"), ("/a/f", "/b/new"), ("/b/full", "/a/f")] {
        for f in [0, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT] {
            let look = seq![renameat2(AT_FDCWD, old, AT_FDCWD, new, f), stat("/a"), stat("/b"), statfs("/")];
            t.each_user(format!("{old} to {new} flags {f}"), chain([setup.clone(), seq![chmod("/a", 0o777), chmod("/b", 0o777)]]), look);
        }
    }
    t.add("dot dot", setup.clone(), seq![open("/a/d", O_RDONLY, 0), chdir("/a/d"), rename("/a/d", "/b/d"), getcwd(100), openat(5, "..", O_RDONLY, 0), fstat(6), stat(".."), stat("../e")]);
    t.add("cwd exchanged", setup, seq![chdir("/a/d"), renameat2(AT_FDCWD, "/a/d", AT_FDCWD, "/b/full", RENAME_EXCHANGE), getcwd(100), stat("../e"), stat("/a/d/x")]);
}

fn open_descriptors(t: &mut Vec<Case>) {
    let setup = seq![creat("/a", 0o644), write(3, "aaa"), creat("/b", 0o644), write(4, "bb")];
    t.add("replaced file stays open", setup.clone(), seq![rename("/a", "/b"), fstat(4), pwrite(4, "x", 0), fstat(4), fstat(3), close(4), statfs("/")]);
    t.add("exchanged files stay open", setup, seq![renameat2(AT_FDCWD, "/a", AT_FDCWD, "/b", RENAME_EXCHANGE), fstat(3), fstat(4), stat("/a")]);
    let dirs = seq![mkdir("/a", 0o755), mkdir("/b", 0o755), open("/b", O_RDONLY, 0), fork(1), p1(chdir("/b"))];
    t.add("replaced directory stays open", dirs, seq![rename("/a", "/b"), fstat(3), readdir(3, 4096), openat(3, "x", O_CREAT | O_RDWR, 0o600), p1(getcwd(100)), p1(stat("."))]);
    let tmp = seq![creat("/a", 0o644), open("/", O_TMPFILE | O_RDWR, 0o600)];
    t.add("no name", tmp, seq![renameat(4, "", AT_FDCWD, "/x")]);
}

fn trailing_slashes(t: &mut Vec<Case>) {
    for kind in KINDS {
        for (old, new) in [("/w/x/", "/w/new"), ("/w/x", "/w/new/"), ("/w/x/", "/w/new/"), ("/w/x/.", "/w/new"), ("/w/x", "/w/new/.")] {
            for f in [0, RENAME_NOREPLACE] {
                t.add(format!("{} {old} to {new} flags {f}", kind.name), with(kind), seq![renameat2(AT_FDCWD, old, AT_FDCWD, new, f)]);
            }
        }
        t.add(format!("directory to {} with slash", kind.name), chain([with(kind), seq![mkdir("/w/d", 0o755)]]), seq![rename("/w/d", "/w/x/")]);
        t.add(format!("file to {} with slash", kind.name), chain([with(kind), seq![creat("/w/f", 0o755)]]), seq![rename("/w/f", "/w/x/")]);
    }
}
