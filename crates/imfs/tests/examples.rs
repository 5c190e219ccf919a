//! The examples run.

#[path = "../examples/tour.rs"]
mod tour;

#[test]
fn tour() {
    tour::main().unwrap();
}
