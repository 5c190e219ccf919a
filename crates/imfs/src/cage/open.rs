//! open(2), openat(2), openat2(2), creat(2).

use crate::sync::primitives::atomic::Ordering;

use super::Cage;
use super::description::{Description, Foreign, Vacant};
use super::table::FIRST;
use crate::abi::{AT_FDCWD, Access, Errno, FileType, Mode, OFlags, OpenHow, ResolveFlags, Result};
use crate::inode::device::Device;
use crate::inode::{Credentials, Inode, NewInode, Object, Protections, owner_or_capable, permission};
use crate::sync::epoch::{self, Guard};
use crate::sync::refcount::{Ref, Shared};
use crate::walk::{Last, Walk, check_path};

/// What open(2) was asked for, checked (`build_open_flags`).
#[derive(Debug, Clone, Copy)]
struct Request {
    flags: OFlags,
    mode: Mode,
    /// What must be permitted on an existing file.
    access: Access,
}

/// Flags that only matter while a file is opened, and that F_GETFL does not show.
const OPEN_ONLY: OFlags =
    OFlags::CREAT.union(OFlags::EXCL).union(OFlags::NOCTTY).union(OFlags::TRUNC).union(OFlags::CLOEXEC);
/// What O_PATH leaves of the other flags.
const WITH_PATH: OFlags =
    OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::PATH).union(OFlags::CLOEXEC);

impl Request {
    /// # Errors
    /// EINVAL: O_DIRECTORY with O_CREAT; O_TMPFILE without write access.
    fn new(flags: OFlags, mode: Mode) -> Result<Self> {
        let creates = flags.intersects(OFlags::CREAT | OFlags::TMPFILE_BIT);
        let mode = if creates { Mode::from_raw(mode.bits()) } else { Mode::empty() };
        if flags.contains(OFlags::DIRECTORY | OFlags::CREAT) {
            return Err(Errno::EINVAL);
        }
        let mut access = match flags.access_mode() {
            OFlags::RDONLY => Access::READ,
            OFlags::WRONLY => Access::WRITE,
            _ => Access::READ | Access::WRITE,
        };
        if flags.contains(OFlags::TMPFILE_BIT) {
            if !flags.contains(OFlags::DIRECTORY) || !access.contains(Access::WRITE) {
                return Err(Errno::EINVAL);
            }
        } else if flags.contains(OFlags::PATH) {
            return Ok(Self { flags: flags & WITH_PATH, mode, access: Access::EXISTS });
        }
        if flags.contains(OFlags::TRUNC) {
            access |= Access::WRITE;
        }
        Ok(Self { flags: flags | OFlags::LARGEFILE, mode, access })
    }

    fn has(&self, flag: OFlags) -> bool {
        self.flags.contains(flag)
    }
}

impl Cage {
    /// Opens a file: `openat(AT_FDCWD, path, flags, mode)`.
    ///
    /// # Errors
    /// As [`openat`](Self::openat)
    pub fn open(&self, path: impl AsRef<[u8]>, flags: OFlags, mode: Mode) -> Result<i32> {
        self.openat(AT_FDCWD, path, flags, mode)
    }

    /// Makes or empties a file and opens it for writing: creat(2).
    ///
    /// # Errors
    /// As [`openat`](Self::openat)
    pub fn creat(&self, path: impl AsRef<[u8]>, mode: Mode) -> Result<i32> {
        self.openat(AT_FDCWD, path, OFlags::CREAT | OFlags::WRONLY | OFlags::TRUNC, mode)
    }

    /// Opens a file, relative to a directory: openat(2). Unknown flags are ignored.
    ///
    /// # Errors
    /// EACCES, EBADF, EEXIST, EINVAL, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM, ENOSPC, ENOTDIR,
    /// ENXIO (a device or socket that cannot be opened; a FIFO without a reader), EPERM (O_NOATIME), EINTR (a FIFO)
    pub fn openat(&self, dirfd: i32, path: impl AsRef<[u8]>, flags: OFlags, mode: Mode) -> Result<i32> {
        let mut flags = flags & OFlags::VALID_OPEN;
        // O_PATH beats everything else (`build_open_how`).
        if flags.contains(OFlags::PATH) {
            flags &= WITH_PATH;
        }
        let request = Request::new(flags, mode)?;
        self.do_open(dirfd, path.as_ref(), request, ResolveFlags::empty())
    }

