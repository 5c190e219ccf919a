//! A million calls with arguments that no honest program gives: none may panic, hang, or take more than the limits allow,
//! and afterwards all space can be had back.
//!
//! The seed is fixed, and printed with the number of the call if one panics. `IMFS_HOSTILE_SEED` and
//! `IMFS_HOSTILE_CALLS` of the environment choose others.

mod arguments;
mod calls;

use std::sync::Arc;
use std::time::Duration;

use imfs::abi::ioctl::FS_IOC_SETFLAGS;
use imfs::abi::{AT_FDCWD, AtFlags, Errno, FileType, Mode, OFlags};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

use arguments::Numbers;
use calls::CALLS;

const SIZE: u64 = 64 << 20;
const INODES: u64 = 4096;
const NOFILE: usize = 64;
/// Cages at one time. The first is never replaced.
const CAGES: u64 = 4;
/// Threads at one time, in the test of that.
const THREADS: u64 = 4;
/// The calls after which all is removed, so that space, inodes and descriptors are not always used up.
const ROUND: u64 = 20_000;

fn number_from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// Says which call it was, if that panics.
struct Position {
    seed: u64,
    call: u64,
    name: &'static str,
}

impl Drop for Position {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("IMFS_HOSTILE_SEED={} call {}: {}", self.seed, self.call, self.name);
        }
    }
}

/// No call waits: what would block ends with an error at once.
fn impatient(cage: Arc<Cage>) -> Arc<Cage> {
    cage.interrupts().set_longest_wait(Some((Duration::ZERO, Errno::ERESTART)));
    cage
}

#[test]
fn a_million_hostile_calls() {
    let calls = number_from_env("IMFS_HOSTILE_CALLS", if cfg!(miri) { 300 } else { 1_000_000 });
    let seed = number_from_env("IMFS_HOSTILE_SEED", 20_261_125);
    let fs = Imfs::builder().size(SIZE).inodes(INODES).nofile(NOFILE).files(200).build().unwrap();
    let mut numbers = Numbers::new(seed);
    let mut position = Position { seed, call: 0, name: "" };
    let mut cages = Vec::new();
    for call in 0..calls {
        (position.call, position.name) = (call, "between calls");
        if call.is_multiple_of(ROUND) {
            end_a_round(&fs, &mut cages);
            cages.push(impatient(fs.create_cage(0, Credentials::root()).unwrap()));
        }
        if numbers.one_in(1_000) {
            replace_a_cage(&fs, &mut cages, &mut numbers);
        }
        let (name, act) = CALLS[numbers.below(CALLS.len())];
        position.name = name;
        // Cage 0 stays what it is.
        let changes_itself = matches!(name, "chroot" | "identity" | "exec" | "limits");
        let first = !changes_itself && numbers.one_in(2);
        let cage = if first { &cages[0] } else { &cages[numbers.below(cages.len())] };
        if !(changes_itself && cage.id() == 0) {
            act(cage, &mut numbers);
        }
    }
    position.name = "clearing up";
    end_a_round(&fs, &mut cages);
    memory_stayed_within_bounds();
}

/// The same from several threads at once, which share the cages.
#[test]
fn hostile_calls_of_many_threads() {
    let calls = number_from_env("IMFS_HOSTILE_CALLS", if cfg!(miri) { 200 } else { 200_000 }) / THREADS;
    let seed = number_from_env("IMFS_HOSTILE_SEED", 20_261_125);
    let fs = Imfs::builder().size(SIZE).inodes(INODES).nofile(NOFILE).files(200).build().unwrap();
    let mut numbers = Numbers::new(seed);
    for _ in 0..4 {
        let mut cages = vec![impatient(fs.create_cage(0, Credentials::root()).unwrap())];
        for _ in 0..6 {
            replace_a_cage(&fs, &mut cages, &mut numbers);
        }
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                let (cages, seed) = (&cages, numbers.any());
                scope.spawn(move || {
                    let mut numbers = Numbers::new(seed);
                    for call in 0..calls / 4 {
                        let (name, act) = CALLS[numbers.below(CALLS.len())];
                        let _position = Position { seed, call, name };
                        act(&cages[numbers.below(cages.len())], &mut numbers);
                    }
                });
            }
        });
        end_cages(&fs, &mut cages);
        everything_is_removed(&fs);
        // Who wrote while another closed the file for good may have taken a page after that gave all back. It goes with
        // the memory of the inode.
        imfs::sync::epoch::flush();
        everything_is_there_again(&fs);
    }
}

