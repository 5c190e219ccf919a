//! The walk that copies a file or a tree from one side to the other.
//!
//! Responsible for the order of steps and for what is kept. It knows nothing of either side but the [`Side`] trait.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use imfs::abi::{Errno, FileType, Mode, Stat};

use crate::error::{Action, StagingError};
use crate::side::{Attributes, Place, Side};

/// Watches a transfer.
pub trait Observer {
    /// `bytes` more were copied to `path`, which is one more file or directory if `done`. `Break` ends the transfer.
    fn advanced(&mut self, path: &[u8], bytes: u64, done: bool) -> ControlFlow<()> {
        let _ = (path, bytes, done);
        ControlFlow::Continue(())
    }

    /// Something was not copied, and the transfer goes on.
    fn warn(&mut self, warning: &str) {
        let _ = warning;
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// A set of copies from one side to the other. Hard links are kept within the set.
pub struct Transfer<'a, From: Side, To: Side> {
    from: &'a From,
    to: &'a To,
    observer: &'a mut dyn Observer,
    /// Where the files with several names have gone.
    linked: BTreeMap<(u64, u64), Vec<u8>>,
    left_out: BTreeSet<Vec<u8>>,
    buffer: Vec<u8>,
}

/// What is left to do, last first. All of it is below the directories that the walk is in, so that a step needs only how
/// long the paths of its directory are: in a deep tree whole paths would take more memory than the files.
enum Step {
    Copy {
        directory: Lengths,
        name: Vec<u8>,
    },
    /// A directory's attributes come after its content, which would change its times or need its permission.
    Finish {
        directory: Lengths,
        stat: Box<Stat>,
    },
}

/// Where the walk is, on both sides.
struct Paths {
    from: Vec<u8>,
    to: Vec<u8>,
}

/// The lengths of both.
#[derive(Clone, Copy)]
struct Lengths {
    from: usize,
    to: usize,
}

impl Paths {
    fn lengths(&self) -> Lengths {
        Lengths { from: self.from.len(), to: self.to.len() }
    }

    fn back_to(&mut self, directory: Lengths) {
        self.from.truncate(directory.from);
        self.to.truncate(directory.to);
    }

    fn enter(&mut self, name: &[u8]) {
        for path in [&mut self.from, &mut self.to] {
            path.truncate(trimmed(path).len());
            path.push(b'/');
            path.extend_from_slice(name);
        }
    }
}

/// Bytes that are copied at once.
const CHUNK: usize = 256 << 10;

impl<'a, From: Side, To: Side> Transfer<'a, From, To> {
    /// An empty set.
    pub fn new(from: &'a From, to: &'a To, observer: &'a mut dyn Observer) -> Self {
        let (linked, left_out) = (BTreeMap::new(), BTreeSet::new());
        Transfer { from, to, observer, linked, left_out, buffer: vec![0; CHUNK] }
    }

    /// Leaves out what a walk finds at this path of the side that is read.
    pub fn leave_out(&mut self, path: &[u8]) {
        self.left_out.insert(path.to_vec());
    }

    /// Copies what `from` names to `to`, a directory with all that it holds. A symlink at `from` itself is followed, those below
    /// it are copied. Missing parents of `to` are made. Directories that exist keep their attributes, anything
    /// else that exists is replaced.
    pub fn copy(&mut self, from: &[u8], to: &[u8]) -> Result<(), StagingError> {
        let stat = self.look(from, true)?;
        self.make_parents(to)?;
        let mut paths = Paths { from: from.to_vec(), to: to.to_vec() };
        let mut steps = Vec::new();
        self.copy_one(&paths, &stat, &mut steps)?;
        while let Some(step) = steps.pop() {
            match step {
                Step::Copy { directory, name } => {
                    paths.back_to(directory);
                    paths.enter(&name);
                    if !self.left_out.contains(&paths.from) {
                        let stat = self.look(&paths.from, false)?;
                        self.copy_one(&paths, &stat, &mut steps)?;
                    }
                }
                Step::Finish { directory, stat } => {
                    paths.back_to(directory);
                    self.finish_directory(&paths.from, &paths.to, &stat)?;
                }
            }
        }
        Ok(())
    }

