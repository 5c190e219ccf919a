//! Staging: copying host files into an IMFS before a cage runs (preload), and results out after it (dump).

mod spec;

pub use spec::{Spec, dump_list, preload_list};
