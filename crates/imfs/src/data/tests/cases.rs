//! One rule a test.

use super::{Contents, Faulty, PAGE, Space, bytes, file, finish};
use crate::abi::Errno;
use crate::data::Origin;

const P: usize = PAGE as usize;

#[test]
fn a_small_file_is_inline_but_charged_a_page() {
    let space = Space::new(PAGE);
    let mut small = Contents::new();
    assert_eq!((small.blocks(), small.write(&space, 0, &mut &b""[..])), (0, Ok(0)));
    assert_eq!(small.write(&space, 3, &mut &b"x"[..]), Ok(1));
    assert_eq!((bytes(&small), small.blocks(), space.free()), (b"\0\0\0x".to_vec(), 8, 0));
    assert_eq!(
        (small.seek_data(0), small.seek_hole(0), small.seek_hole(4)),
        (Ok(0), Ok(4), Err(Errno::ENXIO))
    );
    // It may become a page, which is charged already.
    assert_eq!(small.write(&space, 100, &mut &[7; 4096][..]), Ok(P - 100));
    assert_eq!((small.blocks(), bytes(&small)[3], bytes(&small)[4]), (8, b'x', 0));
    let other = &mut Contents::new();
    assert_eq!(other.write(&space, 0, &mut &b"y"[..]), Err(Errno::ENOSPC));
    assert_eq!((other.size(), other.blocks()), (0, 0));
    finish(&space, [small]);
}

#[test]
fn truncation_of_an_inline_file() {
    let space = Space::new(PAGE);
    let mut small = file(&space, b"abc");
    small.truncate(&space, 1).expect("shrinks");
    small.truncate(&space, 3).expect("grows");
    assert_eq!((bytes(&small), small.blocks()), (b"a\0\0".to_vec(), 8));
    small.truncate(&space, 0).expect("shrinks");
    assert_eq!((small.blocks(), space.used()), (0, 0));
    small.truncate(&space, 1 << 40).expect("a hole");
    assert_eq!((small.blocks(), small.seek_data(0), small.seek_hole(5)), (0, Err(Errno::ENXIO), Ok(5)));
    finish(&space, [small]);
}

#[test]
fn a_write_that_meets_the_limit_is_short() {
    let space = Space::new(2 * PAGE);
    let data = vec![1; 5 * P];
    let mut contents = Contents::new();
    assert_eq!(contents.write(&space, 10, &mut &data[..]), Ok(2 * P - 10));
    assert_eq!(contents.write(&space, 2 * PAGE, &mut &data[..]), Err(Errno::ENOSPC));
    assert_eq!((contents.size(), contents.blocks()), (2 * PAGE, 16));
    assert_eq!(contents.allocate(&space, PAGE, 2 * PAGE, false), Err(Errno::ENOSPC));
    assert_eq!((contents.size(), contents.blocks(), space.used()), (2 * PAGE, 16, 2));
    finish(&space, [contents]);
}

#[test]
fn faults_of_the_caller_make_short_counts() {
    let space = Space::new(0);
    let old = vec![1; 3 * P];
    for (start, good) in [(0, 0), (0, 1), (0, P), (0, P + 7), (5, P - 5), (5, P), (P + 1, 2 * P - 1)] {
        for inline in [false, true] {
            let (mut contents, size) =
                if inline { (file(&space, b"abc"), 3) } else { (file(&space, &old), 3 * P) };
            let before = bytes(&contents);
            let new = vec![2; 4 * P];
            let mut source = Faulty { buffer: &mut &new[..], good };
            let expected = if good == 0 { Err(Errno::EFAULT) } else { Ok(good) };
            assert_eq!(contents.write(&space, start as u64, &mut source), expected);
            let mut model = before.clone();
            model.resize(size.max(if good == 0 { 0 } else { start + good }), 0);
            model[start..start + good].fill(2);
            assert!(bytes(&contents) == model, "{good} bytes at {start}, inline: {inline}");

            let mut into = vec![9; 2 * P];
            let mut sink = Faulty { buffer: &mut &mut into[..], good };
            let there = contents.size() as usize;
            let expected = match good.min(there).min(2 * P) {
                0 => Err(Errno::EFAULT),
                n => Ok(n),
            };
            assert_eq!(contents.read(0, &mut sink), expected);
            finish(&space, [contents]);
        }
    }
}

