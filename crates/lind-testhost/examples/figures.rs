//! `make bench-grate`: what each handler costs above one that does nothing but the copies, under the test host.
//!
//! The host's own cost is several times that of Lind, and it is in both columns: look at the difference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lind_testhost::{Run, Runtime};

type Figures = BTreeMap<(String, u32), f64>;

fn main() {
    let root = std::env::temp_dir().join(format!("lind-figures-{}", std::process::id()));
    std::fs::create_dir_all(root.join("tmp")).expect("a temporary directory");
    for (variable, name) in [("IMFS_GRATE", "grate.wasm"), ("IMFS_CAGES", "cages.wasm")] {
        use std::os::unix::fs::PermissionsExt as _;
        let from = std::env::var_os(variable).expect("make bench-grate says where the modules are");
        std::fs::copy(from, root.join(name)).expect("the module was built");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root.join(name), mode).expect("it is ours");
    }
    let engine = Runtime::engine();
    let run = |args: &[&[u8]]| {
        // The best of three: other load of the machine only ever adds.
        let mut best = Figures::new();
        for _ in 0..3 {
            let outcome = Run::new(&engine, &root, args).run();
            let text = String::from_utf8_lossy(&outcome.stdout).into_owned();
            assert_eq!(outcome.code(), Some(0), "{text}{}", String::from_utf8_lossy(&outcome.stderr));
            for (key, nanos) in text.lines().filter_map(parse) {
                let place = best.entry(key).or_insert(f64::MAX);
                *place = place.min(nanos);
            }
        }
        best
    };
    start(&engine, &root);
    let empty = run(&[b"/cages.wasm", b"null"]);
    let grate = run(&[b"/grate.wasm", b"/cages.wasm", b"bench"]);
    clean(&root);
    println!("microseconds a call          empty   imfs-grate   difference");
    for ((name, threads), nanos) in &grate {
        let base = empty.get(&(name.clone(), *threads)).copied().unwrap_or(f64::NAN);
        let [base, nanos] = [base, *nanos].map(|nanos| nanos / 1000.0);
        let difference = nanos - base;
        println!("{name:<14} {threads} thread(s) {base:>8.2} {nanos:>12.2} {difference:>12.2}");
    }
}

/// Prints what a start costs: grate, fork, registration, exec of a program that ends at once, end.
fn start(engine: &wasmtime::Engine, root: &Path) {
    const RUNS: usize = 20;
    let run = || {
        let start = Instant::now();
        let outcome = Run::new(engine, root, &[b"/grate.wasm", b"/cages.wasm", b"status", b"0"]).run();
        assert_eq!(outcome.code(), Some(0));
        (start.elapsed(), outcome.resident + outcome.fork_bytes)
    };
    // The first one compiles the modules.
    let first = run();
    let best = (0..RUNS).map(|_| run()).fold(first, |best, one| (best.0.min(one.0), best.1.max(one.1)));
    let (millis, megabytes) = (best.0.as_secs_f64() * 1e3, best.1 as f64 / f64::from(1 << 20));
    println!(
        "start and end of a program: {millis:.1} ms; memory of the grate and its fork: {megabytes:.1} MB"
    );
}

/// A line of the output: name, threads, nanoseconds.
fn parse(line: &str) -> Option<((String, u32), f64)> {
    let mut fields = line.split(',');
    let name = fields.next()?.to_owned();
    Some(((name, fields.next()?.parse().ok()?), fields.next()?.parse().ok()?))
}

fn clean(root: &PathBuf) {
    let _ = std::fs::remove_dir_all(root);
}
