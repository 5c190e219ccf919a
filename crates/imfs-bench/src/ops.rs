//! The operations, in the order of the table. Each is a loop over [`Calls`] that is prepared once and then run in
//! batches; what is not part of the operation (making what is to be removed) happens between the batches.

use std::ffi::{CStr, CString};

use imfs::abi::OFlags;

use crate::calls::Calls;

/// The names of the operations.
pub(crate) const NAMES: [&str; 17] = [
    "open_close",
    "stat_depth4",
    "create_unlink",
    "create_1000",
    "stat_1000",
    "readdir_1000",
    "rename_1000",
    "unlink_1000",
    "mkdir",
    "rmdir",
    "pread_4k",
    "pwrite_4k",
    "random_pread_4k",
    "seq_write_reused",
    "seq_write_fresh",
    "seq_read",
    "open_append_close",
];

pub(crate) const PAGE: usize = 4096;
/// The size of the large file.
pub(crate) const LARGE: usize = 16 << 20;
const NEW: OFlags = OFlags::CREAT.union(OFlags::RDWR);

/// A prepared operation: `run(count)` does it so often, after `before` and before `after`, which are not measured.
pub(crate) struct Op<'f> {
    /// How often a batch does it.
    pub(crate) count: usize,
    pub(crate) before: Box<dyn FnMut() + 'f>,
    pub(crate) run: Box<dyn FnMut() + 'f>,
    pub(crate) after: Box<dyn FnMut() + 'f>,
}

fn op<'f>(count: usize, run: impl FnMut() + 'f) -> Op<'f> {
    Op { count, before: Box::new(|| ()), run: Box::new(run), after: Box::new(|| ()) }
}

impl<'f> Op<'f> {
    fn before(mut self, call: impl FnMut() + 'f) -> Self {
        self.before = Box::new(call);
        self
    }

    fn after(mut self, call: impl FnMut() + 'f) -> Self {
        self.after = Box::new(call);
        self
    }
}

fn c(path: String) -> CString {
    CString::new(path).expect("no NUL in the paths of a bench")
}

fn names(dir: &str, kind: &str, count: usize) -> Vec<CString> {
    (0..count).map(|n| c(format!("{dir}/{kind}{n}"))).collect()
}

fn make_all(fs: &dyn Calls, names: &[CString]) {
    names.iter().for_each(|name| fs.close(fs.open(name, NEW)));
}

fn unlink_all(fs: &dyn Calls, names: &[CString]) {
    names.iter().for_each(|name| fs.unlink(name));
}

/// The trees that the operations work on.
pub(crate) fn prepare(fs: &dyn Calls) {
    for dir in ["/a", "/a/b", "/a/b/c", "/small", "/many", "/grow"] {
        fs.mkdir(&c(dir.into()));
    }
    for dir in ["/a", "/a/b", "/a/b/c"] {
        make_all(fs, &names(dir, "file", 99));
    }
    make_all(fs, &names("/small", "file", 10));
    make_all(fs, &names("/many", "file", 1000));
    let fd = fs.open(c"/large", NEW);
    (0..LARGE / PAGE).for_each(|_| fs.write(fd, &[7; PAGE]));
    fs.close(fd);
}

/// The operation `name` on `fs`, which was prepared.
pub(crate) fn make<'f>(name: &str, fs: &'f dyn Calls) -> Op<'f> {
    match name {
        "open_close" => op(2000, move || fs.close(fs.open(c"/small/file5", OFlags::RDONLY))),
        "stat_depth4" => op(4000, move || {
            std::hint::black_box(fs.stat(c"/a/b/c/file50"));
        }),
        "create_unlink" => op(1000, move || {
            fs.close(fs.open(c"/small/new", NEW));
            fs.unlink(c"/small/new");
        }),
        "stat_1000" => {
            let all = names("/many", "file", 1000);
            let mut at = 0;
            op(4000, move || {
                at = (at + 389) % 1000;
                std::hint::black_box(fs.stat(&all[at]));
            })
        }
        "readdir_1000" => {
            let mut buf = vec![0; 32 << 10];
            op(10, move || {
                let fd = fs.open(c"/many", OFlags::RDONLY | OFlags::DIRECTORY);
                while fs.getdents(fd, &mut buf) > 0 {}
                fs.close(fd);
            })
        }
        "rename_1000" => {
            let (here, there) = (names("/many", "file", 1000), names("/many", "moved", 1000));
            let mut at = 0;
            op(2000, move || {
                let n = at % 1000;
                let (from, to) = if at < 1000 { (&here[n], &there[n]) } else { (&there[n], &here[n]) };
                fs.rename(from, to);
                at = (at + 1) % 2000;
            })
        }
        "create_1000" | "unlink_1000" | "mkdir" | "rmdir" => growing(name, fs),
        "open_append_close" => {
            let page = [7; PAGE];
            op(256, move || {
                let fd = fs.open(c"/large", OFlags::WRONLY | OFlags::APPEND);
                fs.write(fd, &page);
                fs.close(fd);
            })
            .after(move || {
                let fd = fs.open(c"/large", OFlags::RDWR);
                fs.truncate(fd, LARGE as i64);
                fs.close(fd);
            })
        }
        _ => data(name, fs),
    }
}

/// Operations on a thousand names that come or go.
fn growing<'f>(name: &str, fs: &'f dyn Calls) -> Op<'f> {
    let all = names("/grow", "name", 1000);
    let again = all.clone();
    let mut at = 0;
    let each = move |act: &dyn Fn(&CStr)| {
        act(&all[at % 1000]);
        at += 1;
    };
    let mut each = each;
    match name {
        "create_1000" => {
            op(1000, move || each(&|name| fs.close(fs.open(name, NEW)))).after(move || unlink_all(fs, &again))
        }
        "unlink_1000" => op(1000, move || each(&|name| fs.unlink(name))).before(move || make_all(fs, &again)),
        "mkdir" => op(1000, move || each(&|name| fs.mkdir(name)))
            .after(move || again.iter().for_each(|name| fs.rmdir(name))),
        _ => op(1000, move || each(&|name| fs.rmdir(name)))
            .before(move || again.iter().for_each(|name| fs.mkdir(name))),
    }
}

/// Reading and writing.
fn data<'f>(name: &str, fs: &'f dyn Calls) -> Op<'f> {
    let mut buf = vec![7; PAGE];
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    match name {
        "pread_4k" => {
            let fd = fs.open(c"/large", OFlags::RDWR);
            op(4000, move || fs.pread(fd, &mut buf, 8192))
        }
        "pwrite_4k" => {
            let fd = fs.open(c"/large", OFlags::RDWR);
            op(4000, move || fs.pwrite(fd, &buf, 8192))
        }
        "random_pread_4k" => {
            let fd = fs.open(c"/large", OFlags::RDWR);
            op(4000, move || {
                let at = next(&mut random) as usize % (LARGE / PAGE) * PAGE;
                fs.pread(fd, &mut buf, at as i64);
            })
        }
        "seq_read" => {
            let fd = fs.open(c"/large", OFlags::RDWR);
            op(LARGE / PAGE, move || assert_eq!(fs.read(fd, &mut buf), PAGE)).before(move || fs.rewind(fd))
        }
        "seq_write_reused" => {
            let fd = fs.open(c"/rewritten", NEW);
            op(LARGE / PAGE, move || fs.write(fd, &buf)).before(move || {
                fs.truncate(fd, 0);
                fs.rewind(fd);
            })
        }
        other => panic!("no operation {other}"),
    }
}

/// The next number of xorshift64.
pub(crate) fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
