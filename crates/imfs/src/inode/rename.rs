//! renameat2(2): moves, replaces, exchanges, and leaves whiteouts (fs/namei.c `do_renameat2`, `vfs_rename`).
//!
//! Locks: the instance's lock of renames if there are two directories, then the directories, the upper one first, then
//! a directory that is replaced. With the first lock held no other call takes the locks of two unrelated directories,
//! and no directory changes its parent.

use super::attributes::Stamp;
use super::create::{ENTRY_SIZE, Start};
use super::directory::{Directory, Entries, Found, OwnName, moving};
use super::permission::{may_create, may_delete, permission};
use super::{Credentials, Inode, Name, NewInode};
use crate::abi::{Access, Dev, Errno, FileType, Mode, RenameFlags, Timespec};
use crate::sync::epoch::Guard;
use crate::sync::lock::{MutexGuard, rank};
use crate::sync::refcount::{Fresh, Ref, Shared};

/// One end of a rename.
#[derive(Debug, Clone, Copy)]
pub struct RenameEnd<'a> {
    /// The directory.
    pub dir: Shared<'a, Inode>,
    /// The name in it.
    pub name: &'a [u8],
    /// Whether the path ended in a slash, so that only a directory will do.
    pub slash: bool,
}

/// The locked directories of a rename.
struct Locked<'g> {
    _rename: Option<MutexGuard<'g, (), { rank::RENAME }>>,
    old: Entries<'g>,
    /// `None` if both ends are in one directory.
    new: Option<Entries<'g>>,
    /// The entry on the way from the new directory up to the old one, if the old one is above the new.
    old_is_above: Option<Shared<'g, Inode>>,
    /// The entry on the way from the old directory up to the new one.
    new_is_above: Option<Shared<'g, Inode>>,
}

/// A rename whose checks have passed as far as both names are concerned.
struct Rename<'g> {
    old_dir: Shared<'g, Inode>,
    new_dir: Shared<'g, Inode>,
    old_name: Name<'g>,
    new_name: Name<'g>,
    source: Found<'g>,
    target: Option<Found<'g>>,
    cross: bool,
}

impl Inode {
    /// renameat2(2). `umask` and `cred` also make the whiteout, where one is asked for.
    ///
    /// # Errors
    /// EINVAL (flags; a directory into itself), ENOENT, EEXIST, ENOTEMPTY, ENOTDIR, EISDIR, EACCES, EPERM, EMLINK,
    /// ENAMETOOLONG, ENOSPC, ENOMEM
    pub fn rename(
        old: RenameEnd<'_>,
        new: RenameEnd<'_>,
        flags: RenameFlags,
        cred: &Credentials,
        guard: &Guard,
    ) -> Result<(), Errno> {
        let old_name = old.dir.key(old.name)?;
        let mut locked = lock(old.dir, new.dir, guard)?;
        let exchange = flags.contains(RenameFlags::EXCHANGE);
        let source = locked.old.find(&old_name).ok_or(Errno::ENOENT)?;
        // Nothing is looked up in a removed directory.
        if locked.target().removed() {
            return Err(Errno::ENOENT);
        }
        let new_name = new.dir.key(new.name)?;
        let target = locked.target().find(&new_name);
        if flags.contains(RenameFlags::NOREPLACE) && target.is_some() {
            return Err(Errno::EEXIST);
        }
        if exchange {
            let target = target.ok_or(Errno::ENOENT)?;
            if new.slash && !target.inode.is_dir() {
                return Err(Errno::ENOTDIR);
            }
        }
        if !source.inode.is_dir() && (old.slash || (!exchange && new.slash)) {
            return Err(Errno::ENOTDIR);
        }
        if locked.old_is_above.is_some_and(|trap| trap.same(source.inode)) {
            return Err(Errno::EINVAL);
        }
        if let (Some(trap), Some(target)) = (locked.new_is_above, target)
            && trap.same(target.inode)
        {
            return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY });
        }
        if target.is_some_and(|target| target.inode.same(source.inode)) {
            return Ok(());
        }
        let cross = locked.new.is_some();
        let rename = Rename { old_dir: old.dir, new_dir: new.dir, old_name, new_name, source, target, cross };
        rename.check(exchange, cred)?;
        if exchange {
            rename.exchange(&mut locked, guard)
        } else {
            let whiteout = flags.contains(RenameFlags::WHITEOUT);
            rename.go(locked, whiteout, cred, guard)
        }
    }
}

