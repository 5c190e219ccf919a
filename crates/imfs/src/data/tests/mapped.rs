//! Mapped files, with real mappings.

use super::{Contents, PAGE, Space, bytes, file, finish};
use crate::abi::Errno;
use crate::data::{Origin, View};

const P: usize = PAGE as usize;

/// A mapping of this process, shared and writable.
struct Mapping {
    at: *mut u8,
    len: usize,
}

impl Mapping {
    fn new(fd: i32, view: View) -> Self {
        let prot = libc::PROT_READ | if view.writable { libc::PROT_WRITE } else { 0 };
        let len = view.len as usize;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let at = unsafe {
            libc::mmap(std::ptr::null_mut(), len, prot, libc::MAP_SHARED, fd, view.offset as libc::off_t)
        };
        assert_ne!(at, libc::MAP_FAILED);
        Self { at: at.cast(), len }
    }

    fn get(&self, i: usize) -> u8 {
        assert!(i < self.len);
        // SAFETY: within the mapping, and the tests touch only what lies within the file.
        unsafe { self.at.add(i).read_volatile() }
    }

    fn set(&self, i: usize, byte: u8) {
        assert!(i < self.len);
        // SAFETY: as in `get`; the mapping is writable.
        unsafe { self.at.add(i).write_volatile(byte) }
    }

    /// Whether the kernel lets anybody read there.
    fn readable(&self, i: usize) -> bool {
        assert!(i < self.len);
        let (mut byte, pid) = (0u8, std::process::id() as libc::pid_t);
        let local = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        // SAFETY: a place within the mapping.
        let remote = libc::iovec { iov_base: unsafe { self.at.add(i) }.cast(), iov_len: 1 };
        // SAFETY: `local` is one byte of ours; a bad `remote` is an error, not a fault.
        unsafe { libc::process_vm_readv(pid, &local, 1, &remote, 1, 0) == 1 }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and goes with its owner.
        unsafe { libc::munmap(self.at.cast(), self.len) };
    }
}

fn view(offset: u64, len: u64) -> View {
    View { offset, len, writable: true }
}

#[test]
fn mappings_reads_and_writes_agree() {
    let space = Space::new(0);
    let mut contents = file(&space, &vec![1; 2 * P + 10]);
    let whole = view(0, 4 * PAGE);
    let mapping = Mapping::new(contents.map_shared(&space, whole).expect("map"), whole);
    let second = view(PAGE, PAGE);
    let other = Mapping::new(contents.map_shared(&space, second).expect("map"), second);
    mapping.set(P + 3, 7);
    assert_eq!((other.get(3), bytes(&contents)[P + 3]), (7, 7));
    assert!(contents.sync_mapped(&space), "a mapping was written");
    assert_eq!((mapping.get(0), mapping.get(2 * P + 9), mapping.get(2 * P + 10)), (1, 1, 0));
    assert!(!contents.sync_mapped(&space));
    assert_eq!(contents.write(&space, PAGE + 4, &mut &b"new"[..]), Ok(3));
    assert_eq!((mapping.get(P + 4), other.get(6)), (b'n', b'w'));
    assert!(!contents.sync_mapped(&space), "write(2) is known to its caller");

    contents.truncate(&space, PAGE + 5).expect("shrinks");
    assert!(mapping.readable(2 * P - 1) && !mapping.readable(2 * P));
    assert_eq!((mapping.get(P + 4), mapping.get(P + 5)), (b'n', 0));
    contents.truncate(&space, 3 * PAGE).expect("grows");
    assert_eq!((mapping.get(2 * P), mapping.get(3 * P - 1), mapping.readable(3 * P)), (0, 0, false));

    drop((mapping, other));
    contents.unmap_shared(&space, second);
    contents.unmap_shared(&space, whole);
    assert_eq!(bytes(&contents)[P + 3..P + 6], *b"\x07n\0");
    assert_eq!(space.used(), contents.blocks() / 8);
    finish(&space, [contents]);
}

/// Each way to grow a file.
type Grow = fn(&mut Contents, &Space) -> Result<(), Errno>;

#[test]
fn what_mappings_store_past_the_end_never_comes_into_the_file() {
    let ways: [(&str, Grow); 6] = [
        ("ftruncate", |file, space| file.truncate(space, 2 * PAGE)),
        ("write in the last page", |file, space| file.write(space, 100, &mut &[5; 50][..]).map(drop)),
        ("write behind it", |file, space| file.write(space, PAGE + 1, &mut &[5; 50][..]).map(drop)),
        ("fallocate", |file, space| file.allocate(space, 0, PAGE, false)),
        ("zero range", |file, space| file.zero_range(space, PAGE, PAGE, false)),
        ("clone", |file, space| {
            let mut other = self::file(space, &[5; 10]);
            let cloned = file.clone_range(space, Origin::Other(&other), 0, PAGE, 0);
            other.release(space);
            cloned
        }),
    ];
    for (way, grow) in ways {
        for unmapped in [false, true] {
            let space = Space::new(0);
            let mut contents = file(&space, &[1; 10]);
            let whole = view(0, PAGE);
            let mapping = Mapping::new(contents.map_shared(&space, whole).expect("map"), whole);
            (5..P).for_each(|at| mapping.set(at, 9));
            if unmapped {
                contents.unmap_shared(&space, whole);
            }
            grow(&mut contents, &space).expect(way);
            let last_stored = bytes(&contents).iter().rposition(|byte| *byte == 9);
            assert_eq!(last_stored, Some(9), "{way}, unmapped before: {unmapped}");
            assert!(unmapped || mapping.get(P - 1) == 0, "{way}");
            if !unmapped {
                drop(mapping);
                contents.unmap_shared(&space, whole);
            }
            finish(&space, [contents]);
        }
    }
}

