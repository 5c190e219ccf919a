//! The inodes that the kernel knows, by number.
//!
//! The kernel names an inode by the number that an answer gave it, and says how many such answers it forgets
//! (`FUSE_FORGET`). As long as it remembers one the object is kept, so an unlinked file that is still open lives on.
//! Knows nothing of what the objects are. Used by every operation.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, so that threads seldom wait for each other.
const SHARDS: usize = 16;

/// The number of the root directory in the protocol (`FUSE_ROOT_ID`).
pub(crate) const ROOT: u64 = 1;

/// The table. `T` is a counted reference, cheap to clone.
#[derive(Debug)]
pub(crate) struct Nodes<T> {
    shards: [Mutex<Shard<T>>; SHARDS],
}

type Shard<T> = HashMap<u64, Node<T>, BuildHasherDefault<NumberHasher>>;

#[derive(Debug)]
struct Node<T> {
    object: T,
    /// How many answers the kernel still remembers.
    lookups: u64,
}

impl<T: Clone> Nodes<T> {
    /// A table that knows the root, which the kernel never forgets.
    pub(crate) fn new(root: T) -> Self {
        let nodes = Self { shards: std::array::from_fn(|_| Mutex::default()) };
        nodes.remember(ROOT, &root, 1);
        nodes
    }

    /// The object of a number, if the kernel has it.
    pub(crate) fn get(&self, number: u64) -> Option<T> {
        self.shard(number).get(&number).map(|node| node.object.clone())
    }

    /// Notes that `lookups` answers tell the kernel of this object. To be called before they are sent.
    pub(crate) fn remember(&self, number: u64, object: &T, lookups: u64) {
        let mut shard = self.shard(number);
        let node = shard.entry(number).or_insert_with(|| Node { object: object.clone(), lookups: 0 });
        node.lookups += lookups;
    }

    /// Notes that the kernel has forgotten that many answers.
    pub(crate) fn forget(&self, number: u64, lookups: u64) {
        if number == ROOT {
            return;
        }
        let mut shard = self.shard(number);
        let Some(node) = shard.get_mut(&number) else { return };
        node.lookups = node.lookups.saturating_sub(lookups);
        if node.lookups == 0 {
            let last = shard.remove(&number);
            // Dropping the last reference frees a whole file: not under the lock.
            drop(shard);
            drop(last);
        }
    }

    /// The numbers of all objects for which `choose` holds.
    pub(crate) fn numbers(&self, choose: impl Fn(&T) -> bool) -> Vec<u64> {
        let mut numbers = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            numbers.extend(shard.iter().filter(|(_, node)| choose(&node.object)).map(|(&number, _)| number));
        }
        numbers
    }

    fn shard(&self, number: u64) -> MutexGuard<'_, Shard<T>> {
        let shard = &self.shards[number as usize % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Spreads inode numbers. The file system chooses them, so nobody can make them collide.
#[derive(Debug, Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, number: u64) {
        let product = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn an_object_lives_until_all_lookups_are_forgotten() {
        let nodes = Nodes::new(Arc::new("root"));
        let file = Arc::new("file");
        nodes.remember(17, &file, 1);
        nodes.remember(17, &file, 2);
        assert_eq!(Arc::strong_count(&file), 2);
        nodes.forget(17, 2);
        assert_eq!(nodes.get(17).as_deref(), Some(&"file"));
        nodes.forget(17, 1);
        assert_eq!(nodes.get(17), None);
        assert_eq!(Arc::strong_count(&file), 1);
    }

    #[test]
    fn the_root_is_never_forgotten() {
        let nodes = Nodes::new(Arc::new("root"));
        nodes.forget(ROOT, u64::MAX);
        assert!(nodes.get(ROOT).is_some());
    }

    #[test]
    fn too_much_forgetting_is_harmless() {
        let nodes = Nodes::new(Arc::new(0));
        nodes.forget(5, 1);
        nodes.remember(5, &Arc::new(5), 1);
        nodes.forget(5, 9);
        assert_eq!(nodes.get(5), None);
        assert_eq!(nodes.numbers(|_| true), [ROOT]);
    }
}
