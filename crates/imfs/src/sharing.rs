//! Which cache lines a call writes that a call of another cage writes or reads too, and which locks it takes: what decides
//! whether many threads can make it at once. The result is the table in docs/performance.md, which this test compares;
//! `IMFS_WRITE_SHARING=1` writes it anew.
//!
//! Two threads, each with a cage of its own, make the same call in turn. A line that one writes and both look at is
//! shared; what only one looks at, its slot of the epochs, its descriptor table, its file, is its own. Each call is noted
//! several times and the two that share least count, for once in some dozens of calls the epoch moves on, or credit is
//! fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::abi::{Access, Mode, OFlags, Timespec, Whence};
use crate::inode::Credentials;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::sync::epoch;
use crate::sync::tally::{Event, Note, noted};
use crate::{Cage, Imfs};

/// How the table's first line and last line are found in the document.
const BEGIN: &str = "<!-- sharing: begin -->\n";
const END: &str = "<!-- sharing: end -->";
/// As many calls of each thread are noted,
const NOTED: usize = 6;
/// after so many that are not.
const WARM: usize = 1200;

/// The calls of the table; "met" is when two threads counted their references to one file at once before. The first ones read; none of them may write a shared line, as long as files are not shared.
const CALLS: [&str; 16] = [
    "stat",
    "fstat",
    "access",
    "readlink",
    "readdir",
    "open + close",
    "open + close, met",
    "lseek",
    "pread",
    "read",
    "pwrite",
    "append",
    "create + close",
    "unlink",
    "rename",
    "mkdir + rmdir",
];
const READING: usize = 10;

#[test]
fn the_document_says_which_lines_are_shared() {
    let mut table = String::from(
        "| call | locks | shared lines: own directories and files | the same directory and file |\n|---|---|---|---|\n",
    );
    for (at, name) in CALLS.into_iter().enumerate() {
        let [apart, together] = [false, true].map(|same| Shared::of(name, same));
        assert!(
            at >= READING || apart.lines.is_empty(),
            "{name} writes what others write: {:?}",
            apart.lines
        );
        let together = if at < READING { together.counted() } else { together.named() };
        writeln!(table, "| {name} | {} | {} | {together} |", apart.locks, apart.counted()).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/performance.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("IMFS_WRITE_SHARING").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        written, table,
        "docs/performance.md says otherwise; if it is meant, run this test with IMFS_WRITE_SHARING=1"
    );
}

/// What a call of two cages has in common.
struct Shared {
    /// The locks that one takes.
    locks: String,
    /// The lines that one writes and both look at, as the functions that write.
    lines: Vec<Vec<String>>,
}

impl Shared {
    fn of(name: &str, same: bool) -> Self {
        let ticks = Ticks(AtomicU64::new(1));
        let fs = Imfs::builder().uid(1000).gid(1000).clock(ticks).entropy(Fixed).build().unwrap();
        let cages = [1, 2].map(|id| fs.create_cage(id, Credentials::new(1000, 1000)).unwrap());
        for dir in ["/0", "/1"] {
            tree(&cages[0], dir);
        }
        if name.ends_with(", met") {
            spread_count(&fs);
        }
        let [first, second] =
            in_turn(|number| call(name, &cages[number], number, if same { 0 } else { number }));
        let (first, second) = least_shared(&first, &second);
        let lines = by_line(shared(first, second));
        Self { locks: locks(first), lines }
    }

    /// How many lines, and what writes them.
    fn counted(&self) -> String {
        let writers: Vec<String> = self.lines.iter().map(|writers| writers.join(", ")).collect();
        if writers.is_empty() { "0".into() } else { format!("{}: {}", writers.len(), writers.join("; ")) }
    }

    /// The objects that are written, without the lines that it takes: those depend on where the allocator puts them, and
    /// names in a directory on their hashes.
    fn named(&self) -> String {
        let object = |writer: &String| match writer.split("::").next() {
            Some("Attributes" | "Change" | "Inode" | "inode") => "inode",
            // What a call of the cage writes itself is the end of its use of the directory.
            Some("Cage" | "Chunk" | "Counts" | "Directory" | "Table" | "directory") => "directory",
            Some("Superblock") => "instance",
            _ => "other",
        };
        let objects: BTreeSet<&str> = self.lines.iter().flatten().map(object).collect();
        objects.into_iter().collect::<Vec<_>>().join(", ")
    }
}

/// A clock that moves with each look, so that all times are written.
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> Timespec {
        Timespec { sec: self.0.fetch_add(1, Ordering::Relaxed) as i64, nsec: 0 }
    }
}

/// Hashes that are the same in every run.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buf: &mut [u8]) {
        buf.fill(0x5a);
    }
}

