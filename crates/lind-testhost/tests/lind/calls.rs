//! What cages see: their programs check it themselves, and say what is not as it should be.

use crate::{Root, expect, text};

#[test]
fn a_program_uses_files() {
    let root = Root::new();
    let outcome = root.grate(&["/cages.wasm", "basic"]).stdin(b"input").run();
    expect(&outcome, 0);
    assert_eq!(text(&outcome.stdout), "out\n");
    assert_eq!(text(&outcome.stderr), "err\n");
}

#[test]
fn every_call_with_good_and_bad_arguments() {
    let root = Root::new();
    let outcome = root.grate(&["/cages.wasm", "calls"]).run();
    expect(&outcome, 0);
    assert_eq!(outcome.uncalled, [], "handlers that no test calls");
    assert_eq!(text(&outcome.stdout), "0123456789\ncopy\neleven\nback\n");
}

#[test]
fn threads_of_one_cage() {
    let root = Root::new();
    expect(&root.grate(&["/cages.wasm", "threads"]).run(), 0);
}

#[test]
fn a_hostile_cage_harms_nobody() {
    let root = Root::new();
    expect(&root.grate(&["/cages.wasm", "hostile"]).run(), 0);
}

#[test]
fn more_cages_wait_than_there_are_workers() {
    let root = Root::new();
    expect(&root.grate(&["/cages.wasm", "crowd"]).run(), 0);
}

#[test]
fn more_cages_read_from_sockets_than_there_are_workers() {
    let root = Root::new();
    expect(&root.grate(&["/cages.wasm", "crowd-of-foreign"]).run(), 0);
}

#[test]
fn a_handler_that_traps_leaves_no_lock_held() {
    let root = Root::new();
    let outcome = root.grate(&["--size", "4M", "/cages.wasm", "traps"]).run();
    expect(&outcome, 0);
    assert!(text(&outcome.stderr).contains("a trap, as asked for"));
}