    /// Opens a file with restrictions on how the path is walked: openat2(2).
    ///
    /// # Errors
    /// As [`openat`](Self::openat); EINVAL: unknown flags; EXDEV: the path leaves the directory (RESOLVE_BENEATH);
    /// EAGAIN: RESOLVE_CACHED with flags that change something
    pub fn openat2(&self, dirfd: i32, path: impl AsRef<[u8]>, how: &OpenHow) -> Result<i32> {
        let resolve = ResolveFlags::from_bits_retain(how.resolve);
        let flags = u32::try_from(how.flags).map(OFlags::from_bits_retain).map_err(|_| Errno::EINVAL)?;
        let creates = flags.intersects(OFlags::CREAT | OFlags::TMPFILE_BIT);
        let mode = u32::try_from(how.mode).ok().filter(|mode| mode & !0o7777 == 0).ok_or(Errno::EINVAL)?;
        let contradiction = ResolveFlags::BENEATH | ResolveFlags::IN_ROOT;
        let path_only = flags.contains(OFlags::PATH) && !(flags - WITH_PATH).is_empty();
        if !(flags - OFlags::VALID_OPEN).is_empty()
            || !(resolve - ResolveFlags::VALID).is_empty()
            || resolve.contains(contradiction)
            || path_only
            || (mode != 0 && !creates)
        {
            return Err(Errno::EINVAL);
        }
        let request = Request::new(flags, Mode::from_raw(mode))?;
        if resolve.contains(ResolveFlags::CACHED) && (creates || flags.contains(OFlags::TRUNC)) {
            return Err(Errno::EAGAIN);
        }
        self.do_open(dirfd, path.as_ref(), request, resolve)
    }

    fn do_open(&self, dirfd: i32, path: &[u8], mut request: Request, resolve: ResolveFlags) -> Result<i32> {
        check_path(path)?;
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let number = self.table.reserve(FIRST, self.limit())?;
        let vacant = Description::reserve(&self.tree.sb)?;
        let guard = epoch::pin();
        let mut walk = self.walk_at(dirfd, path, &guard)?;
        walk.resolve = resolve;
        if resolve.contains(ResolveFlags::IN_ROOT) {
            // Here absolute paths too start at `dirfd`.
            if dirfd != AT_FDCWD {
                walk.start = self.directory_of(dirfd, &guard)?;
            }
            walk.root = walk.start;
        }
        let (inode, created) = self.open_inode(&walk, path, &request)?;
        if created {
            // A truncation would take its set-id bits.
            request.flags -= OFlags::TRUNC;
        }
        let cloexec = request.has(OFlags::CLOEXEC);
        let description = self.open_description(inode, &request, vacant, guard)?;
        if created {
            description.set_created();
        }
        Ok(number.fill(description, cloexec))
    }

    /// The directory that `dirfd` stands for.
    pub(super) fn directory_of<'g>(&self, dirfd: i32, guard: &'g Guard) -> Result<Shared<'g, Inode>> {
        let inode = self.table.get(dirfd, guard)?.get().inode(guard)?;
        inode.get().directory()?;
        Ok(inode)
    }

    /// Finds the inode, and checks that it may be opened so, or makes one; and whether it was made with its name
    /// (`path_openat`).
    fn open_inode<'g>(
        &self,
        walk: &Walk<'g>,
        path: &'g [u8],
        request: &Request,
    ) -> Result<(Ref<Inode>, bool)> {
        if request.has(OFlags::TMPFILE_BIT) {
            let dir = walk.find(path, !request.has(OFlags::NOFOLLOW))?;
            let linkable = !request.has(OFlags::EXCL);
            let inode = Inode::tmpfile(dir, request.mode, self.mask(), linkable, walk.cred, walk.guard)?;
            return Ok((inode, false));
        }
        if request.has(OFlags::CREAT) {
            return self.open_or_create(walk, path, request);
        }
        let follow = !request.has(OFlags::NOFOLLOW);
        let inode = walk.hold(path, follow, |inode| may_open(inode, request, walk.cred), hold)?;
        Ok((inode, false))
    }

    /// open(2) with O_CREAT (`open_last_lookups`, `lookup_open`).
    fn open_or_create<'g>(
        &self,
        walk: &Walk<'g>,
        path: &'g [u8],
        request: &Request,
    ) -> Result<(Ref<Inode>, bool)> {
        let exclusive = request.has(OFlags::EXCL);
        let follow = !exclusive && !request.has(OFlags::NOFOLLOW);
        loop {
            let (at, found) = walk.find_or_parent(path, follow)?;
            if let Last::Name(_) = at.last
                && at.slash
            {
                return Err(Errno::EISDIR);
            }
            if let Some(found) = found {
                if exclusive {
                    return Err(Errno::EEXIST);
                }
                if found.is_dir() {
                    return Err(Errno::EISDIR);
                }
                may_create_in_sticky(at.dir, found, walk.cred)?;
                may_open(found, request, walk.cred)?;
                match hold(found) {
                    Some(inode) => return Ok((inode, false)),
                    // Unlinked since it was found.
                    None => continue,
                }
            }
            let Last::Name(name) = at.last else { return Err(Errno::ENOENT) };
            let new = NewInode::regular(request.mode, self.mask());
            match Inode::create(at.dir, name, &new, walk.cred, walk.guard) {
                // Made by another since it was not found.
                Err(Errno::EEXIST) if !exclusive => {}
                made => return Ok((made?, true)),
            }
        }
    }

    /// Makes the description, after what the kind of object does at open.
    fn open_description(
        &self,
        inode: Ref<Inode>,
        request: &Request,
        vacant: Vacant<'_>,
        guard: Guard,
    ) -> Result<Ref<Description>> {
        let flags = request.flags - OPEN_ONLY;
        let opener = self.identity.load(Ordering::Relaxed);
        if request.has(OFlags::PATH) {
            return Ok(vacant.of_inode(inode, flags, opener));
        }
        match &inode.object {
            Object::Directory(_) if request.has(OFlags::DIRECT) => Err(Errno::EINVAL),
            Object::Directory(_) => Ok(vacant.of_inode(inode, flags, opener)),
            Object::Regular(_) => {
                // The truncation was permitted by `may_open`.
                let truncate = request.has(OFlags::TRUNC) && !request.has(OFlags::TMPFILE_BIT);
                if truncate {
                    inode.set_size(0, self.cred(&guard)?)?;
                }
                Ok(vacant.of_inode(inode, flags, opener))
            }
            Object::Symlink(_) => Err(Errno::ELOOP),
            Object::Pipe(_) => {
                let privileged = self.cred(&guard)?.above_pipe_limits();
                // It may wait.
                drop(guard);
                self.open_fifo(inode, flags, privileged, vacant)
            }
            Object::Device(dev) => {
                Device::open(inode.file_type(), *dev)?;
                if request.has(OFlags::DIRECT) {
                    return Err(Errno::EINVAL);
                }
                Ok(vacant.of_inode(inode, flags, opener))
            }
            Object::Socket => Err(Errno::ENXIO),
        }
    }

    /// Puts a descriptor that IMFS does not own into the table, at the lowest free number from `from` on.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM
    pub fn add_foreign(&self, foreign: Foreign, from: i32, cloexec: bool) -> Result<i32> {
        let from = usize::try_from(from).map_err(|_| Errno::EINVAL)?;
        let number = self.table.reserve(from, self.limit())?;
        let vacant = Description::reserve(&self.tree.sb)?;
        let description = vacant.of_foreign(self.tree.sb.clone(), foreign, OFlags::RDWR);
        Ok(number.fill(description, cloexec))
    }

    /// Which foreign descriptor `fd` is, as its kind and number; `None` if it is one of IMFS.
    ///
    /// # Errors
    /// EBADF
    pub fn foreign(&self, fd: i32) -> Result<Option<(u64, u64)>> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        Ok(description.foreign().map(|foreign| (foreign.kind, foreign.number)))
    }
}