/// Two threads were seen to count references to the first directory's file at once.
fn spread_count(fs: &Imfs) {
    let guard = epoch::pin();
    let mut inode = fs.root().share(&guard);
    for name in ["0", "a", "b", "file9"] {
        inode = inode.get().lookup(name.as_bytes(), &guard).unwrap();
    }
    inode.upgrade().unwrap().spread(|| true);
}

/// A call: what comes before it and is not noted, and itself.
type Call<'c> = (Box<dyn FnMut() + 'c>, Box<dyn FnMut() + 'c>);

/// A directory with what the calls need.
fn tree(cage: &Cage, dir: &str) {
    let make =
        |path: String| cage.close(cage.open(path, OFlags::CREAT | OFlags::WRONLY, Mode::RWXUGO).unwrap());
    for dir in [dir.to_owned(), format!("{dir}/a"), format!("{dir}/a/b")] {
        cage.mkdir(&dir, Mode::RWXUGO).unwrap();
        (0..20).for_each(|n| make(format!("{dir}/file{n}")).unwrap());
    }
    cage.symlink("/a/long/target", format!("{dir}/link")).unwrap();
    let fd = cage.open(format!("{dir}/data"), OFlags::CREAT | OFlags::RDWR, Mode::RWXUGO).unwrap();
    cage.write(fd, &[7; 65536]).unwrap();
    cage.close(fd).unwrap();
}

/// The call of this name, in the directory of this number.
fn call<'c>(name: &str, cage: &'c Arc<Cage>, number: usize, dir: usize) -> Call<'c> {
    let nothing = Box::new(|| ());
    let new = format!("/{dir}/new{number}");
    let moved = format!("/{dir}/moved{number}");
    let create = {
        let new = new.clone();
        move || {
            let fd = cage.open(&new, OFlags::CREAT | OFlags::RDWR, Mode::RWXUGO).unwrap();
            cage.close(fd).unwrap();
        }
    };
    let data = cage.open(format!("/{dir}/data"), OFlags::RDWR, Mode::empty()).unwrap();
    let mut page = vec![7; 4096];
    match name {
        "stat" => {
            let path = format!("/{dir}/a/b/file9");
            (nothing, Box::new(move || assert_eq!(cage.stat(&path).unwrap().nlink, 1)))
        }
        "fstat" => (nothing, Box::new(move || assert_eq!(cage.fstat(data).unwrap().nlink, 1))),
        "access" => {
            let path = format!("/{dir}/a/b/file9");
            (nothing, Box::new(move || cage.access(&path, Access::READ).unwrap()))
        }
        "readlink" => {
            let path = format!("/{dir}/link");
            (nothing, Box::new(move || assert_eq!(cage.readlink(&path, &mut page).unwrap(), 14)))
        }
        "readdir" => {
            let fd = cage.open(format!("/{dir}/a"), OFlags::RDONLY, Mode::empty()).unwrap();
            let rewind = move || assert_eq!(cage.lseek(fd, 0, Whence::Set).unwrap(), 0);
            (Box::new(rewind), Box::new(move || assert!(cage.getdents64(fd, &mut page).unwrap() > 0)))
        }
        "open + close" | "open + close, met" => {
            let path = format!("/{dir}/a/b/file9");
            let call = move || cage.close(cage.open(&path, OFlags::RDONLY, Mode::empty()).unwrap()).unwrap();
            (nothing, Box::new(call))
        }
        "lseek" => (nothing, Box::new(move || assert_eq!(cage.lseek(data, 0, Whence::Set).unwrap(), 0))),
        "pread" => (nothing, Box::new(move || assert_eq!(cage.pread(data, &mut page, 8192).unwrap(), 4096))),
        "read" => {
            let rewind = move || assert_eq!(cage.lseek(data, 0, Whence::Set).unwrap(), 0);
            (Box::new(rewind), Box::new(move || assert_eq!(cage.read(data, &mut page).unwrap(), 4096)))
        }
        "pwrite" => (nothing, Box::new(move || assert_eq!(cage.pwrite(data, &page, 8192).unwrap(), 4096))),
        "append" => {
            let flags = OFlags::WRONLY | OFlags::APPEND;
            let fd = cage.open(format!("/{dir}/data"), flags, Mode::empty()).unwrap();
            (nothing, Box::new(move || assert_eq!(cage.write(fd, &page).unwrap(), 4096)))
        }
        "create + close" => {
            let mut made = false;
            let remove = move || {
                if std::mem::replace(&mut made, true) {
                    cage.unlink(&new).unwrap();
                }
            };
            (Box::new(remove), Box::new(create))
        }
        "unlink" => (Box::new(create), Box::new(move || cage.unlink(&new).unwrap())),
        "rename" => {
            create();
            let mut there = false;
            let call = move || {
                let (from, to) = if there { (&moved, &new) } else { (&new, &moved) };
                there = !there;
                cage.rename(from, to).unwrap();
            };
            (nothing, Box::new(call))
        }
        _ => {
            let call = move || {
                cage.mkdir(&new, Mode::RWXUGO).unwrap();
                cage.rmdir(&new).unwrap();
            };
            (nothing, Box::new(call))
        }
    }
}

