//! The page map of one file: from page index to page.
//!
//! A radix tree like the kernel's page cache, but wider: leaves of 64 pages below nodes of 512 children, as high as the
//! last page needs, so that a lookup is two or three dependent loads in any file up to 64 GiB. A subtree of one page
//! stands without nodes in the place of its root, so that scattered pages cost little. It knows pages, but not what is in them, nor sizes; what it takes out
//! it hands to its caller, who gives it back to the space.

use super::arena::Page;
use super::space::Space;
use crate::abi::{Errno, PAGE_SIZE, Result};
use crate::sync::alloc::try_box;

const LEAF_BITS: u32 = 6;
const LEAF: u64 = 1 << LEAF_BITS;
const INNER_BITS: u32 = 9;
const INNER: u64 = 1 << INNER_BITS;

/// One more than the largest index: no file has more pages than `i64::MAX` bytes need.
pub(super) const MAX_PAGES: u64 = (1 << 63) / PAGE_SIZE as u64;

/// The place of a page: `None` in a hole.
pub(super) type Slot = Option<Page>;

type Leaf = [Slot; LEAF as usize];

#[derive(Debug)]
struct Inner {
    /// A child spans `1 << shift` pages, and a child of it [`INNER_BITS`] less: so lookups ask only the root, and touch
    /// one cache line of each node below.
    shift: u32,
    children: [Node; INNER as usize],
}

/// A subtree. `One` is an empty one, or one with a single page at that index within it.
#[derive(Debug)]
enum Node {
    One(u32, Slot),
    Leaf(Box<Leaf>),
    Inner(Box<Inner>),
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Node>() == 16);

/// The pages of a file.
#[derive(Debug)]
pub(super) struct Tree {
    root: Node,
    /// How many slots hold a page. Kept by who fills them; at 0 there are no nodes left after [`Tree::remove`].
    pub(super) charged: u64,
}

/// What begins at an index.
#[derive(Debug)]
pub(super) enum Run<'a> {
    /// Some slots, at least one, of which any may be empty.
    Slots(&'a [Slot]),
    /// So many empty slots, without memory for them.
    Hole(u64),
}

impl Node {
    const EMPTY: Node = Node::One(0, None);

    /// An empty node with room for `1 << bits` pages or more.
    fn new(bits: u32, space: &Space) -> Result<Node> {
        space.grant()?;
        if bits <= LEAF_BITS {
            return try_box([const { None }; LEAF as usize]).map(Node::Leaf).ok_or(Errno::ENOMEM);
        }
        let shift = LEAF_BITS + (bits - LEAF_BITS - 1) / INNER_BITS * INNER_BITS;
        let inner = Inner { shift, children: [const { Node::EMPTY }; INNER as usize] };
        try_box(inner).map(Node::Inner).ok_or(Errno::ENOMEM)
    }

    /// Makes this node, whose place has room for `1 << bits` pages, one that has a slot at `at`, or a child with room
    /// for it. If `whole`, all of its slots or children are there afterwards, else perhaps this one only.
    fn fit(&mut self, at: u64, bits: u32, whole: bool, space: &Space) -> Result<()> {
        let Node::One(index, slot) = self else { return Ok(()) };
        if !whole
            && (slot.is_none() || u64::from(*index) == at)
            && let Ok(at) = u32::try_from(at)
        {
            *index = at;
            return Ok(());
        }
        let mut node = Node::new(bits, space)?;
        if slot.is_some() {
            let (index, slot) = (*index, slot.take());
            match &mut node {
                Node::Leaf(leaf) => leaf[index as usize] = slot,
                Node::Inner(inner) => {
                    let within = u64::from(index) & ((1 << inner.shift) - 1);
                    let child = u64::from(index) >> inner.shift;
                    inner.children[child as usize] = Node::One(within as u32, slot);
                }
                Node::One(..) => {}
            }
        }
        *self = node;
        Ok(())
    }

    /// [`Inner::shift`], if this is a root of that kind.
    #[inline]
    fn shift(&self) -> u32 {
        match self {
            Node::Inner(inner) => inner.shift,
            _ => 0,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Node::One(_, slot) => slot.is_none(),
            Node::Leaf(leaf) => leaf.iter().all(Option::is_none),
            Node::Inner(inner) => inner.children.iter().all(|child| matches!(child, Node::One(_, None))),
        }
    }

    /// Takes out the pages `from..to` and, if `prune`, the nodes that are then empty.
    fn remove(&mut self, from: u64, to: u64, prune: bool, out: &mut impl FnMut(Page)) {
        match self {
            Node::One(index, slot) => {
                if (from..to).contains(&u64::from(*index)) {
                    slot.take().into_iter().for_each(out);
                }
                return;
            }
            Node::Leaf(leaf) => {
                let (from, to) = (from.min(LEAF) as usize, to.min(LEAF) as usize);
                leaf[from..to].iter_mut().filter_map(Option::take).for_each(out);
            }
            Node::Inner(inner) => {
                let shift = inner.shift;
                let (first, end) = ((from >> shift).min(INNER), to.div_ceil(1 << shift).min(INNER));
                for i in first..end {
                    let (from, to) = (from.saturating_sub(i << shift), (to - (i << shift)).min(1 << shift));
                    inner.children[i as usize].remove(from, to, prune, out);
                }
            }
        }
        if prune && self.is_empty() {
            *self = Node::EMPTY;
        }
    }

