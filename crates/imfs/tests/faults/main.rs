//! What a cage can make grow is asked for, not taken: any allocation may fail, which changes nothing, and nothing is
//! left when a cage or an instance ends.

mod allocator;
mod growth;
mod limits;
mod scenarios;
mod sessions;
mod tree;
