//! How two threads do against one: the speed-up, with files of their own and with the same ones.

use std::collections::BTreeMap;
use std::ffi::CString;

use imfs::abi::OFlags;

use crate::Args;
use crate::calls::{Calls, InProcess, Kernel};
use crate::ops::PAGE;
use crate::pair::{self, Work};
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

/// Adds the rows, as speed-ups: of memory copied too, which is what the machine can do.
pub(crate) fn measure(args: &Args, rows: &mut BTreeMap<&str, Row>) {
    let rounds = if args.quick { 9 } else { 45 };
    for (name, op, shared) in ROWS.into_iter().filter(|row| args.wants(row.0)) {
        let imfs = InProcess::new();
        let cages = [imfs.another(11), imfs.another(12)];
        prepare(&imfs);
        prepare(&Kernel);
        let row = rows.entry(name).or_default();
        let imfs = pair::speed_ups(&Calling { fs: [&cages[0], &cages[1]], op, shared }, rounds);
        imfs.into_iter().for_each(|speed_up| row.imfs.push(speed_up));
        let tmpfs = pair::speed_ups(&Calling { fs: [&Kernel, &Kernel], op, shared }, rounds);
        tmpfs.into_iter().for_each(|speed_up| row.tmpfs.push(speed_up));
        if op == "pread" {
            pair::speed_ups(&Copying, rounds).into_iter().for_each(|speed_up| row.memcpy.push(speed_up));
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

/// One operation by two threads.
struct Calling<'f> {
    fs: [&'f dyn Calls; 2],
    op: &'f str,
    shared: bool,
}

impl Work for Calling<'_> {
    fn prepare(&self, number: usize) -> Box<dyn FnMut(usize) + '_> {
        let fs = self.fs[number];
        let place = if self.shared { 0 } else { number };
        let file = [c"/t0/file", c"/t1/file"][place];
        match self.op {
            "pread" => {
                let fd = fs.open(file, OFlags::RDONLY);
                let mut buf = vec![0; PAGE];
                Box::new(move |count| (0..count).for_each(|_| fs.pread(fd, &mut buf, 0)))
            }
            "stat" => Box::new(move |count| {
                (0..count).for_each(|_| {
                    std::hint::black_box(fs.stat(file));
                });
            }),
            "open" => Box::new(move |count| (0..count).for_each(|_| fs.close(fs.open(file, OFlags::RDONLY)))),
            _ => {
                let names: Vec<CString> = (0..1000)
                    .map(|n| CString::new(format!("/t{place}/new-{number}-{n}")).expect("no NUL"))
                    .collect();
                Box::new(move |count| {
                    for names in std::iter::repeat_n(&names, count.div_ceil(names.len())) {
                        names.iter().for_each(|name| fs.close(fs.open(name, OFlags::CREAT | OFlags::RDWR)));
                        names.iter().for_each(|name| fs.unlink(name));
                    }
                })
            }
        }
    }
}

/// Copies of 4 KiB in memory of each thread's own.
struct Copying;

impl Work for Copying {
    fn prepare(&self, _number: usize) -> Box<dyn FnMut(usize) + '_> {
        let (from, mut to) = (vec![7_u8; PAGE], vec![0_u8; PAGE]);
        Box::new(move |count| (0..count).for_each(|_| crate::limits::copy(&mut to, &from)))
    }
}