    fn prune(&mut self) {
        if let Node::Inner(inner) = self {
            inner.children.iter_mut().for_each(Node::prune);
        }
        if self.is_empty() {
            *self = Node::EMPTY;
        }
    }

    /// The last slot below `end` that holds a page.
    fn last(&self, end: u64) -> Option<u64> {
        match self {
            Node::One(index, slot) => Some(u64::from(*index)).filter(|&index| slot.is_some() && index < end),
            Node::Leaf(leaf) => {
                leaf[..end.min(LEAF) as usize].iter().rposition(Option::is_some).map(|i| i as u64)
            }
            Node::Inner(inner) => {
                let children = end.div_ceil(1 << inner.shift).min(INNER) as usize;
                inner.children[..children].iter().enumerate().rev().find_map(|(i, child)| {
                    let start = (i as u64) << inner.shift;
                    Some(start + child.last(end - start)?)
                })
            }
        }
    }
}

impl Tree {
    /// No pages.
    pub(super) const fn new() -> Self {
        Self { root: Node::EMPTY, charged: 0 }
    }

    /// The page at `index`.
    #[inline]
    pub(super) fn get(&self, index: u64) -> Option<&Page> {
        let mut node = &self.root;
        let mut shift = node.shift();
        let mut at = index;
        loop {
            match node {
                Node::Leaf(leaf) => return leaf.get(usize::try_from(at).ok()?)?.as_ref(),
                Node::Inner(inner) => {
                    let i = usize::try_from(at >> shift).ok()?;
                    at &= (1 << shift) - 1;
                    shift = shift.saturating_sub(INNER_BITS);
                    node = inner.children.get(i)?;
                }
                Node::One(one, slot) => return slot.as_ref().filter(|_| at == u64::from(*one)),
            }
        }
    }

    /// The slots from `index` to the end of their leaf, if they are there.
    #[inline]
    pub(super) fn slots_mut(&mut self, index: u64) -> Option<&mut [Slot]> {
        let mut shift = self.root.shift();
        let mut node = &mut self.root;
        let mut at = index;
        loop {
            match node {
                Node::Leaf(leaf) => {
                    return leaf.get_mut(usize::try_from(at).ok()?..).filter(|rest| !rest.is_empty());
                }
                Node::Inner(inner) => {
                    let i = usize::try_from(at >> shift).ok()?;
                    at &= (1 << shift) - 1;
                    shift = shift.saturating_sub(INNER_BITS);
                    node = inner.children.get_mut(i)?;
                }
                Node::One(one, slot) => {
                    return Some(std::slice::from_mut(slot)).filter(|_| at == u64::from(*one));
                }
            }
        }
    }

    /// The slot at `index`, if it is there.
    #[inline]
    pub(super) fn slot_mut(&mut self, index: u64) -> Option<&mut Slot> {
        self.slots_mut(index)?.first_mut()
    }

