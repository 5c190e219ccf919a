//! How many instructions hot operations take, counted by callgrind and compared with what the repository has recorded.
//! Unlike time, a count can be repeated, so that a change of a few percent shows. `make guard`, `make guard ACCEPT=1`.
//!
//! The program starts itself under callgrind, once an operation (`--run NAME`), and reads what that wrote. What would
//! make counts differ from run to run is fixed: the seed of the hashes, the clock, one thread. What the C library does to
//! copy, fill and compare memory is left out, for it chooses its code by the CPU.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use imfs::abi::{Mode, OFlags, Timespec, Whence};
use imfs::inode::Credentials;
use imfs::platform::clock::Clock;
use imfs::platform::entropy::Entropy;
use imfs::{Cage, Imfs};

type Failure = Box<dyn std::error::Error>;

/// The operations, and how often each is called: often enough that what happens once in a while has its share.
const OPERATIONS: [(&str, usize); 10] = [
    ("stat_depth4", 1000),
    ("fstat", 1000),
    ("open_close", 16384),
    ("lseek", 1000),
    ("pread_4k", 1000),
    ("pwrite_4k", 1000),
    ("create_unlink", 16384),
    ("rename", 2000),
    ("mkdir_rmdir", 16384),
    ("readdir_1000", 50),
];
/// How much a count may differ from the recorded one, either way.
const TOLERANCE: f64 = 0.05;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args[..] {
        ["--run", name] => run(name),
        ["--accept", record] => accept(Path::new(record)),
        [record] => compare(Path::new(record)),
        _ => Err("usage: imfs-guard [--accept] RECORD".into()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("imfs-guard: {error}");
            ExitCode::from(2)
        }
    }
}

/// Writes the record anew.
fn accept(record: &Path) -> Result<ExitCode, Failure> {
    let mut text = String::new();
    for (name, calls) in OPERATIONS {
        writeln!(text, "{name} {:.1}", count(name, calls)?)?;
    }
    print!("{text}");
    std::fs::write(record, text)?;
    Ok(ExitCode::SUCCESS)
}

/// Compares with the record, and says what differs.
fn compare(record: &Path) -> Result<ExitCode, Failure> {
    let recorded = std::fs::read_to_string(record)?;
    let recorded = |name: &str| {
        let line = recorded.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|count| count.parse::<f64>().ok())
    };
    let mut differ = false;
    for (name, calls) in OPERATIONS {
        let now = count(name, calls)?;
        let Some(before) = recorded(name) else {
            println!("{name}: {now:.1} instructions a call, nothing is recorded  <- differs");
            differ = true;
            continue;
        };
        let change = now / before - 1.0;
        let mark = if change.abs() > TOLERANCE { "  <- differs" } else { "" };
        // The sum turns -0 into 0.
        let percent = (change * 1000.0).round() / 10.0 + 0.0;
        println!("{name}: {now:.1} instructions a call, recorded {before:.1}, {percent:+.1}%{mark}");
        differ |= !mark.is_empty();
    }
    if differ {
        println!(
            "A count differs by more than {:.0}% from {}. If that is meant, and worth what it buys, accept it:\n\
             `make guard ACCEPT=1`, and commit the file with the change.",
            TOLERANCE * 100.0,
            record.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The instructions of one call, by a run under callgrind.
fn count(name: &str, calls: usize) -> Result<f64, Failure> {
    let out = Scratch(std::env::temp_dir().join(format!("imfs-guard-{}-{name}", std::process::id())));
    let run = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--toggle-collect=*counted_calls*",
            "--compress-strings=no",
            "--compress-pos=no",
        ])
        .arg(format!("--callgrind-out-file={}", out.0.display()))
        .arg(std::env::current_exe()?)
        .args(["--run", name])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    if !run.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&run.stderr)).into());
    }
    let total = instructions(&std::fs::read_to_string(&out.0)?);
    if total == 0 {
        return Err(format!("{name}: nothing was counted").into());
    }
    Ok(total as f64 / calls as f64)
}

/// A file that goes with the value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The sum over all functions but those that the C library chooses by the CPU, from callgrind's output: lines of
/// "position count" below a line "fn=name". What follows a line "calls=" is the callee's and stands there too.
fn instructions(profile: &str) -> u64 {
    let mut total = 0;
    let mut counts = true;
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(function) = line.strip_prefix("fn=") {
            counts = !chosen_by_cpu(function);
        } else if line.starts_with("calls=") {
            lines.next();
        } else if counts && line.starts_with(|c: char| c.is_ascii_digit()) {
            total += line.split(' ').nth(1).and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    total
}

fn chosen_by_cpu(function: &str) -> bool {
    let name = function.trim_start_matches('_');
    ["memcpy", "memmove", "memset", "memcmp", "bcmp"].iter().any(|family| name.starts_with(family))
}

/// What callgrind looks at: it counts from the entry of this function to its return.
#[inline(never)]
fn counted_calls(operation: &mut dyn FnMut(), calls: usize) {
    for _ in 0..calls {
        operation();
    }
}

/// Runs an operation: as often to warm up, then to be counted.
fn run(name: &str) -> Result<ExitCode, Failure> {
    let calls = OPERATIONS.iter().find(|operation| operation.0 == name).ok_or("no such operation")?.1;
    let cage = prepare()?;
    let mut operation = operation(name, &cage)?;
    for _ in 0..calls {
        operation();
    }
    counted_calls(&mut *operation, calls);
    Ok(ExitCode::SUCCESS)
}

/// A clock that stands still.
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timespec {
        Timespec { sec: 1_000_000_000, nsec: 0 }
    }
}