    fn look(&self, path: &[u8], follow: bool) -> Result<Stat, StagingError> {
        self.from.look(path, follow).map_err(|errno| failed::<From>(Action::Look, path, errno))
    }

    fn make_parents(&self, path: &[u8]) -> Result<(), StagingError> {
        let ends = (1..path.len()).filter(|&at| path[at] == b'/' && path[at - 1] != b'/');
        let last = trimmed(path).len();
        for parent in ends.filter(|end| *end < last).map(|end| &path[..end]) {
            match self.to.make_directory(parent) {
                Ok(()) => {
                    let chmod = || {
                        let mut attributes = attributes(&self.to.look(parent, false)?);
                        attributes.mode = Mode::from_raw(0o755);
                        self.to.set_attributes(Place::Path(parent), &attributes)
                    };
                    chmod().map_err(|errno| failed::<To>(Action::SetAttributes, parent, errno))?;
                }
                Err(_) if self.is_directory(parent) => {}
                Err(errno) => return Err(failed::<To>(Action::Create, parent, errno)),
            }
        }
        Ok(())
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        self.to.look(path, true).is_ok_and(|stat| stat.file_type() == Some(FileType::Directory))
    }

    fn copy_one(&mut self, at: &Paths, stat: &Stat, steps: &mut Vec<Step>) -> Result<(), StagingError> {
        match stat.file_type() {
            Some(FileType::Directory) => self.enter_directory(at, stat, steps)?,
            Some(FileType::Regular) => self.copy_regular(&at.from, &at.to, stat)?,
            Some(FileType::Symlink) => self.copy_symlink(&at.from, &at.to, stat)?,
            _ => {
                let shown = String::from_utf8_lossy(&at.from);
                self.observer.warn(&format!("{shown} is a special file and was skipped"));
            }
        }
        self.advance(&at.to, 0, true)
    }

    fn enter_directory(
        &mut self,
        at: &Paths,
        stat: &Stat,
        steps: &mut Vec<Step>,
    ) -> Result<(), StagingError> {
        let mut names =
            self.from.names(&at.from).map_err(|errno| failed::<From>(Action::Read, &at.from, errno))?;
        names.sort_unstable_by(|one, other| other.cmp(one));
        let directory = at.lengths();
        match self.to.make_directory(&at.to) {
            Ok(()) => steps.push(Step::Finish { directory, stat: Box::new(*stat) }),
            Err(_) if self.is_directory(&at.to) => {}
            Err(errno) => return Err(failed::<To>(Action::Create, &at.to, errno)),
        }
        steps.extend(names.into_iter().map(|name| Step::Copy { directory, name }));
        Ok(())
    }

    fn finish_directory(&mut self, from: &[u8], to: &[u8], stat: &Stat) -> Result<(), StagingError> {
        self.copy_xattrs(from, Place::Path(to))?;
        let attributes = self.attributes(stat);
        self.to
            .set_attributes(Place::Path(to), &attributes)
            .map_err(|errno| failed::<To>(Action::SetAttributes, to, errno))
    }

    fn copy_symlink(&mut self, from: &[u8], to: &[u8], stat: &Stat) -> Result<(), StagingError> {
        let target = self.from.read_link(from).map_err(|errno| failed::<From>(Action::Read, from, errno))?;
        self.to.make_symlink(&target, to).map_err(|errno| failed::<To>(Action::Create, to, errno))?;
        let attributes = self.attributes(stat);
        self.to
            .set_attributes(Place::Path(to), &attributes)
            .map_err(|errno| failed::<To>(Action::SetAttributes, to, errno))
    }

