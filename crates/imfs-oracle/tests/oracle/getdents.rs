//! getdents64(2), readdir(3), seekdir(3)

use imfs_oracle::prelude::*;

pub(crate) fn cases() -> Vec<Case> {
    let mut t = Vec::new();
    t.each_kind("whole", || seq![open("/w/x", O_RDONLY | O_NONBLOCK, 0), readdir(3, 4096), readdir(3, 4096), lseek(3, 0, SEEK_SET), readdir(3, 4096), fstat(3)]);
    let many = |n: usize| -> Vec<Step> { (0..n).map(|i| mknod(format!("/d/name{i:03}"), S_IFREG | 0o600, 0).into()).collect() };
    for n in [0, 1, 2, 3, 10, 100] {
        for size in [24, 32, 48, 64, 100, 1000, 65_536] {
            let setup = chain([seq![mkdir("/d", 0o755)], many(n)]);
            t.add(format!("{n} names in pieces of {size}"), setup, seq![open("/d", O_RDONLY, 0), readdir(3, size), lseek(3, 0, SEEK_SET), readdir(3, size), stat("/d")]);
        }
    }
    for size in [0, 1, 23, 24, 25, 47, 48, 49] {
        t.add(format!("first call with {size}"), seq![mkdir("/d", 0o755), creat("/d/f", 0o600), close(3)], seq![open("/d", O_RDONLY, 0), getdents(3, size), getdents(3, size), fstat(3)]);
    }
    for len in [1, 4, 5, 12, 13, 254, 255] {
        let name = [b"/d/".to_vec(), vec![b'n'; len]].concat();
        t.add(format!("a name of {len}"), seq![mkdir("/d", 0o755), mknod(name, S_IFREG | 0o600, 0)], seq![open("/d", O_RDONLY, 0), readdir(3, 280), lseek(3, 0, SEEK_SET), getdents(3, 48), getdents(3, 19 + len), getdents(3, 280), getdents(3, 280)]);
    }
    let kinds = seq![mkdir("/d", 0o755), creat("/d/f", 0o600), close(3), mkdir("/d/d", 0o755), symlink("x", "/d/l"), mknod("/d/p", S_IFIFO | 0o600, 0), mknod("/d/s", S_IFSOCK | 0o600, 0), mknod("/d/c", S_IFCHR | 0o600, NULL), mknod("/d/b", S_IFBLK | 0o600, NOBODYS)];
    t.add("types", kinds, seq![open("/d", O_RDONLY, 0), readdir(3, 4096)]);
    changes(&mut t, many);
    descriptors(&mut t);
    t
}

