//! Path resolution (path_resolution(7), fs/namei.c): the only place that knows '/', ".", "..", symbolic links,
//! RESOLVE_* and ELOOP.
//!
//! A walk runs under one epoch guard and takes no lock and no reference: what it finds is valid under the guard. The
//! cage layer gives it a starting directory, a root and credentials, and acts on the result through the inode layer.

mod prefix;

pub(crate) use self::prefix::Prefixes;

use self::prefix::Key;
use crate::abi::{Access, Errno, MAXSYMLINKS, PATH_MAX, ResolveFlags, Result};
use crate::inode::{Credentials, Inode, Name, Object, Protections, permission};
use crate::sync::epoch::Guard;
use crate::sync::refcount::Shared;

/// Where walks start, and what they may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk<'g> {
    /// Where absolute paths start, and where ".." ends.
    pub(crate) root: Shared<'g, Inode>,
    /// Where relative paths start.
    pub(crate) start: Shared<'g, Inode>,
    /// Who walks.
    pub(crate) cred: &'g Credentials,
    /// What is remembered of earlier walks of this cage by the same user, if anything: the paths, and the identity of the
    /// credentials.
    pub(crate) memory: Option<(&'g Prefixes, u64)>,
    /// The restrictions of openat2(2).
    pub(crate) resolve: ResolveFlags,
    pub(crate) guard: &'g Guard,
}

/// The last component of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last<'g> {
    /// A name.
    Name(&'g [u8]),
    /// ".", "..", or nothing but slashes: something that exists, and that no call makes or removes.
    Dot,
    /// "..": as [`Dot`](Self::Dot), where calls answer it otherwise.
    DotDot,
    /// The path is "/".
    Root,
}

/// The directory that the last component is in, and that component: what calls need that make or remove names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parent<'g> {
    pub(crate) dir: Shared<'g, Inode>,
    pub(crate) last: Last<'g>,
    /// Whether slashes follow the last component.
    pub(crate) slash: bool,
}

/// Paths that are still to be walked: the rest of the path, below the rest of each symbolic link in it.
struct Pending<'g> {
    paths: [&'g [u8]; MAXSYMLINKS + 1],
    len: usize,
    links: usize,
    /// Whether the walk has come to know its root, by an absolute path or a ".." (`nd->root`): a link to an absolute
    /// path before that counts as one to another mount (`nd_jump_root`).
    rooted: bool,
}

/// One component, taken off the front of a path.
struct Step<'g> {
    name: &'g [u8],
    /// What follows, without slashes in front.
    rest: &'g [u8],
    /// Whether slashes follow.
    slash: bool,
}

/// Takes the first component off a path that does not start with a slash.
#[inline]
fn step(path: &[u8]) -> Step<'_> {
    let end = path.iter().position(|b| *b == b'/').unwrap_or(path.len());
    let (name, after) = path.split_at(end);
    Step { name, rest: without_slashes(after), slash: !after.is_empty() }
}

#[inline]
fn without_slashes(path: &[u8]) -> &[u8] {
    match path {
        [b'/', rest @ ..] if rest.first() != Some(&b'/') => rest,
        [b'/', ..] => &path[path.iter().position(|b| *b != b'/').unwrap_or(path.len())..],
        _ => path,
    }
}

/// No name, or one that is not looked up.
#[inline]
fn is_special(name: &[u8]) -> bool {
    matches!(name, [] | [b'.'] | [b'.', b'.'])
}

/// Where the last slash is.
#[inline]
fn last_slash(path: &[u8]) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let mut rest = path;
    while let Some((before, eight)) = rest.split_last_chunk::<8>() {
        let diff = u64::from_le_bytes(*eight) ^ (LOW * b'/' as u64);
        // The highest bits of the bytes that are zero in `diff`.
        let zeros = !(((diff & !(LOW << 7)) + !(LOW << 7)) | diff | !(LOW << 7));
        if zeros != 0 {
            return Some(before.len() + 7 - zeros.leading_zeros() as usize / 8);
        }
        rest = before;
    }
    rest.iter().rposition(|byte| *byte == b'/')
}

/// Whether the caller's path can be walked at all (`getname`).
///
/// # Errors
/// ENAMETOOLONG: with its NUL it is longer than PATH_MAX.
#[inline]
pub(crate) fn check_path(path: &[u8]) -> Result<()> {
    if path.len() >= PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    Ok(())
}

impl<'g> Walk<'g> {
    /// The same walk by somebody else.
    pub(crate) fn by(self, cred: &'g Credentials) -> Self {
        Self { cred, memory: None, ..self }
    }