    fn copy_regular(&mut self, from: &[u8], to: &[u8], stat: &Stat) -> Result<(), StagingError> {
        let key = (stat.dev.raw(), stat.ino);
        if let Some(first) = self.linked.get(&key) {
            // A link to itself happens when a later entry copies the same file to the same place.
            if first != to && self.to.make_link(first, to).is_ok() {
                return Ok(());
            }
        }
        let to_side = self.to;
        let file = to_side.create(to).map_err(|errno| failed::<To>(Action::Create, to, errno))?;
        self.copy_bytes(from, to, &file, stat)?;
        self.copy_xattrs(from, Place::File(&file))?;
        let attributes = self.attributes(stat);
        to_side
            .set_attributes(Place::File(&file), &attributes)
            .map_err(|errno| failed::<To>(Action::SetAttributes, to, errno))?;
        to_side.publish(file, to).map_err(|errno| failed::<To>(Action::Create, to, errno))?;
        if stat.nlink > 1 {
            self.linked.insert(key, to.to_vec());
        }
        Ok(())
    }

    /// Copies the stretches that are no holes, and gives the copy the size of what was read.
    fn copy_bytes(
        &mut self,
        from: &[u8],
        to: &[u8],
        into: &To::File<'_>,
        stat: &Stat,
    ) -> Result<(), StagingError> {
        let failed_read = |errno| failed::<From>(Action::Read, from, errno);
        let failed_write = |errno| failed::<To>(Action::Write, to, errno);
        let file = self.from.open(from).map_err(failed_read)?;
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut offset = 0;
        while let Some(data) = self.from.next_data(&file, offset).map_err(failed_read)? {
            offset = data.start;
            while offset < data.end {
                let wanted = buffer.len().min((data.end - offset).try_into().unwrap_or(usize::MAX));
                let got = self.from.read_at(&file, &mut buffer[..wanted], offset).map_err(failed_read)?;
                if got == 0 {
                    break;
                }
                self.to.write_at(into, &buffer[..got], offset).map_err(failed_write)?;
                offset += got as u64;
                self.advance(to, got as u64, false)?;
            }
            if offset < data.end {
                // The file has become shorter since.
                break;
            }
        }
        self.buffer = buffer;
        let size = offset.max(stat.size.try_into().unwrap_or(0));
        self.to.set_size(into, size).map_err(failed_write)
    }

    /// Copies the attributes that mean the same on both sides. The receiving file system may have none: that is a warning.
    fn copy_xattrs<'s>(&mut self, from: &[u8], place: Place<'_, To::File<'s>>) -> Result<(), StagingError>
    where
        To: 's,
    {
        let xattrs = match self.from.xattrs(from) {
            Err(Errno::EOPNOTSUPP) => return Ok(()),
            other => other.map_err(|errno| failed::<From>(Action::Read, from, errno))?,
        };
        for (name, value) in xattrs.iter().filter(|(name, _)| is_carried(name)) {
            if let Err(errno) = self.to.set_xattr(place, name, value) {
                let (name, from) = (String::from_utf8_lossy(name), String::from_utf8_lossy(from));
                self.observer.warn(&format!("the attribute {name} of {from} was not copied: {errno}"));
            }
        }
        Ok(())
    }

    /// Set-id bits go along only to the same owner.
    fn attributes(&self, stat: &Stat) -> Attributes {
        let mut attributes = attributes(stat);
        let (uid, gid) = self.to.owner();
        if stat.uid != uid {
            attributes.mode.remove(Mode::from_raw(0o4000));
        }
        if stat.gid != gid && stat.file_type() != Some(FileType::Directory) {
            attributes.mode.remove(Mode::from_raw(0o2000));
        }
        attributes
    }

    fn advance(&mut self, path: &[u8], bytes: u64, done: bool) -> Result<(), StagingError> {
        match self.observer.advanced(path, bytes, done) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(failed::<To>(Action::Stop, path, Errno::EINTR)),
        }
    }
}

fn failed<S: Side>(action: Action, path: &[u8], errno: Errno) -> StagingError {
    StagingError { side: S::NAME, action, path: path.to_vec(), errno }
}

fn attributes(stat: &Stat) -> Attributes {
    Attributes { mode: stat.permissions(), atime: stat.atime, mtime: stat.mtime }
}

/// Whose meaning does not depend on the machine: `security.*` speaks of the host's labels and of capabilities, which go the
/// way of set-id bits.
fn is_carried(name: &[u8]) -> bool {
    name.starts_with(b"user.") || name.starts_with(b"trusted.") || name.starts_with(b"system.posix_acl_")
}

fn trimmed(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
    &path[..end]
}