#[test]
fn holes_of_writable_views_are_reserved() {
    let space = Space::new(8 * PAGE);
    let mut contents = Contents::new();
    contents.truncate(&space, 6 * PAGE).expect("a hole");
    let other = file(&space, b"1 page");
    let whole = view(0, 6 * PAGE);
    let mapping = Mapping::new(contents.map_shared(&space, whole).expect("map"), whole);
    assert_eq!((contents.blocks(), space.used()), (0, 7));
    contents.map_shared(&space, view(PAGE, 2 * PAGE)).expect("the same pages");
    assert_eq!(space.used(), 7);
    mapping.set(PAGE as usize, 1);
    assert_eq!((contents.blocks(), space.used(), contents.seek_data(0)), (8, 7, Ok(PAGE)));
    // What is reserved is for these pages: writing takes nothing more.
    let mut big = vec![5; 2 * P];
    assert_eq!(contents.write(&space, 2 * PAGE, &mut &big[..]), Ok(2 * P));
    assert_eq!((contents.blocks(), space.used()), (24, 7));
    assert_eq!(contents.allocate(&space, 0, 6 * PAGE, false), Ok(()));
    assert_eq!((contents.blocks(), space.used()), (48, 7));
    big.resize(4 * P, 5);
    assert_eq!(contents.write(&space, 6 * PAGE, &mut &big[..]), Ok(P));
    assert_eq!(contents.write(&space, 7 * PAGE, &mut &big[..]), Err(Errno::ENOSPC));
    drop(mapping);
    contents.unmap_shared(&space, whole);
    contents.unmap_shared(&space, view(PAGE, 2 * PAGE));
    assert_eq!((contents.blocks(), space.used(), contents.size()), (56, 8, 7 * PAGE));
    finish(&space, [contents, other]);
}

#[test]
fn a_view_that_the_space_cannot_hold_changes_nothing() {
    let space = Space::new(4 * PAGE);
    let mut contents = file(&space, b"small");
    contents.truncate(&space, 10 * PAGE).expect("sparse");
    assert_eq!(contents.map_shared(&space, view(0, 10 * PAGE)), Err(Errno::ENOSPC));
    assert_eq!((contents.blocks(), space.used()), (8, 1));
    let reading = View { writable: false, ..view(0, 10 * PAGE) };
    let mapping = Mapping::new(contents.map_shared(&space, reading).expect("map"), reading);
    assert_eq!((mapping.get(0), space.used()), (b's', 1));
    // As in tmpfs a hole that is read through a mapping becomes a page.
    assert_eq!(mapping.get(P), 0);
    contents.sync_mapped(&space);
    assert_eq!((contents.blocks(), space.used()), (16, 2));
    drop(mapping);
    contents.unmap_shared(&space, reading);
    finish(&space, [contents]);
}

#[test]
fn allocated_space_survives_a_mapping() {
    let space = Space::new(0);
    let mut contents = file(&space, &vec![1; P]);
    contents.allocate(&space, 2 * PAGE, 2 * PAGE, false).expect("allocate");
    contents.allocate(&space, 10 * PAGE, PAGE, true).expect("beyond the end");
    contents.map_shared(&space, view(0, PAGE)).expect("map");
    assert_eq!((contents.blocks(), contents.seek_data(PAGE)), (32, Err(Errno::ENXIO)));
    contents.unmap_shared(&space, view(0, PAGE));
    assert_eq!((contents.blocks(), space.used(), contents.seek_data(PAGE)), (32, 4, Err(Errno::ENXIO)));
    assert_eq!(contents.size(), 4 * PAGE);
    finish(&space, [contents]);
}

#[test]
fn mapped_files_are_cloned() {
    let space = Space::new(12 * PAGE);
    let data: Vec<u8> = (0..3 * P + 9).map(|i| (i % 251) as u8 + 1).collect();
    let mut a = file(&space, &data);
    a.map_shared(&space, view(0, PAGE)).expect("map");
    let mut b = file(&space, &vec![9; 2 * P]);
    b.clone_range(&space, Origin::Other(&a), 0, 0, 0).expect("from a mapped file");
    assert!(bytes(&b) == data);
    assert_eq!(space.used(), 8);
    a.clone_range(&space, Origin::Other(&b), 0, 4 * PAGE, 0).expect("to a mapped file");
    assert!(bytes(&a)[4 * P..] == data && space.used() == 12);
    assert_eq!(a.clone_range(&space, Origin::Other(&b), 0, 8 * PAGE, PAGE), Err(Errno::ENOSPC));
    assert_eq!((a.size(), a.blocks()), (7 * PAGE + 9, 64));
    a.clone_range(&space, Origin::Same, 0, 4 * PAGE, PAGE).expect("within a mapped file");
    assert!(bytes(&a)[4 * P..5 * P] == data[..P]);
    a.unmap_shared(&space, view(0, PAGE));
    finish(&space, [a, b]);
}

#[test]
fn a_mapped_file_can_be_released() {
    let space = Space::new(0);
    let mut contents = file(&space, b"bytes");
    let whole = view(0, PAGE);
    let mapping = Mapping::new(contents.map_shared(&space, whole).expect("map"), whole);
    contents.release(&space);
    mapping.set(0, 1);
    finish(&space, [contents]);
}