#[test]
fn a_fault_on_a_fresh_page_shows_no_old_bytes() {
    let space = Space::new(0);
    finish(&space, [file(&space, &vec![0xaa; 4 * P])]);
    let mut contents = Contents::new();
    let new = vec![2; 4 * P];
    let mut source = Faulty { buffer: &mut &new[..], good: 10 };
    assert_eq!(contents.write(&space, 0, &mut source), Ok(10));
    let mut source = Faulty { buffer: &mut &new[..], good: 0 };
    assert_eq!(contents.write(&space, PAGE, &mut source), Err(Errno::EFAULT));
    assert_eq!((contents.size(), contents.blocks(), space.used()), (10, 8, 1));
    contents.truncate(&space, PAGE).expect("grows");
    assert!(bytes(&contents)[10..].iter().all(|&byte| byte == 0));
    assert_eq!(contents.write(&space, PAGE + 1, &mut &b"x"[..]), Ok(1));
    assert_eq!(bytes(&contents)[P..], *b"\0x");
    finish(&space, [contents]);
}

/// What tmpfs does; tried on Linux 6.18.
#[test]
fn allocated_space_is_a_hole_until_it_is_written_or_allocated_again() {
    let space = Space::new(8 * PAGE);
    let mut contents = Contents::new();
    contents.allocate(&space, 0, 4 * PAGE, false).expect("space");
    assert_eq!((contents.size(), contents.blocks()), (4 * PAGE, 32));
    assert_eq!((contents.seek_data(0), contents.seek_hole(0)), (Err(Errno::ENXIO), Ok(0)));
    contents.allocate(&space, 0, 2 * PAGE, false).expect("again");
    assert_eq!((contents.seek_data(0), contents.seek_hole(0)), (Ok(0), Ok(2 * PAGE)));
    contents.punch_hole(&space, 2 * PAGE + 100, 100).expect("punch");
    assert_eq!(contents.seek_data(2 * PAGE), Err(Errno::ENXIO));
    assert_eq!(contents.write(&space, 2 * PAGE + 10, &mut &b"x"[..]), Ok(1));
    assert_eq!((contents.seek_data(2 * PAGE), contents.blocks()), (Ok(2 * PAGE), 32));

    contents.allocate(&space, 4 * PAGE, 4 * PAGE, true).expect("beyond the end");
    assert_eq!((contents.size(), contents.blocks()), (4 * PAGE, 64));
    contents.truncate(&space, 5 * PAGE - 1).expect("growing keeps it");
    assert_eq!(contents.blocks(), 64);
    contents.punch_hole(&space, 5 * PAGE, 1 << 40).expect("punching beyond the end");
    assert_eq!(contents.blocks(), 40);
    contents.truncate(&space, 5 * PAGE - 1).expect("the same size");
    assert_eq!(contents.blocks(), 40);
    contents.truncate(&space, 4 * PAGE).expect("smaller");
    contents.allocate(&space, 4 * PAGE, PAGE, true).expect("beyond the end");
    contents.truncate(&space, 4 * PAGE).expect("the same size drops it");
    assert_eq!(contents.blocks(), 32);
    finish(&space, [contents]);
}

#[test]
fn allocated_space_is_written_even_when_there_is_no_more() {
    let space = Space::new(3 * PAGE);
    let mut contents = Contents::new();
    contents.allocate(&space, PAGE, 2 * PAGE, false).expect("space");
    let other = file(&space, b"the last page");
    assert_eq!(contents.write(&space, PAGE + 1, &mut &vec![3; 2 * P][..]), Ok(2 * P - 1));
    assert_eq!(contents.write(&space, 0, &mut &b"x"[..]), Err(Errno::ENOSPC));
    finish(&space, [contents, other]);
}

#[test]
fn shared_pages_are_copied_when_written() {
    let space = Space::new(6 * PAGE);
    let data: Vec<u8> = (0..3 * P).map(|i| (i % 251) as u8).collect();
    let mut a = file(&space, &data);
    let mut b = Contents::new();
    b.clone_range(&space, Origin::Other(&a), 0, 0, 0).expect("clone");
    assert_eq!((b.blocks(), space.free()), (24, 0));
    assert!(bytes(&b) == data);
    // The copy was charged when it was made, so this needs no space.
    assert_eq!(a.write(&space, PAGE + 1, &mut &b"new"[..]), Ok(3));
    assert_eq!(b.write(&space, 5, &mut &vec![0; P][..]), Ok(P));
    assert!(bytes(&b)[P + 5..] == data[P + 5..] && bytes(&a)[..P + 1] == data[..P + 1]);
    a.truncate(&space, 2 * PAGE + 1).expect("the tail of a shared page is cleared in a copy");
    assert!(bytes(&b)[2 * P..] == data[2 * P..]);
    a.release(&space);
    assert_eq!((space.used(), bytes(&b)[2 * P..] == data[2 * P..]), (3, true));
    finish(&space, [b]);
}

