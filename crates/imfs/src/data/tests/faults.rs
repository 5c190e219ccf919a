//! Every operation, with each of its allocations failing in turn: an error leaves nothing changed.

use super::{Contents, PAGE, Space, bytes, file, finish};
use crate::abi::{Errno, Result};
use crate::data::Origin;

const P: usize = PAGE as usize;

/// A file of some pages with holes, and its clone, so that pages are shared.
fn pair(space: &Space) -> [Contents; 2] {
    let mut a = Contents::new();
    for index in [0, 1, 3, 5, 70] {
        assert_eq!(a.write(space, index * PAGE, &mut &[index as u8 + 1; P][..]), Ok(P));
    }
    a.truncate(space, 70 * PAGE + 100).expect("truncate");
    let mut b = Contents::new();
    b.clone_range(space, Origin::Other(&a), 0, 0, 0).expect("clone");
    [a, b]
}

/// Runs `operation` on a fresh file until no allocation fails any more.
fn each(
    name: &str,
    prepare: fn(&Space) -> [Contents; 2],
    operation: fn(&mut Contents, &Space, &Contents) -> Result<()>,
) {
    for n in 1.. {
        let space = Space::new(0);
        let [mut a, b] = prepare(&space);
        let before = (bytes(&a), a.blocks(), space.used(), bytes(&b));
        space.fail_nth(n);
        let result = operation(&mut a, &space, &b);
        space.fail_nth(0);
        assert!(bytes(&b) == before.3, "{name}: failure {n} changed the other file");
        if result.is_err() {
            assert_eq!(result, Err(Errno::ENOMEM), "{name}: failure {n}");
            assert!(bytes(&a) == before.0, "{name}: failure {n} changed the bytes");
            assert_eq!(
                (a.blocks(), space.used()),
                (before.1, before.2),
                "{name}: failure {n} changed the space"
            );
            assert_eq!(operation(&mut a, &space, &b), Ok(()), "{name}: again after failure {n}");
        }
        assert_eq!(space.used(), (a.blocks() + b.blocks()) / 8);
        finish(&space, [a, b]);
        if result.is_ok() {
            assert!(n > 1, "{name} allocates nothing: is it the right test?");
            return;
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn whole_operations() {
    each("allocate", pair, |a, space, _| a.allocate(space, PAGE, 900 * PAGE, false));
    each("allocate far out", pair, |a, space, _| a.allocate(space, PAGE << 20, PAGE, true));
    each("zero", pair, |a, space, _| a.zero_range(space, 100, 5 * PAGE, false));
    each("zero far out", pair, |a, space, _| a.zero_range(space, 71 << 24, 70 * PAGE, true));
    each("punch", pair, |a, space, _| a.punch_hole(space, 100, 5 * PAGE));
    each("punch in a page", pair, |a, space, _| a.punch_hole(space, 100, 50));
    each("truncate", pair, |a, space, _| a.truncate(space, 3 * PAGE + 1));
    each("insert", pair, |a, space, _| a.insert_range(space, PAGE, 64 * PAGE));
    each("clone", pair, |a, space, b| a.clone_range(space, Origin::Other(b), 0, 100 * PAGE, 0));
    each("clone itself", pair, |a, space, _| a.clone_range(space, Origin::Same, 0, 200 * PAGE, 0));
    each("copy pages", pair, |a, space, b| {
        a.copy_range(space, Origin::Other(b), 0, 4096 * PAGE, 2 * PAGE).map(drop)
    });
}

#[test]
fn collapsing_needs_nodes() {
    let prepare = |space: &Space| {
        let mut a = Contents::new();
        for index in [200, 300] {
            assert_eq!(a.write(space, index * PAGE, &mut &b"x"[..]), Ok(1));
        }
        [a, Contents::new()]
    };
    each("collapse", prepare, |a, space, _| a.collapse_range(space, 0, 128 * PAGE));
}

#[test]
fn inline_files() {
    let inline = |space: &Space| [file(space, b"some bytes"), file(space, b"others")];
    each("write", inline, |a, space, _| a.write(space, 5, &mut &[1; 100][..]).map(drop));
    each("write far out", inline, |a, space, _| a.write(space, 1 << 30, &mut &[1; 100][..]).map(drop));
    each("grow", inline, |a, space, _| a.truncate(space, 100));
    each("allocate", inline, |a, space, _| a.allocate(space, 0, 1 << 20, true));
    each("clone", inline, |a, space, b| a.clone_range(space, Origin::Other(b), 0, PAGE, 0));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn writes_are_short() {
    for n in 1.. {
        let space = Space::new(0);
        let [mut a, b] = pair(&space);
        let before = bytes(&a);
        space.fail_nth(n);
        let result = a.write(&space, PAGE + 10, &mut &vec![9; 80 * P][..]);
        space.fail_nth(0);
        let written = result.unwrap_or_else(|error| {
            assert_eq!(error, Errno::ENOMEM);
            0
        });
        let mut model = before.clone();
        model.resize(before.len().max(if written == 0 { 0 } else { P + 10 + written }), 0);
        model[P + 10..P + 10 + written].fill(9);
        assert!(bytes(&a) == model && bytes(&b) == before, "failure {n}");
        finish(&space, [a, b]);
        if written == 80 * P {
            return;
        }
    }
}