    /// The inode at `path`. A symbolic link at its end is followed if `follow` says so, or if slashes follow it.
    ///
    /// # Errors
    /// ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EXDEV (RESOLVE_BENEATH)
    #[inline]
    pub(crate) fn find(&self, path: &'g [u8], follow: bool) -> Result<Shared<'g, Inode>> {
        match self.plain(path) {
            Some(found) => Ok(found),
            None => self.find_any(path, follow),
        }
    }

    /// [`find`](Self::find), and a reference to what was found if `check` allows it. What is replaced by a rename just then
    /// is looked up again: the name is there at every moment.
    ///
    /// # Errors
    /// Those of [`find`](Self::find) and of `check`
    pub(crate) fn hold<R>(
        &self,
        path: &'g [u8],
        follow: bool,
        check: impl Fn(Shared<'g, Inode>) -> Result<()>,
        hold: impl Fn(Shared<'g, Inode>) -> Option<R>,
    ) -> Result<R> {
        let mut before: Option<Shared<'g, Inode>> = None;
        loop {
            let found = self.find(path, follow)?;
            check(found)?;
            if let Some(held) = hold(found) {
                return Ok(held);
            }
            // A walk that comes to the same place again went by no name: its start was removed.
            if before.is_some_and(|before| before.same(found)) {
                return Err(Errno::ENOENT);
            }
            before = Some(found);
        }
    }

    /// The inode at a path of names alone, which all exist and are no symbolic links: most are so. `None` says that the
    /// general walk has to look, for whatever reason.
    #[inline]
    fn plain(&self, path: &'g [u8]) -> Option<Shared<'g, Inode>> {
        let (dir, name) = self.plain_parent(path)?;
        let found = dir.get().directory().ok()?.lookup(&name, self.guard)?;
        if matches!(found.get().object, Object::Symlink(_)) { None } else { Some(found) }
    }

    /// The directory and the last name of such a path, whether or not that name exists.
    #[inline]
    fn plain_parent(&self, path: &'g [u8]) -> Option<(Shared<'g, Inode>, Name<'g>)> {
        let (start, path) = match path {
            _ if !self.resolve.is_empty() || path.len() >= PATH_MAX => return None,
            [b'/', rest @ ..] => (self.root, rest),
            _ => (self.start, path),
        };
        let (dir, at) = match last_slash(path) {
            None => (start, 0),
            Some(slash) => (self.directory_at(start, path, slash)?, slash + 1),
        };
        let inode = dir.get();
        if is_special(&path[at..]) || !inode.is_dir() || permission(inode, self.cred, Access::EXEC).is_err() {
            return None;
        }
        Some((dir, Name::last_of(path, at, inode.sb.seed).ok()?))
    }

    /// What the first `len` bytes of a path, of names, lead to, which is remembered or walked.
    #[inline]
    fn directory_at(&self, from: Shared<'g, Inode>, path: &'g [u8], len: usize) -> Option<Shared<'g, Inode>> {
        let Some((prefixes, who)) = self.memory else { return self.names(from, &path[..len]) };
        let key = Key { from, path, len, who };
        let stamp = from.get().sb.paths.now();
        if let Some(stamp) = stamp
            && let Some(found) = prefixes.find(&key, stamp, self.guard)
        {
            return Some(found);
        }
        let found = self.names(from, &path[..len])?;
        if let Some(stamp) = stamp
            && found.get().directory().is_ok_and(|directory| directory.remember(&found))
        {
            prefixes.note(&key, stamp, found);
        }
        Some(found)
    }

    /// Walks a path of names alone.
    fn names(&self, from: Shared<'g, Inode>, path: &'g [u8]) -> Option<Shared<'g, Inode>> {
        let (mut at, mut rest) = (from, path);
        loop {
            let inode = at.get();
            let Object::Directory(directory) = &inode.object else { return None };
            let name = Name::first_of(rest, inode.sb.seed).ok()?;
            if is_special(name.bytes()) || permission(inode, self.cred, Access::EXEC).is_err() {
                return None;
            }
            at = directory.lookup(&name, self.guard)?;
            rest = match &rest[name.bytes().len()..] {
                [] => return Some(at),
                [_, rest @ ..] => rest,
            };
        }
    }

    /// [`find`](Self::find) in general.
    fn find_any(&self, path: &'g [u8], follow: bool) -> Result<Shared<'g, Inode>> {
        let mut pending = Pending::new();
        let mut at = self.parent_from(path, &mut pending)?;
        loop {
            let found = self.resolve_last(&at)?;
            let Some(target) = found.get().symlink() else {
                return if at.slash && !found.is_dir() { Err(Errno::ENOTDIR) } else { Ok(found) };
            };
            if !(follow || at.slash) {
                return Ok(found);
            }
            at = self.through_link(at, found, target, &mut pending)?;
        }
    }

    /// The directory and the name at the end of `path`, not followed if it is a symbolic link.
    ///
    /// # Errors
    /// As [`find`](Self::find), for all components but the last
    pub(crate) fn parent(&self, path: &'g [u8]) -> Result<Parent<'g>> {
        if let Some((dir, name)) = self.plain_parent(path) {
            return Ok(Parent { dir, last: Last::Name(name.bytes()), slash: false });
        }
        self.parent_from(path, &mut Pending::new())
    }

    /// What open(2) with O_CREAT needs: the inode at `path` if there is one, and the directory and the name that it has or is to have,
    /// symbolic links followed if `follow`.
    ///
    /// # Errors
    /// As [`find`](Self::find), but ENOENT for a missing last name is `None`
    pub(crate) fn find_or_parent(
        &self,
        path: &'g [u8],
        follow: bool,
    ) -> Result<(Parent<'g>, Option<Shared<'g, Inode>>)> {
        if let Some((dir, name)) = self.plain_parent(path) {
            let found = dir.get().directory()?.lookup(&name, self.guard);
            if !found.is_some_and(|found| matches!(found.get().object, Object::Symlink(_))) {
                return Ok((Parent { dir, last: Last::Name(name.bytes()), slash: false }, found));
            }
        }
        let mut pending = Pending::new();
        let mut at = self.parent_from(path, &mut pending)?;
        loop {
            let found = match self.resolve_last(&at) {
                Err(Errno::ENOENT) => return Ok((at, None)),
                found => found?,
            };
            match found.get().symlink() {
                Some(target) if follow && !at.slash => {
                    at = self.through_link(at, found, target, &mut pending)?
                }
                _ => return Ok((at, Some(found))),
            }
        }
    }

    /// What the last component stands for.
    #[inline]
    pub(crate) fn resolve_last(&self, at: &Parent<'g>) -> Result<Shared<'g, Inode>> {
        match at.last {
            Last::Name(name) => self.lookup(at.dir, name),
            Last::Dot | Last::DotDot | Last::Root => Ok(at.dir),
        }
    }

    #[inline]
    fn parent_from(&self, path: &'g [u8], pending: &mut Pending<'g>) -> Result<Parent<'g>> {
        check_path(path)?;
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let scoped = self.resolve.intersects(ResolveFlags::BENEATH | ResolveFlags::IN_ROOT);
        pending.rooted = scoped || path.first() == Some(&b'/');
        let start = self.start_of(path, self.start, pending)?;
        self.walk_to_parent(start, path, pending)
    }

    /// Where `path` starts: at the root if it is absolute.
    #[inline]
    fn start_of(
        &self,
        path: &[u8],
        relative: Shared<'g, Inode>,
        pending: &mut Pending<'g>,
    ) -> Result<Shared<'g, Inode>> {
        if path.first() != Some(&b'/') {
            return Ok(relative);
        }
        if self.resolve.contains(ResolveFlags::BENEATH)
            || (self.resolve.contains(ResolveFlags::NO_XDEV) && !pending.rooted)
        {
            return Err(Errno::EXDEV);
        }
        pending.rooted = true;
        Ok(self.root)
    }

    /// Walks all components but the last one of all (`link_path_walk`).
    fn walk_to_parent(
        &self,
        mut dir: Shared<'g, Inode>,
        path: &'g [u8],
        pending: &mut Pending<'g>,
    ) -> Result<Parent<'g>> {
        let absolute = path.first() == Some(&b'/');
        let mut path = without_slashes(path);
        if path.is_empty() && pending.len == 0 {
            let last = if absolute { Last::Root } else { Last::Dot };
            return Ok(Parent { dir, last, slash: false });
        }
        loop {
            if path.is_empty() {
                // Only a link to "/" in the middle of a path gets here.
                match pending.pop() {
                    Some(rest) => path = rest,
                    None => return Ok(Parent { dir, last: Last::Root, slash: false }),
                }
            }
            self.may_search(dir)?;
            let Step { name, rest, slash } = step(path);
            let last = rest.is_empty() && pending.len == 0;
            if name == b"." || name == b".." {
                if name == b".." {
                    dir = self.up(dir)?;
                    pending.rooted = true;
                }
                if last {
                    let last = if name == b"." { Last::Dot } else { Last::DotDot };
                    return Ok(Parent { dir, last, slash });
                }
                path = rest;
                continue;
            }
            if last {
                return Ok(Parent { dir, last: Last::Name(name), slash });
            }
            let found = self.lookup(dir, name)?;
            if let Some(target) = found.get().symlink() {
                self.may_follow(None, found, pending)?;
                if !rest.is_empty() {
                    pending.push(rest);
                }
                dir = self.start_of(target, dir, pending)?;
                path = without_slashes(target);
                continue;
            }
            if !found.is_dir() {
                return Err(Errno::ENOTDIR);
            }
            dir = found;
            path = rest;
        }
    }

    /// Goes on through a symbolic link at the end of the path.
    fn through_link(
        &self,
        at: Parent<'g>,
        link: Shared<'g, Inode>,
        target: &'g [u8],
        pending: &mut Pending<'g>,
    ) -> Result<Parent<'g>> {
        self.may_follow(Some(at.dir), link, pending)?;
        let start = self.start_of(target, at.dir, pending)?;
        let mut next = self.walk_to_parent(start, target, pending)?;
        next.slash |= at.slash;
        Ok(next)
    }

    /// One name in one directory, whose right to search was checked.
    #[inline]
    fn lookup(&self, dir: Shared<'g, Inode>, name: &[u8]) -> Result<Shared<'g, Inode>> {
        let inode = dir.get();
        let key = inode.key(name)?;
        inode.directory()?.lookup(&key, self.guard).ok_or(Errno::ENOENT)
    }

    /// "..", which stops at the root (`handle_dots`). With RESOLVE_BENEATH the start is all the root there is, even where
    /// it lies above that of the process.
    fn up(&self, dir: Shared<'g, Inode>) -> Result<Shared<'g, Inode>> {
        if self.resolve.contains(ResolveFlags::BENEATH) {
            return if dir.same(self.start) { Err(Errno::EXDEV) } else { Inode::parent(dir, self.guard) };
        }
        if dir.same(self.root) { Ok(dir) } else { Inode::parent(dir, self.guard) }
    }

    /// The right to search a directory.
    #[inline]
    fn may_search(&self, dir: Shared<'g, Inode>) -> Result<()> {
        if !dir.is_dir() {
            return Err(Errno::ENOTDIR);
        }
        permission(dir.get(), self.cred, Access::EXEC)
    }

    /// Whether a link may be followed (`pick_link`, `may_follow_link`). `trailing` is the directory that it is in, if it is
    /// the end of the path: only there the protection of sticky directories asks.
    fn may_follow(
        &self,
        trailing: Option<Shared<'g, Inode>>,
        link: Shared<'g, Inode>,
        pending: &mut Pending<'g>,
    ) -> Result<()> {
        pending.links += 1;
        if pending.links > MAXSYMLINKS {
            return Err(Errno::ELOOP);
        }
        if let Some(dir) = trailing
            && dir.sb.protections.contains(Protections::SYMLINKS)
        {
            let (parent, owner) = (dir.attr(), link.attr());
            let sticky = parent.mode & 0o1002 == 0o1002;
            if sticky && parent.uid != owner.uid && self.cred.fsuid != owner.uid {
                return Err(Errno::EACCES);
            }
        }
        if self.resolve.contains(ResolveFlags::NO_SYMLINKS) {
            return Err(Errno::ELOOP);
        }
        link.touch_atime();
        Ok(())
    }
}

impl<'g> Pending<'g> {
    #[inline]
    fn new() -> Self {
        Self { paths: [&[]; MAXSYMLINKS + 1], len: 0, links: 0, rooted: false }
    }

    /// There is room: each link that is followed pushes at most once.
    fn push(&mut self, path: &'g [u8]) {
        self.paths[self.len] = path;
        self.len += 1;
    }

    fn pop(&mut self) -> Option<&'g [u8]> {
        self.len = self.len.checked_sub(1)?;
        Some(self.paths[self.len])
    }
}

#[cfg(test)]
mod tests {
    use super::last_slash;

    #[test]
    fn the_last_slash_is_found_wherever_it_is() {
        for len in 0..40 {
            assert_eq!(last_slash(&vec![b'.'; len]), None);
            for at in 0..len {
                for before in [b'/', b'.', b'0', 0, 0xff, 0xaf] {
                    let mut path = vec![before; len];
                    path[at..].fill(b'0');
                    path[at] = b'/';
                    assert_eq!(last_slash(&path), Some(at));
                }
            }
        }
    }
}