/// A reference for a description. If several threads open the same inode its count is spread; its names anchor it.
#[inline]
fn hold(inode: Shared<'_, Inode>) -> Option<Ref<Inode>> {
    let mut contended = false;
    let held = inode.try_upgrade(&mut contended)?;
    if contended {
        held.spread(|| inode.attributes.nlink() > 0);
    }
    Some(held)
}

/// Whether an existing file may be opened so (`do_open`, `may_open`).
fn may_open(inode: Shared<'_, Inode>, request: &Request, cred: &Credentials) -> Result<()> {
    let kind = inode.file_type();
    if request.has(OFlags::DIRECTORY) && kind != FileType::Directory {
        return Err(Errno::ENOTDIR);
    }
    if request.has(OFlags::PATH) {
        return Ok(());
    }
    match kind {
        FileType::Symlink => return Err(Errno::ELOOP),
        FileType::Directory if request.access.contains(Access::WRITE) => return Err(Errno::EISDIR),
        _ => {}
    }
    permission(inode.get(), cred, request.access)?;
    let rewrites = request.flags.access_mode() != OFlags::RDONLY && !request.has(OFlags::APPEND);
    if inode.append_only() && (rewrites || request.has(OFlags::TRUNC)) {
        return Err(Errno::EPERM);
    }
    if request.has(OFlags::NOATIME) && !owner_or_capable(inode.attr().uid, cred) {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// `may_create_in_sticky`: in a sticky directory that all may write to, O_CREAT does not open what somebody else put
/// there; regular files and FIFOs only if that is asked for, and then perhaps where a group may write, too.
fn may_create_in_sticky(dir: Shared<'_, Inode>, inode: Shared<'_, Inode>, cred: &Credentials) -> Result<()> {
    let (parent, owner) = (dir.attr(), inode.attr());
    let asked = |protection| dir.sb.protections.contains(protection);
    let (guarded, of_groups) = match inode.file_type() {
        FileType::Regular => (asked(Protections::REGULAR), asked(Protections::GROUP_REGULAR)),
        FileType::Fifo => (asked(Protections::FIFOS), asked(Protections::GROUP_FIFOS)),
        _ => (true, false),
    };
    let others_write = if of_groups { 0o022 } else { 0o002 };
    let sticky = parent.mode & 0o1000 != 0 && parent.mode & others_write != 0;
    if (guarded || of_groups) && sticky && owner.uid != parent.uid && owner.uid != cred.fsuid {
        return Err(Errno::EACCES);
    }
    Ok(())
}
