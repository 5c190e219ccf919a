//! IMFS against tmpfs, memcpy, other in-memory file systems and its own FUSE mount: each operation in the same run, in
//! interleaved batches, so that only ratios matter. `make bench`.
//!
//! Prints a table, and writes `target/bench.json` and `target/bench.svg`.

mod calls;
mod grow;
mod limits;
mod measure;
mod memory;
mod mounts;
mod ops;
mod pair;
#[cfg(feature = "peers")]
mod peers;
mod report;
mod scale;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Parser;

use calls::{Calls, InProcess, Kernel};
use measure::{Clock, Sample};
use ops::Op;
use report::Row;

/// Measures IMFS against its peers.
#[derive(Debug, Parser)]
struct Args {
    /// Only these operations, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    ops: Vec<String>,
    /// A few batches only, and neither memory nor FUSE.
    #[arg(long)]
    quick: bool,
    /// Leave the FUSE mount out.
    #[arg(long)]
    no_fuse: bool,
    /// Where the results go.
    #[arg(long, default_value = "target", value_name = "DIR")]
    out: PathBuf,
    /// Print what a file of so many bytes takes, and end.
    #[arg(long, hide = true, value_name = "BYTES")]
    memory_of: Option<usize>,
}

impl Args {
    fn wants(&self, name: &str) -> bool {
        self.ops.is_empty() || self.ops.iter().any(|wanted| name.starts_with(wanted.as_str()))
    }

    fn batches(&self) -> usize {
        if self.quick { 5 } else { 21 }
    }
}

fn main() -> std::io::Result<()> {
    let args = Args::parse();
    if let Some(bytes) = args.memory_of {
        memory::print_figure(bytes);
        return Ok(());
    }
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    let tmpfs = mounts::Tmpfs::mount()?;
    tmpfs.enter()?;
    for name in ops::NAMES.into_iter().filter(|name| args.wants(name)) {
        rows.insert(name, in_process(name, args.batches()));
    }
    if (args.wants("mem_empty") || args.wants("mem_1byte")) && !args.quick {
        memory::measure(&mut rows);
    }
    scale::measure(&args, &mut rows);
    grow::measure(&args, &mut rows);
    drop(tmpfs);
    if !args.quick && !args.no_fuse {
        // The threads that answer inherit it: a round trip from one idle CPU to another would measure how these wake up.
        if let Some(cpu) = pair::allowed_cpus().last() {
            pair::pin_to(*cpu);
        }
        let mount = mounts::Fuse::mount()?;
        mount.enter()?;
        for name in ops::NAMES.into_iter().filter(|name| args.wants(name)) {
            rows.entry(name).or_default().fuse = through_fuse(name);
        }
    }
    report::print(&rows);
    report::write(&rows, &args.out)
}

/// One operation by a cage, by system calls on tmpfs, by memcpy where that is the limit, and by the peers.
fn in_process(name: &'static str, batches: usize) -> Row {
    if name == "seq_write_fresh" {
        return fresh(batches);
    }
    let (imfs, kernel) = (InProcess::new(), Kernel);
    ops::prepare(&imfs);
    ops::prepare(&kernel);
    let (mut imfs_op, mut kernel_op) = (ops::make(name, &imfs), ops::make(name, &kernel));
    let mut memcpy_op = limits::memcpy(name);
    #[cfg(feature = "peers")]
    let mut peers = peers::make(name);
    let mut row = Row::default();
    // The first batches warm up.
    for batch in 0..batches + 2 {
        let mut fresh = Row::default();
        let into = if batch < 2 { &mut fresh } else { &mut row };
        into.imfs.warm_batch(&mut imfs_op, Clock::Thread);
        into.tmpfs.warm_batch(&mut kernel_op, Clock::Thread);
        if let Some(op) = &mut memcpy_op {
            into.memcpy.warm_batch(op, Clock::Thread);
        }
        #[cfg(feature = "peers")]
        for (peer, op) in &mut peers {
            into.peers.entry(peer).or_default().warm_batch(op, Clock::Thread);
        }
    }
    drop(kernel_op);
    mounts::clear_current_directory();
    row
}

/// Sequential writes into memory that nobody touched before: a new instance, and a new file on tmpfs, for each batch.
fn fresh(batches: usize) -> Row {
    let buf = vec![7; ops::PAGE];
    let write = |fs: &dyn Calls, sample: &mut Sample| {
        let fd = fs.open(c"/fresh", imfs::abi::OFlags::CREAT | imfs::abi::OFlags::RDWR);
        let mut op = Op {
            count: ops::LARGE / ops::PAGE,
            before: Box::new(|| ()),
            run: Box::new(|| fs.write(fd, &buf)),
            after: Box::new(|| ()),
        };
        sample.batch(&mut op, Clock::Thread);
        drop(op);
        fs.close(fd);
        fs.unlink(c"/fresh");
    };
    let mut row = Row::default();
    for _ in 0..batches {
        write(&InProcess::new(), &mut row.imfs);
        write(&Kernel, &mut row.tmpfs);
        limits::fresh_memcpy(&mut row.memcpy);
    }
    row
}

/// One operation on the FUSE mount that is the working directory.
fn through_fuse(name: &'static str) -> Sample {
    let kernel = Kernel;
    let mut sample = Sample::default();
    if name == "seq_write_fresh" {
        return sample;
    }
    ops::prepare(&kernel);
    let mut op = ops::make(name, &kernel);
    for batch in 0..7 {
        let mut warm = Sample::default();
        (if batch < 2 { &mut warm } else { &mut sample }).batch(&mut op, Clock::Wall);
    }
    drop(op);
    mounts::clear_current_directory();
    sample
}
