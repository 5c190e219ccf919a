//! How two threads do against one: the speed-up, with files of their own and with the same ones.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::time::Instant;

use imfs::abi::OFlags;

use crate::Args;
use crate::calls::{Calls, InProcess, Kernel};
use crate::ops::PAGE;
use crate::report::Row;

/// The operations, and whether the threads share their file and directory.
const ROWS: [(&str, &str, bool); 7] = [
    ("scale2_separate_pread", "pread", false),
    ("scale2_separate_stat", "stat", false),
    ("scale2_separate_open", "open", false),
    ("scale2_separate_create", "create", false),
    ("scale2_shared_pread", "pread", true),
    ("scale2_shared_stat", "stat", true),
    ("scale2_shared_open", "open", true),
];

/// Adds the rows, as speed-ups.
pub(crate) fn measure(args: &Args, rows: &mut BTreeMap<&str, Row>) {
    let rounds = if args.quick { 3 } else { 9 };
    for (name, op, shared) in ROWS.into_iter().filter(|row| args.wants(row.0)) {
        let imfs = InProcess::new();
        let cages = [imfs.another(11), imfs.another(12)];
        let row = rows.entry(name).or_default();
        let kernels = [Kernel, Kernel];
        prepare(&imfs);
        prepare(&Kernel);
        for _ in 0..rounds {
            row.imfs.push(speed_up(&cages, op, shared));
            row.tmpfs.push(speed_up(&kernels, op, shared));
        }
        crate::mounts::clear_current_directory();
    }
}

fn prepare(fs: &dyn Calls) {
    for dir in [c"/t0", c"/t1"] {
        fs.mkdir(dir);
    }
    for file in [c"/t0/file", c"/t1/file"] {
        let fd = fs.open(file, OFlags::CREAT | OFlags::RDWR);
        fs.write(fd, &[7; PAGE]);
        fs.close(fd);
    }
}

/// Twice the time of one thread over the time of two that do as much each.
fn speed_up<F: Calls>(fs: &[F; 2], op: &str, shared: bool) -> f64 {
    let one = time(&fs[..1], op, shared);
    let two = time(fs, op, shared);
    2.0 * one / two
}

/// The seconds until all have done their work.
fn time<F: Calls>(fs: &[F], op: &str, shared: bool) -> f64 {
    let start = Barrier::new(fs.len() + 1);
    let end = Barrier::new(fs.len() + 1);
    std::thread::scope(|scope| {
        for (number, fs) in fs.iter().enumerate() {
            let (start, end) = (&start, &end);
            scope.spawn(move || {
                let thread = if shared { 0 } else { number };
                start.wait();
                work(fs, op, thread, number);
                end.wait();
            });
        }
        start.wait();
        let began = Instant::now();
        end.wait();
        began.elapsed().as_secs_f64()
    })
}

fn work<F: Calls>(fs: &F, op: &str, thread: usize, number: usize) {
    let file = [c"/t0/file", c"/t1/file"][thread];
    match op {
        "pread" => {
            let fd = fs.open(file, OFlags::RDONLY);
            let mut buf = vec![0; PAGE];
            (0..100_000).for_each(|_| fs.pread(fd, &mut buf, 0));
            fs.close(fd);
        }
        "stat" => (0..100_000).for_each(|_| {
            std::hint::black_box(fs.stat(file));
        }),
        "open" => (0..50_000).for_each(|_| fs.close(fs.open(file, OFlags::RDONLY))),
        _ => {
            let names: Vec<_> = (0..1000)
                .map(|n| std::ffi::CString::new(format!("/t{thread}/new-{number}-{n}")).expect("no NUL"))
                .collect();
            for _ in 0..10 {
                names.iter().for_each(|name| fs.close(fs.open(name, OFlags::CREAT | OFlags::RDWR)));
                names.iter().for_each(|name| fs.unlink(name));
            }
        }
    }
}
