//! The table of calls: for each its number, the kinds of its arguments, and the line that answers it, which is one call
//! into IMFS's cage layer. One file a family.
//!
//! What is more than translation stands elsewhere: foreign descriptors, mappings, waiting, processes.

mod attributes;
mod data;
mod descriptors;
mod paths;
mod processes;
mod waiting;
mod xattr;

use crate::call::Row;

/// All rows.
pub(crate) fn table() -> impl Iterator<Item = &'static Row> {
    let families = [
        attributes::TABLE,
        data::TABLE,
        descriptors::TABLE,
        paths::TABLE,
        processes::TABLE,
        waiting::TABLE,
        xattr::TABLE,
    ];
    families.into_iter().flatten()
}