impl Entropy for Fixed {
    fn fill(&self, buf: &mut [u8]) {
        buf.iter_mut().enumerate().for_each(|(at, byte)| *byte = (at as u8).wrapping_mul(0x6d) ^ 0x5a);
    }
}

const MODE: Mode = Mode::from_bits_retain(0o644);
const DIR_MODE: Mode = Mode::from_bits_retain(0o755);
const NEW: OFlags = OFlags::CREAT.union(OFlags::RDWR);
const PAGE: usize = 4096;

/// The tree that the operations work on; the user is an ordinary one, so that permissions are checked.
fn prepare() -> Result<Arc<Cage>, Failure> {
    let fs = Imfs::builder().uid(1000).gid(1000).clock(Fixed).entropy(Fixed).build()?;
    let cage = fs.create_cage(1, Credentials::new(1000, 1000))?;
    for (dir, files) in [("/a", 99), ("/a/b", 99), ("/a/b/c", 99), ("/small", 10), ("/many", 1000)] {
        cage.mkdir(dir, DIR_MODE)?;
        for n in 0..files {
            cage.close(cage.open(format!("{dir}/file{n}"), NEW, MODE)?)?;
        }
    }
    let fd = cage.open("/large", NEW, MODE)?;
    for _ in 0..256 {
        cage.write(fd, &[7; PAGE])?;
    }
    cage.close(fd)?;
    Ok(cage)
}

/// The operation of this name. A call that fails panics: a count of failures is none.
fn operation<'c>(name: &str, cage: &'c Cage) -> Result<Box<dyn FnMut() + 'c>, Failure> {
    let large = cage.open("/large", OFlags::RDWR, MODE)?;
    let mut page = vec![7; PAGE];
    Ok(match name {
        "stat_depth4" => Box::new(|| assert_eq!(cage.stat("/a/b/c/file50").expect("stat").nlink, 1)),
        "fstat" => Box::new(move || assert_eq!(cage.fstat(large).expect("fstat").nlink, 1)),
        "open_close" => Box::new(|| {
            let fd = cage.open("/small/file5", OFlags::RDONLY, MODE).expect("open");
            cage.close(fd).expect("close");
        }),
        "lseek" => Box::new(move || assert_eq!(cage.lseek(large, 4096, Whence::Set), Ok(4096))),
        "pread_4k" => Box::new(move || assert_eq!(cage.pread(large, &mut page, 8192), Ok(PAGE))),
        "pwrite_4k" => Box::new(move || assert_eq!(cage.pwrite(large, &page, 8192), Ok(PAGE))),
        "create_unlink" => Box::new(|| {
            let fd = cage.open("/small/new", NEW, MODE).expect("open");
            cage.close(fd).expect("close");
            cage.unlink("/small/new").expect("unlink");
        }),
        "rename" => {
            let mut moved = false;
            Box::new(move || {
                let (from, to) = if moved { ("/a/moved", "/a/file7") } else { ("/a/file7", "/a/moved") };
                cage.rename(from, to).expect("rename");
                moved = !moved;
            })
        }
        "mkdir_rmdir" => Box::new(|| {
            cage.mkdir("/small/dir", DIR_MODE).expect("mkdir");
            cage.rmdir("/small/dir").expect("rmdir");
        }),
        "readdir_1000" => {
            let mut buf = vec![0; 32 << 10];
            Box::new(move || {
                let fd = cage.open("/many", OFlags::RDONLY | OFlags::DIRECTORY, MODE).expect("open");
                while cage.getdents64(fd, &mut buf).expect("getdents64") > 0 {}
                cage.close(fd).expect("close");
            })
        }
        _ => return Err("no such operation".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_costs_are_summed_without_those_of_callees_and_of_memcpy() {
        let profile = "events: Ir\n\nfl=a.rs\nfn=stat\n10 5\ncfn=__memcpy_avx\ncalls=2 7\n11 300\n12 2\n\n\
                       fl=b.S\nfn=__memcpy_avx\n7 300\n\nfl=c.rs\nfn=walk\n3 40\n\ntotals: 347\n";
        assert_eq!(instructions(profile), 47);
    }

    #[test]
    fn every_operation_runs() {
        let cage = prepare().unwrap();
        for (name, _) in OPERATIONS {
            let mut operation = operation(name, &cage).unwrap();
            counted_calls(&mut *operation, 2);
        }
    }
}