/// Forks, ends, or makes a cage of somebody else.
fn replace_a_cage(fs: &Imfs, cages: &mut Vec<Arc<Cage>>, numbers: &mut Numbers) {
    let id = 1 + numbers.below(CAGES as usize - 1) as u64;
    if let Some(at) = cages.iter().position(|cage| cage.id() == id) {
        fs.exit(id).unwrap();
        cages.remove(at);
    }
    let parent = cages[numbers.below(cages.len())].id();
    let child = match numbers.below(3) {
        0 => fs.create_cage(id, Credentials::new(numbers.id(), numbers.id())),
        1 => fs.create_cage(id, Credentials::root()),
        _ => fs.fork(parent, id),
    };
    cages.push(impatient(child.unwrap()));
}

/// Ends all cages and removes all files: then all space is there again.
fn end_a_round(fs: &Imfs, cages: &mut Vec<Arc<Cage>>) {
    end_cages(fs, cages);
    everything_is_removed(fs);
    everything_is_there_again(fs);
}

fn end_cages(fs: &Imfs, cages: &mut Vec<Arc<Cage>>) {
    for cage in cages.drain(..) {
        fs.exit(cage.id()).unwrap();
    }
}

fn everything_is_there_again(fs: &Imfs) {
    let left = fs.statfs();
    assert_eq!((left.bfree, left.ffree), (SIZE / 4096, INODES - 1), "something was not given back");
}

fn everything_is_removed(fs: &Imfs) {
    let root = fs.create_cage(100, Credentials::root()).unwrap();
    root.set_nofile(10_000);
    take_attributes_off_the_root(&root);
    let open = |dir, name: &[u8], flags| root.openat(dir, name, OFlags::RDONLY | flags, Mode::empty());
    let mut directories = vec![open(AT_FDCWD, b"/", OFlags::DIRECTORY).unwrap()];
    while let Some(&dir) = directories.last() {
        root.ioctl(dir, FS_IOC_SETFLAGS, 0).unwrap();
        root.fchmod(dir, Mode::RWXU).unwrap();
        root.lseek(dir, 0, imfs::abi::Whence::Set).unwrap();
        let mut names = Vec::new();
        root.read_directory(dir, |entry| {
            names.push(entry.name.to_vec());
            true
        })
        .unwrap();
        let mut below = Vec::new();
        for name in names.iter().filter(|name| ![&b"."[..], b".."].contains(&&name[..])) {
            let stat = root.fstatat(dir, name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
            let kind = FileType::from_mode(stat.mode).unwrap();
            if kind == FileType::Directory {
                if root.unlinkat(dir, name, AtFlags::REMOVEDIR).is_err() {
                    below.push(open(dir, name, OFlags::DIRECTORY).unwrap());
                }
                continue;
            }
            if kind == FileType::Regular {
                let fd = open(dir, name, OFlags::empty()).unwrap();
                root.ioctl(fd, FS_IOC_SETFLAGS, 0).unwrap();
                root.close(fd).unwrap();
            }
            root.unlinkat(dir, name, AtFlags::empty()).unwrap();
        }
        if below.is_empty() {
            directories.pop();
            root.close(dir).unwrap();
        }
        directories.extend(below);
    }
    fs.exit(100).unwrap();
}

fn take_attributes_off_the_root(root: &Cage) {
    let mut names = vec![0; 65536];
    root.ioctl(root.open("/", OFlags::RDONLY, Mode::empty()).unwrap(), FS_IOC_SETFLAGS, 0).unwrap();
    let len = root.listxattr("/", &mut names).unwrap();
    for name in names[..len].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        root.removexattr("/", name).unwrap();
    }
}

/// The limit of space, and as much for all that is counted by inodes and descriptors, with room for the test itself.
fn memory_stayed_within_bounds() {
    if cfg!(miri) {
        return;
    }
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return };
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 512 << 10, "{kib} KiB of memory at the peak");
}