impl<'g> Locked<'g> {
    fn target(&self) -> &Entries<'g> {
        self.new.as_ref().unwrap_or(&self.old)
    }

    fn target_mut(&mut self) -> &mut Entries<'g> {
        self.new.as_mut().unwrap_or(&mut self.old)
    }
}

/// `lock_rename`.
fn lock<'g>(old: Shared<'g, Inode>, new: Shared<'g, Inode>, guard: &'g Guard) -> Result<Locked<'g>, Errno> {
    let (old_entries, new_entries) = (old.get().directory()?, new.get().directory()?);
    if old.same(new) {
        let old = old_entries.entries(guard);
        return Ok(Locked { _rename: None, old, new: None, old_is_above: None, new_is_above: None });
    }
    let rename = old.get().sb.rename.lock();
    let old_is_above = step_below(old, new, guard);
    let new_is_above = step_below(new, old, guard);
    let (old, new) = if new_is_above.is_some() {
        let new = new_entries.entries(guard);
        (old_entries.more_entries(guard), new)
    } else {
        let old = old_entries.entries(guard);
        (old, new_entries.more_entries(guard))
    };
    Ok(Locked { _rename: Some(rename), old, new: Some(new), old_is_above, new_is_above })
}

/// The directory directly below `above` on the way to `below`, if there is such a way.
fn step_below<'g>(
    above: Shared<'g, Inode>,
    below: Shared<'g, Inode>,
    guard: &'g Guard,
) -> Option<Shared<'g, Inode>> {
    let mut at = below;
    loop {
        let parent = at.get().directory().ok()?.parent(guard)?;
        if parent.same(above) {
            return Some(at);
        }
        at = parent;
    }
}

impl<'g> Rename<'g> {
    /// The checks of `vfs_rename`.
    fn check(&self, exchange: bool, cred: &Credentials) -> Result<(), Errno> {
        let source = self.source.inode;
        let is_dir = source.is_dir();
        may_delete(&self.old_dir, &source, cred, is_dir)?;
        match self.target {
            // It may take a name out of there already.
            None if !self.cross => {}
            None => may_create(&self.new_dir, &self.new_dir.attributes.owner(), cred)?,
            Some(target) => {
                let as_dir = if exchange { target.inode.is_dir() } else { is_dir };
                may_delete(&self.new_dir, &target.inode, cred, as_dir)?;
            }
        }
        // A directory that gets another parent is written to: its ".." changes.
        if self.cross {
            if is_dir {
                permission(&source, cred, Access::WRITE)?;
            }
            if let Some(target) = self.target.filter(|t| exchange && t.inode.is_dir()) {
                permission(&target.inode, cred, Access::WRITE)?;
            }
        }
        Ok(())
    }

    /// RENAME_EXCHANGE.
    fn exchange(&self, locked: &mut Locked<'g>, guard: &Guard) -> Result<(), Errno> {
        let Some(target) = self.target else { return Err(Errno::ENOENT) };
        let source = self.source;
        let old_place = Place::of(source.inode, self.new_dir, &self.new_name)?;
        let new_place = Place::of(target.inode, self.old_dir, &self.old_name)?;
        let (old_dir, new_dir) = (locked.old.dir(), locked.target().dir());
        let now = self.old_dir.sb.now();
        let _changing =
            (source.inode.is_dir() || target.inode.is_dir()).then(|| self.old_dir.sb.paths.changing());
        moving(old_dir, Some(new_dir), || locked.old.exchange(source, target));
        old_place.take(source.inode, self.cross, guard);
        new_place.take(target.inode, self.cross, guard);
        if self.cross {
            let (a, b) = (u32::from(source.inode.is_dir()), u32::from(target.inode.is_dir()));
            self.old_dir.attributes.change(|c| c.set_nlink(c.nlink() - a + b));
            self.new_dir.attributes.change(|c| c.set_nlink(c.nlink() - b + a));
        }
        for inode in [source.inode, target.inode] {
            inode.attributes.change(|c| c.set(Stamp::Change, now));
        }
        for dir in [self.old_dir, self.new_dir] {
            dir.attributes.change(|c| c.modified(now));
        }
        Ok(())
    }