/// Names that come and go while somebody reads. What was there before and after must be seen once; what came or went
/// meanwhile may be seen or not, and there tmpfs decides: new names are not seen by a stream that was opened before.
fn changes(t: &mut Vec<Case>, many: impl Fn(usize) -> Vec<Step>) {
    let setup = || chain([seq![mkdir("/d", 0o755)], many(10), seq![open("/d", O_RDONLY, 0)]]);
    t.add("a new name after the end", setup(), seq![readdir(3, 4096), creat("/d/new", 0o600), readdir(3, 4096), lseek(3, 0, SEEK_SET), readdir(3, 4096)]);
    t.add("a new name before the beginning", setup(), seq![creat("/d/new", 0o600), readdir(3, 4096), lseek(3, 0, SEEK_SET), readdir(3, 4096)]);
    t.add("a new name after the dots", setup(), seq![getdents(3, 48), creat("/d/new", 0o600), readdir(3, 4096)]);
    t.add("a new name in an empty directory that was read", seq![mkdir("/d", 0o755), open("/d", O_RDONLY, 0)], seq![readdir(3, 4096), creat("/d/new", 0o600), readdir(3, 4096), lseek(3, 0, SEEK_SET), readdir(3, 4096)]);
    t.add("a name goes before it is read", setup(), seq![unlink("/d/name005"), readdir(3, 4096)]);
    t.add("all names go", setup(), chain([seq![getdents(3, 48)], (0..10).map(|i| unlink(format!("/d/name{i:03}")).into()).collect(), seq![readdir(3, 4096)]]));
    t.add("renamed within", setup(), seq![readdir(3, 4096), rename("/d/name001", "/d/other"), readdir(3, 4096), lseek(3, 0, SEEK_SET), readdir(3, 4096)]);
    t.add("rewound after a rename", setup(), seq![rename("/d/name003", "/d/name005"), lseek(3, 0, SEEK_SET), readdir(3, 4096)]);
    t.add("two descriptors", setup(), seq![open("/d", O_RDONLY, 0), readdir(3, 4096), readdir(4, 4096), readdir(3, 4096)]);
    t.add("dup shares the place", setup(), seq![dup(3), readdir(3, 4096), readdir(4, 4096), lseek(4, 0, SEEK_SET), readdir(3, 4096)]);
    t.add("fork shares the place", setup(), seq![fork(1), p1(readdir(3, 4096)), readdir(3, 4096), lseek(3, 0, SEEK_SET), p1(readdir(3, 4096))]);
    t.add("seekdir to the first", setup(), seq![readdir(3, 4096), seekdir(3, "."), getdents(3, 24), seekdir(3, ".."), readdir(3, 4096), seekdir(3, "."), readdir(3, 4096)]);
    t.add("removed", seq![mkdir("/d", 0o755), open("/d", O_RDONLY, 0)], seq![getdents(3, 24), rmdir("/d"), readdir(3, 4096), lseek(3, 0, SEEK_SET), readdir(3, 4096), fstat(3)]);
    t.add("atime", setup(), seq![fstat(3), getdents(3, 48), fstat(3), readdir(3, 4096), fstat(3), creat("/d/z", 0o600), fstat(3), readdir(3, 4096), fstat(3)]);
    t.add("O_NOATIME", setup(), seq![open("/d", O_RDONLY | O_NOATIME, 0), readdir(4, 4096), fstat(4)]);
    t.add("dot dot after a move", chain([setup(), seq![mkdir("/e", 0o755)]]), seq![rename("/d", "/e/d"), readdir(3, 4096), openat(3, "..", O_RDONLY, 0), readdir(4, 4096)]);
    t.add("the root", seq![mkdir("/a", 0o755), creat("/b", 0o600)], seq![open("/", O_RDONLY, 0), readdir(4, 4096)]);
}

fn descriptors(t: &mut Vec<Case>) {
    for (about, f) in [("path", O_PATH), ("rdonly", O_RDONLY), ("directory", O_RDONLY | O_DIRECTORY)] {
        t.each_user(format!("opened {about}"), seq![mkdir("/d", 0o755), open("/d", f, 0)], seq![getdents(3, 100), getdents(3, 10), getdents(9, 100), getdents(-1, 0)]);
    }
    t.add("files and pipes", seq![creat("/f", 0o644), pipe()], seq![getdents(3, 100), getdents(4, 100), getdents(5, 0)]);
    // An offset that no entry had is the file system's own matter, except for those of "." and "..".
    for (off, whence) in [(0, SEEK_SET), (1, SEEK_SET), (2, SEEK_SET), (-1, SEEK_SET), (0, SEEK_CUR), (-5, SEEK_CUR), (0, SEEK_END), (0, SEEK_DATA), (0, SEEK_HOLE), (0, 7)] {
        let setup = seq![mkdir("/d", 0o755), mkdir("/d/a", 0o755), open("/d", O_RDONLY, 0)];
        t.add(format!("lseek {off} {whence}"), setup, seq![lseek(3, off, whence), readdir(3, 4096), lseek(3, 0, SEEK_SET), readdir(3, 4096)]);
    }
    for (off, whence) in [(5, SEEK_CUR), (1 << 40, SEEK_SET), (i64::MAX, SEEK_SET)] {
        t.add(format!("lseek {off} {whence} alone"), seq![mkdir("/d", 0o755), open("/d", O_RDONLY, 0)], seq![lseek(3, off, whence), lseek(3, 0, SEEK_CUR)]);
    }
}
