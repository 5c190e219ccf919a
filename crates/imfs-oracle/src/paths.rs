//! Every way in which a path can be right or wrong, for all calls that take one, and the tree that the paths are about.

use crate::args::{Bytes, rep};
use crate::call::*;
use crate::case::Step;
use crate::fixture::*;
use crate::seq;

/// Paths as they are written. Of chains of symlinks there is one of 20 and one of 41: when the kernel's lock-free walk gives
/// up and starts again it goes on counting, so that it may refuse any chain between those. [`paths`] adds those that are too long to write.
pub const PATHS: &[&str] = &[
    "/w/file",
    "/w/dir",
    "/w/dir/in",
    "/w/nowhere",
    "/w/nowhere/x",
    "/w/nowhere/",
    "/w/file/x",
    "/w/file/",
    "/w/file/.",
    "/w/file/..",
    "/w/dir/",
    "/w/dir//in",
    "/w/dir/.",
    "/w/dir/..",
    "/w/dir/../file",
    "/w/dir/./in",
    "/w/l",
    "/w/l/",
    "/w/l/in",
    "/w/l/..",
    "/w/lf",
    "/w/lf/",
    "/w/lf/x",
    "/w/dead",
    "/w/dead/",
    "/w/dead/x",
    "/w/self",
    "/w/self/",
    "/w/self/x",
    "/w/closed",
    "/w/closed/in",
    "/w/closed/nowhere",
    "/w/closed/../file",
    "/w/blind/in",
    "/w/blind/nowhere",
    "/w/noread/in",
    "/w/noread/nowhere",
    "",
    "/",
    "//",
    ".",
    "..",
    "/w/.",
    "/w/..",
    "file",
    "w/file",
    "./w/dir/in",
    "//w//file",
    "/../../w/file",
    "/w/abs/in",
    "/w/up/in",
    "/w/chain20",
    "/w/chain41",
    "/w/alices",
    "/w/alicedir/in",
    "/w/alicedir/new",
    "/w/sticky/alices",
    "/w/sticky/bobs",
    "/w/sticky/new",
    "/w/group/in",
    "/w/group/new",
    "/w/setgid/new",
    "/w/fifo/x",
    "/w/null/x",
    "/w/sock/x",
    "/w/fifo/",
];

/// All paths, each with a word for it.
pub fn paths() -> Vec<(String, Bytes)> {
    let mut all: Vec<_> = PATHS.iter().map(|p| (p.to_string(), Bytes(p.as_bytes().to_vec()))).collect();
    let below = |dir: &str, name: &[u8]| Bytes([dir.as_bytes(), name].concat());
    all.push(("long name".into(), below("/w/", &rep(b'n', 255).0)));
    all.push(("too long name".into(), below("/w/", &rep(b'n', 256).0)));
    all.push(("too long name in nowhere".into(), below("/w/nowhere/", &rep(b'n', 256).0)));
    all.push(("too long name, more follows".into(), below("/w/", &[&rep(b'n', 256).0[..], b"/x"].concat())));
    all.push(("long path".into(), below("/w/", &[&b"./".repeat(2044)[..], b"file"].concat())));
    all.push(("too long path".into(), below("/w/", &[&b"./".repeat(2045)[..], b"/file"].concat())));
    all.push(("not UTF-8".into(), below("/w/", b"\xff\xfe\x01")));
    all
}

/// The tree, made by root.
pub fn tree() -> Vec<Step> {
    let file = |p: &str| Step::from(mknod(p, S_IFREG | 0o644, 0));
    let mut t = world();
    t.extend(seq![
        creat("/w/file", 0o644),
        write(3, "hello"),
        close(3),
        mkdir("/w/dir", 0o755),
        file("/w/dir/in")
    ]);
    t.extend(seq![
        symlink("dir", "/w/l"),
        symlink("file", "/w/lf"),
        symlink("none", "/w/dead"),
        symlink("self", "/w/self")
    ]);
    t.extend(seq![symlink("/w/dir", "/w/abs"), symlink("../w/dir", "/w/up"), symlink("file", "/w/chain1")]);
    for i in 1..41 {
        t.push(symlink(format!("chain{i}"), format!("/w/chain{}", i + 1)).into());
    }
    for (dir, mode) in [("/w/closed", 0o700), ("/w/blind", 0o444), ("/w/noread", 0o311)] {
        t.extend(seq![mkdir(dir, 0o755), file(&format!("{dir}/in")), chmod(dir, mode)]);
    }
    t.extend(seq![file("/w/alices"), chown("/w/alices", 1001, 1001), mkdir("/w/alicedir", 0o755)]);
    t.extend(seq![
        file("/w/alicedir/in"),
        chown("/w/alicedir", 1001, 1001),
        chown("/w/alicedir/in", 1001, 1001)
    ]);
    t.extend(seq![
        mkdir("/w/sticky", 0o777),
        chmod("/w/sticky", 0o1777),
        file("/w/sticky/alices"),
        file("/w/sticky/bobs")
    ]);
    t.extend(seq![chown("/w/sticky/alices", 1001, 1001), chown("/w/sticky/bobs", 1002, 1002)]);
    t.extend(seq![
        mkdir("/w/group", 0o770),
        chown("/w/group", 0, 2001),
        chmod("/w/group", 0o770),
        file("/w/group/in")
    ]);
    t.extend(seq![chown("/w/group/in", 1002, 2001), chmod("/w/group/in", 0o060)]);
    t.extend(seq![mkdir("/w/setgid", 0o755), chown("/w/setgid", 0, 2000), chmod("/w/setgid", 0o2777)]);
    t.extend(seq![mknod("/w/fifo", S_IFIFO | 0o666, 0), mknod("/w/null", S_IFCHR | 0o666, NULL)]);
    t.extend(seq![mknod("/w/sock", S_IFSOCK | 0o666, 0)]);
    t
}
