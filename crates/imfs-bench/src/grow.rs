//! How costs grow with size: directories of a thousand to a million entries, sparse files of 1 MiB to 16 GiB, 1 to a million
//! descriptors. Batches at all sizes alternate, and each size touches as many different things, so that what grows is
//! the work, not what misses the caches; the row that ends in `_any` shows these misses too. What is touched is chosen by
//! chance: at equal distances it would fall on few sets of the caches.

use std::collections::BTreeMap;
use std::ffi::CString;

use imfs::abi::OFlags;

use crate::Args;
use crate::calls::{Calls, InProcess, Kernel};
use crate::measure::{Clock, Sample};
use crate::ops::{Op, PAGE, next};
use crate::report::Row;

/// How many different names or pages a batch touches, whatever the size.
const TOUCHED: usize = 1000;
const SEED: u64 = 0x2545_f491_4f6c_dd1d;
const NEW: OFlags = OFlags::CREAT.union(OFlags::RDWR);

/// The rows of one kind, by size. The first one is what the others are compared with.
type Sizes = &'static [(&'static str, usize)];

const STAT: Sizes = &[
    ("grow_stat_1e3", 1_000),
    ("grow_stat_1e4", 10_000),
    ("grow_stat_1e5", 100_000),
    ("grow_stat_1e6", 1_000_000),
];
const STAT_ANY: Sizes = &[("grow_stat_1e6_any", 1_000_000)];
const CREATE: Sizes = &[
    ("grow_create_1e3", 1_000),
    ("grow_create_1e4", 10_000),
    ("grow_create_1e5", 100_000),
    ("grow_create_1e6", 1_000_000),
];
const PREAD: Sizes = &[
    ("grow_pread_16m", 16 << 20),
    ("grow_pread_1m", 1 << 20),
    ("grow_pread_1g", 1 << 30),
    ("grow_pread_16g", 16 << 30),
];
const OPEN: Sizes =
    &[("grow_open_1", 0), ("grow_open_1e3", 1_000), ("grow_open_1e5", 100_000), ("grow_open_1e6", 1_000_000)];

/// Adds the rows.
pub(crate) fn measure(args: &Args, rows: &mut BTreeMap<&str, Row>) {
    let wanted = |sizes: Sizes| sizes.iter().any(|size| args.wants(size.0));
    if wanted(STAT) || wanted(CREATE) {
        let imfs = InProcess::new();
        directories(&imfs, args.batches(), &mut |name, sample| rows.entry(name).or_default().imfs = sample);
        directories(&Kernel, args.batches(), &mut |name, sample| {
            rows.entry(name).or_default().tmpfs = sample
        });
        crate::mounts::clear_current_directory();
    }
    if wanted(PREAD) {
        let imfs = InProcess::new();
        let mut keep = |name, sample| rows.entry(name).or_default().imfs = sample;
        alternate(PREAD, args.batches(), &mut keep, |size| pread(&imfs, size));
        let mut keep = |name, sample| rows.entry(name).or_default().tmpfs = sample;
        alternate(PREAD, args.batches(), &mut keep, |size| pread(&Kernel, size));
        crate::mounts::clear_current_directory();
    }
    if wanted(OPEN) {
        let imfs = InProcess::new();
        let cages: Vec<InProcess> = (0..OPEN.len()).map(|id| imfs.another(10 + id as u64)).collect();
        imfs.close(imfs.open(c"/file", NEW));
        let mut cages = cages.iter();
        let mut keep = |name, sample| rows.entry(name).or_default().imfs = sample;
        alternate(OPEN, args.batches(), &mut keep, |count| open(cages.next().expect("one a size"), count));
    }
}

/// Runs the operation of each size in turn.
fn alternate<'f>(
    sizes: Sizes,
    batches: usize,
    keep: &mut dyn FnMut(&'static str, Sample),
    mut prepare: impl FnMut(usize) -> Op<'f>,
) {
    let mut ops: Vec<(&str, Op<'f>, Sample)> =
        sizes.iter().map(|(name, size)| (*name, prepare(*size), Sample::default())).collect();
    // The first batches warm up.
    for batch in 0..batches + 2 {
        for (_, op, sample) in &mut ops {
            let mut warm = Sample::default();
            (if batch < 2 { &mut warm } else { sample }).batch(op, Clock::Thread);
        }
    }
    ops.into_iter().for_each(|(name, _, sample)| keep(name, sample));
}

/// stat and create in directories of all sizes.
fn directories(fs: &dyn Calls, batches: usize, keep: &mut dyn FnMut(&'static str, Sample)) {
    for (_, size) in STAT {
        fs.mkdir(&path(format!("/d{size}")));
        (0..*size).for_each(|n| fs.close(fs.open(&path(format!("/d{size}/file{n}")), NEW)));
    }
    alternate(STAT, batches, keep, |size| stat(fs, size, TOUCHED));
    alternate(STAT_ANY, batches, keep, |size| stat(fs, size, 100 * TOUCHED));
    alternate(CREATE, batches, keep, |size| create(fs, size));
}

/// stat of so many files of a directory of `size`, one after the other.
fn stat(fs: &dyn Calls, size: usize, count: usize) -> Op<'_> {
    let mut random = SEED;
    let names: Vec<CString> =
        (0..count).map(|_| path(format!("/d{size}/file{}", next(&mut random) as usize % size))).collect();
    let mut at = 0;
    let run = move || {
        at = (at + 389) % names.len();
        std::hint::black_box(fs.stat(&names[at]));
    };
    Op { count: 4 * TOUCHED, before: Box::new(|| ()), run: Box::new(run), after: Box::new(|| ()) }
}

/// create and close of new names, which go between the batches.
fn create(fs: &dyn Calls, size: usize) -> Op<'_> {
    let names: Vec<CString> = (0..TOUCHED).map(|n| path(format!("/d{size}/new{n}"))).collect();
    let again = names.clone();
    let mut at = 0;
    let run = move || {
        fs.close(fs.open(&names[at % TOUCHED], NEW));
        at += 1;
    };
    let after = move || again.iter().for_each(|name| fs.unlink(name));
    Op { count: TOUCHED, before: Box::new(|| ()), run: Box::new(run), after: Box::new(after) }
}

/// pread of a page at random, of those that are there: 4096, or as many as the file can have.
fn pread(fs: &dyn Calls, size: usize) -> Op<'_> {
    let fd = fs.open(&path(format!("/sparse{size}")), NEW);
    let (pages, mut random) = (size / PAGE, SEED);
    let mut buf = vec![7; PAGE];
    let places: Vec<i64> = (0..pages.min(4096))
        .map(|n| if pages <= 4096 { n } else { next(&mut random) as usize % pages } * PAGE)
        .map(|place| place as i64)
        .collect();
    places.iter().for_each(|place| fs.pwrite(fd, &buf, *place));
    let run = move || {
        let place = places[next(&mut random) as usize % places.len()];
        fs.pread(fd, &mut buf, place);
    };
    Op { count: 4 * TOUCHED, before: Box::new(|| ()), run: Box::new(run), after: Box::new(|| ()) }
}

/// open and close behind `count` descriptors that stay open.
fn open(fs: &dyn Calls, count: usize) -> Op<'_> {
    (0..count).for_each(|_| {
        fs.open(c"/file", OFlags::RDONLY);
    });
    let run = move || fs.close(fs.open(c"/file", OFlags::RDONLY));
    Op { count: 2 * TOUCHED, before: Box::new(|| ()), run: Box::new(run), after: Box::new(|| ()) }
}

fn path(path: String) -> CString {
    CString::new(path).expect("no NUL in the paths of a bench")
}