#[test]
fn clones_keep_holes_and_copies_fill_them() {
    let space = Space::new(40 * PAGE);
    let mut a = file(&space, b"head");
    a.truncate(&space, 1 << 42).expect("sparse");
    assert_eq!(a.write(&space, 8 * PAGE, &mut &b"tail"[..]), Ok(4));
    let mut b = file(&space, &vec![1; 10 * P]);
    b.clone_range(&space, Origin::Other(&a), 0, 0, 0).expect("clone");
    assert_eq!((b.size(), b.blocks(), b.seek_data(PAGE)), (1 << 42, 16, Ok(8 * PAGE)));
    let mut c = Contents::new();
    assert_eq!(c.copy_range(&space, Origin::Other(&a), 0, 0, 10 * PAGE), Ok(10 * PAGE));
    assert_eq!((c.blocks(), c.seek_hole(0)), (80, Ok(10 * PAGE)));
    assert_eq!(c.copy_range(&space, Origin::Same, PAGE, 20 * PAGE + 1, 8 * PAGE), Ok(8 * PAGE));
    assert_eq!(c.copy_range(&space, Origin::Same, 0, 4, 8), Err(Errno::EINVAL));
    assert_eq!(c.clone_range(&space, Origin::Same, 0, PAGE, 2 * PAGE), Err(Errno::EINVAL));
    assert_eq!(c.clone_range(&space, Origin::Same, 0, 30 * PAGE, PAGE + 1), Err(Errno::EINVAL));
    finish(&space, [a, b, c]);
}

#[test]
fn a_copy_that_meets_the_limit_is_short_to_the_page() {
    let space = Space::new(100 * PAGE);
    let a = file(&space, &vec![5; 63 * P]);
    let mut b = Contents::new();
    assert_eq!(b.copy_range(&space, Origin::Other(&a), 0, 0, u64::MAX), Ok(37 * PAGE));
    assert_eq!((b.size(), b.blocks(), space.free()), (37 * PAGE, 37 * 8, 0));
    assert_eq!(b.copy_range(&space, Origin::Other(&a), 0, 37 * PAGE, 1), Err(Errno::ENOSPC));
    assert_eq!(b.clone_range(&space, Origin::Other(&a), 0, PAGE, 0), Err(Errno::ENOSPC));
    assert_eq!(b.size(), 37 * PAGE);
    finish(&space, [a, b]);
}

#[test]
fn memory_goes_back_when_a_large_file_goes() {
    let space = Space::new(0);
    let piece = vec![1; 64 * P];
    let mut contents = Contents::new();
    for i in 0..super::repeat(1000) as u64 {
        assert_eq!(contents.write(&space, i * 64 * PAGE, &mut &piece[..]), Ok(64 * P));
    }
    finish(&space, [contents]);
    space.trim();
}

#[test]
fn files_of_threads_are_apart() {
    let space = Space::new(0);
    std::thread::scope(|scope| {
        for byte in 1..=4 {
            let space = &space;
            scope.spawn(move || {
                for round in 0..super::repeat(100) {
                    let mut contents = file(space, &vec![byte; (1 + round % 30) * P + 9]);
                    std::thread::yield_now();
                    assert!(bytes(&contents).iter().all(|&b| b == byte));
                    contents.release(space);
                }
            });
        }
    });
    assert_eq!(space.used(), 0);
}

#[test]
fn clones_are_written_by_two_threads() {
    let space = Space::new(0);
    let mut a = file(&space, &vec![1; 8 * P]);
    for _ in 0..super::repeat(40) {
        let mut b = Contents::new();
        b.clone_range(&space, Origin::Other(&a), 0, 0, 0).expect("clone");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(a.write(&space, 3, &mut &vec![1; 7 * P][..]), Ok(7 * P));
                assert!(bytes(&a).iter().all(|&b| b == 1));
            });
            scope.spawn(|| {
                assert_eq!(b.write(&space, 0, &mut &vec![2; 8 * P][..]), Ok(8 * P));
                assert!(bytes(&b).iter().all(|&b| b == 2));
                b.release(&space);
            });
        });
    }
    finish(&space, [a]);
}