    /// The plain move, with or without something in its way.
    fn go(
        &self,
        mut locked: Locked<'g>,
        whiteout: bool,
        cred: &Credentials,
        guard: &Guard,
    ) -> Result<(), Errno> {
        let source = self.source.inode;
        let is_dir = source.is_dir();
        let place = Place::of(source, self.new_dir, &self.new_name)?;
        let mark = if whiteout { Some(self.whiteout(cred, guard)?) } else { None };
        let room = match self.target {
            Some(_) => None,
            None => Some(locked.target_mut().reserve(&self.new_name)?),
        };
        let from = locked.old.find_again(self.source, &self.old_name).ok_or(Errno::ENOENT)?;
        let victim = self.target.map(|target| target.inode);
        if let Some(victim) = victim.filter(|v| v.is_dir()) {
            let mut inner = victim.get().directory()?.more_entries(guard);
            if inner.len() != 0 {
                return Err(Errno::ENOTEMPTY);
            }
            inner.set_removed();
        }
        let now = self.old_dir.sb.now();
        if let Some(victim) = victim {
            if victim.is_dir() {
                victim.attributes.change(|c| {
                    c.set_nlink(0);
                    c.set(Stamp::Change, now);
                });
            } else {
                victim.drop_link(now);
            }
        }
        let (old_dir, new_dir): (&Directory, &Directory) = (locked.old.dir(), locked.target().dir());
        let marked = mark.is_some();
        let changing = is_dir.then(|| self.old_dir.sb.paths.changing());
        let replaced = moving(old_dir, Some(new_dir), || {
            let moved = match mark {
                Some(mark) => locked.old.swap(from, mark),
                None => locked.old.take(from),
            }?;
            match (room, self.target) {
                (Some(room), _) => {
                    locked.target_mut().insert(room, &self.new_name, moved);
                    None
                }
                (None, Some(target)) => locked.target_mut().replace(target, moved),
                (None, None) => None,
            }
        });
        drop(changing);
        place.take(source, self.cross, guard);
        self.account(victim, marked, is_dir, now);
        source.attributes.change(|c| c.set(Stamp::Change, now));
        locked.old.tidy();
        drop(locked);
        drop(replaced);
        Ok(())
    }

    /// The sizes, links and times of the two directories, which may be one.
    fn account(&self, victim: Option<Shared<'_, Inode>>, marked: bool, is_dir: bool, now: Timespec) {
        let dirs = u32::from(is_dir);
        let gone = if marked { 0 } else { ENTRY_SIZE };
        let come = if victim.is_none() { ENTRY_SIZE } else { 0 };
        let replaced = u32::from(victim.is_some_and(|v| v.is_dir()));
        let change = |dir: Shared<'_, Inode>, bytes: (u64, u64), links: (u32, u32)| {
            dir.attributes.change(|c| {
                c.set_size(c.size() + bytes.0 - bytes.1);
                c.set_nlink(c.nlink() + links.0 - links.1);
                c.modified(now);
            });
        };
        if self.cross {
            change(self.old_dir, (0, gone), (0, dirs));
            change(self.new_dir, (come, 0), (dirs, replaced));
        } else {
            change(self.old_dir, (come, gone), (dirs, dirs + replaced));
        }
    }

    /// The character device 0:0 that RENAME_WHITEOUT leaves at the old name.
    fn whiteout(&self, cred: &Credentials, guard: &Guard) -> Result<Ref<Inode>, Errno> {
        let new = NewInode::node(FileType::CharDevice, Mode::empty(), Mode::empty(), Dev::default());
        let owner = self.old_dir.attributes.owner();
        let sb = &self.old_dir.sb;
        let start = Start { new: &new, ino: sb.next_ino(), nlink: 1, now: sb.now() };
        Inode::unnamed(self.old_dir, self.old_name.bytes(), &start, &owner, cred, guard).map(Fresh::share)
    }
}

/// The new place of a moved directory, with its memory: made before anything is visible.
struct Place<'g>(Option<(Shared<'g, Inode>, Box<OwnName>)>);

impl<'g> Place<'g> {
    fn of(moved: Shared<'_, Inode>, parent: Shared<'g, Inode>, name: &Name<'_>) -> Result<Self, Errno> {
        if !moved.is_dir() {
            return Ok(Self(None));
        }
        let name = OwnName::try_new(name.bytes())?;
        Ok(Self(Some((parent, name))))
    }

    fn take(self, moved: Shared<'_, Inode>, cross: bool, guard: &Guard) {
        if let (Some((parent, name)), Ok(directory)) = (self.0, moved.get().directory()) {
            directory.set_place(if cross { parent.upgrade() } else { None }, name, guard);
        }
    }
}