    /// What begins at `index`.
    pub(super) fn run(&self, index: u64) -> Run<'_> {
        let mut node = &self.root;
        // What the current node covers, were it there. Beyond the root nothing is.
        let mut span = u64::MAX;
        let mut shift = node.shift();
        let mut at = index;
        loop {
            match node {
                Node::One(one, slot) => {
                    return match u64::from(*one).checked_sub(at).filter(|_| slot.is_some()) {
                        Some(0) => Run::Slots(std::slice::from_ref(slot)),
                        Some(before) => Run::Hole(before),
                        None => Run::Hole(span - at),
                    };
                }
                Node::Leaf(leaf) if at < LEAF => return Run::Slots(&leaf[at as usize..]),
                Node::Leaf(_) => return Run::Hole(span - at),
                Node::Inner(inner) => {
                    let Some(child) = usize::try_from(at >> shift).ok().and_then(|i| inner.children.get(i))
                    else {
                        return Run::Hole(span - at);
                    };
                    span = 1 << shift;
                    shift = shift.saturating_sub(INNER_BITS);
                    at &= span - 1;
                    node = child;
                }
            }
        }
    }

    /// The first index from `from` to before `to` whose slot is as `wanted` says.
    pub(super) fn find(&self, from: u64, to: u64, wanted: impl Fn(Option<&Page>) -> bool) -> Option<u64> {
        let mut at = from;
        while at < to {
            match self.run(at) {
                Run::Slots(slots) => {
                    if let Some(i) = slots.iter().position(|slot| wanted(slot.as_ref())) {
                        return Some(at + i as u64).filter(|&found| found < to);
                    }
                    at += slots.len() as u64;
                }
                Run::Hole(_) if wanted(None) => return Some(at),
                Run::Hole(len) => at = at.saturating_add(len),
            }
        }
        None
    }

    /// The first index in the range whose slot holds a page.
    pub(super) fn next(&self, from: u64, to: u64) -> Option<u64> {
        self.find(from, to, |slot| slot.is_some())
    }

    /// The last index below `to` whose slot holds a page.
    pub(super) fn last(&self, to: u64) -> Option<u64> {
        self.root.last(to)
    }

    /// How many pages lie in `from..to`.
    pub(super) fn count(&self, from: u64, to: u64) -> u64 {
        let (mut at, mut count) = (from, 0);
        while at < to {
            match self.run(at) {
                Run::Slots(slots) => {
                    let len = (slots.len() as u64).min(to - at);
                    count += slots[..len as usize].iter().flatten().count() as u64;
                    at += len;
                }
                Run::Hole(len) => at = at.saturating_add(len),
            }
        }
        count
    }

    /// The slot at `index`, made if need be. It is to be filled before another is made: an empty one may move.
    ///
    /// # Errors
    /// ENOMEM. New empty nodes may stay; nobody can see them.
    pub(super) fn make_slot(&mut self, index: u64, space: &Space) -> Result<&mut Slot> {
        self.make(index, false, space)
    }

    /// Makes the slot at `index` and keeps it there, empty, while others are made.
    ///
    /// # Errors
    /// As [`Tree::make_slot`].
    pub(super) fn prepare(&mut self, index: u64, space: &Space) -> Result<()> {
        self.make(index, true, space).map(drop)
    }

    /// Prepares all slots of `from..to`.
    ///
    /// # Errors
    /// As [`Tree::make_slot`].
    pub(super) fn prepare_all(&mut self, from: u64, to: u64, space: &Space) -> Result<()> {
        if to - from == 1 {
            return self.make_slot(from, space).map(drop);
        }
        let mut at = from;
        while at < to {
            self.prepare(at, space)?;
            at = (at | (LEAF - 1)) + 1;
        }
        Ok(())
    }

    fn make(&mut self, index: u64, whole: bool, space: &Space) -> Result<&mut Slot> {
        self.grow(index, space)?;
        // The root is high enough, unless it is a single page: then its new node is to have room for both.
        let most = match &self.root {
            Node::One(one, Some(_)) => index.max(u64::from(*one)),
            _ => index,
        };
        let mut node = &mut self.root;
        let mut bits = u64::BITS - most.leading_zeros();
        let mut at = index;
        loop {
            node.fit(at, bits, whole, space)?;
            match node {
                Node::One(_, slot) => return Ok(slot),
                Node::Leaf(leaf) => return Ok(&mut leaf[at as usize]),
                Node::Inner(inner) => {
                    bits = inner.shift;
                    node = &mut inner.children[(at >> bits) as usize];
                    at &= (1 << bits) - 1;
                }
            }
        }
    }

    /// Makes a root that has nodes high enough for `index`.
    fn grow(&mut self, index: u64, space: &Space) -> Result<()> {
        loop {
            let bits = match &self.root {
                Node::One(..) => return Ok(()),
                Node::Leaf(_) => LEAF_BITS,
                Node::Inner(inner) => inner.shift + INNER_BITS,
            };
            if index >> bits == 0 {
                return Ok(());
            }
            let mut parent = Node::new(bits + INNER_BITS, space)?;
            if let Node::Inner(inner) = &mut parent {
                inner.children[0] = std::mem::replace(&mut self.root, Node::EMPTY);
            }
            self.root = parent;
        }
    }

    /// Takes the pages of `from..to` out, with the nodes that are then empty.
    pub(super) fn remove(&mut self, from: u64, to: u64, mut out: impl FnMut(Page)) {
        let charged = &mut self.charged;
        self.root.remove(from, to, true, &mut |page| {
            *charged -= 1;
            out(page);
        });
        if self.charged == 0 {
            self.root = Node::EMPTY;
        }
    }

    /// Takes the pages of `from..to` out, but leaves the nodes for the pages that will come in their place. `charged`
    /// is the caller's to set.
    pub(super) fn clear(&mut self, from: u64, to: u64, mut out: impl FnMut(Page)) {
        self.root.remove(from, to, false, &mut out);
    }

    /// Calls `change` for the slots of `from..to`, except for those whose leaf is not there.
    pub(super) fn for_each_slot(&mut self, from: u64, to: u64, mut change: impl FnMut(&mut Slot)) {
        let mut at = from;
        while at < to {
            if let Some(slots) = self.slots_mut(at) {
                let len = (slots.len() as u64).min(to - at);
                slots[..len as usize].iter_mut().for_each(&mut change);
                at += len;
            } else if let Run::Hole(len) = self.run(at) {
                at = at.saturating_add(len);
            }
        }
    }

    /// Takes all empty nodes out.
    pub(super) fn prune(&mut self) {
        self.root.prune();
        if self.charged == 0 {
            self.root = Node::EMPTY;
        }
    }

    /// Moves a page to a prepared slot.
    pub(super) fn shift(&mut self, from: u64, to: u64) {
        let page = self.slot_mut(from).and_then(Option::take);
        if let Some(slot) = self.slot_mut(to) {
            debug_assert!(slot.is_none());
            *slot = page;
        }
    }
}