/// Two threads that make their calls in turn, and both live until the end; what each noted, call by call.
fn in_turn<'c>(call: impl Fn(usize) -> Call<'c> + Sync) -> [Vec<Vec<Note>>; 2] {
    let turn = AtomicUsize::new(0);
    let run = |number: usize| {
        let next = |act: &mut dyn FnMut()| {
            while turn.load(Ordering::Acquire) % 2 != number {
                std::thread::yield_now();
            }
            act();
            turn.fetch_add(1, Ordering::Release);
        };
        let mut calls = Vec::new();
        let (mut before, mut this) = (None, None);
        next(&mut || {
            let (b, t) = call(number);
            (before, this) = (Some(b), Some(t));
        });
        let (mut before, mut this) = (before.unwrap(), this.unwrap());
        next(&mut || {
            (0..WARM).for_each(|_| {
                before();
                this();
            })
        });
        for _ in 0..NOTED {
            next(&mut || {
                before();
                calls.push(noted(&mut this));
            });
        }
        calls
    };
    std::thread::scope(|scope| {
        [scope.spawn(|| run(0)), scope.spawn(|| run(1))].map(|thread| thread.join().unwrap())
    })
}

/// The notes of `first` of writes to lines that `second` looks at too.
fn shared<'n>(first: &'n [Note], second: &[Note]) -> impl Iterator<Item = &'n Note> {
    let theirs: BTreeSet<usize> = second.iter().map(Note::line).collect();
    first.iter().filter(move |note| note.event != Event::Read && theirs.contains(&note.line()))
}

/// The calls, one of each thread, that share the least.
fn least_shared<'n>(first: &'n [Vec<Note>], second: &'n [Vec<Note>]) -> (&'n [Note], &'n [Note]) {
    let pairs = first.iter().flat_map(|a| second.iter().map(move |b| (a.as_slice(), b.as_slice())));
    pairs.min_by_key(|(a, b)| (shared(a, b).count(), a.len())).unwrap()
}

/// The locks that were taken, by their names in the lock order.
fn locks(notes: &[Note]) -> String {
    const NAMES: [&str; 13] = [
        "cages",
        "rename",
        "directory",
        "descriptors",
        "mappings",
        "offset",
        "contents",
        "pipe",
        "extras",
        "deadlock",
        "wait",
        "space",
        "leaf",
    ];
    let mut counts: BTreeMap<(u8, bool), usize> = BTreeMap::new();
    for note in notes {
        if let Event::Locked { rank, exclusive } = note.event {
            *counts.entry((rank, exclusive)).or_default() += 1;
        }
    }
    let name = |((rank, exclusive), count): (&(u8, bool), &usize)| {
        let shared = if *exclusive { "" } else { " (shared)" };
        let times = if *count > 1 { format!(" x{count}") } else { String::new() };
        format!("{}{times}{shared}", NAMES[usize::from(*rank)])
    };
    let names: Vec<String> = counts.iter().map(name).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

/// The lines that were written, as the functions that did.
fn by_line<'n>(notes: impl Iterator<Item = &'n Note>) -> Vec<Vec<String>> {
    let mut lines: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for note in notes {
        lines.entry(note.line()).or_default().insert(writer(&note.from.to_string()));
    }
    let mut lines: Vec<Vec<String>> =
        lines.into_values().map(|writers| writers.into_iter().collect()).collect();
    lines.sort();
    lines
}

/// The function above the `sync` layer in a backtrace, as its last two names.
fn writer(backtrace: &str) -> String {
    let functions = backtrace.lines().filter_map(|line| line.trim().split_once(": "));
    let mut ours = functions.map(|(_, name)| name).filter(|name| {
        let start = name.trim_start_matches('<');
        start.starts_with("imfs::") && !start.starts_with("imfs::sync::")
    });
    plain(ours.next().unwrap_or("?"))
}

/// `imfs::cage::open::<impl imfs::cage::Cage>::do_open::{{closure}}` as `Cage::do_open`.
fn plain(name: &str) -> String {
    let name = name.replace("::{{closure}}", "").replace("<impl ", "").replace(['<', '>'], "");
    // "<A as B>::c" is A's.
    let name = match name.split_once(" as ") {
        Some((of, method)) => format!("{of}::{}", method.rsplit("::").next().unwrap_or_default()),
        None => name,
    };
    let parts: Vec<&str> = name.rsplit("::").take(2).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("::")
}
