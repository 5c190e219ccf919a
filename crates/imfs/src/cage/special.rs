//! Reading and writing what is not a regular file: these calls may block, so they hold their description and no guard.

use super::Cage;
use super::description::Description;
use crate::abi::{Errno, Result};
use crate::data::{Sink, Source};
use crate::inode::{Inode, Object};
use crate::sync::epoch;
use crate::sync::refcount::{Ref, Shared};

impl Cage {
    pub(super) fn read_other<S: Sink + ?Sized>(
        &self,
        description: &Ref<Description>,
        _sink: &mut S,
    ) -> Result<usize> {
        match held(description)?.object {
            Object::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    pub(super) fn write_other<S: Source + ?Sized>(
        &self,
        description: &Ref<Description>,
        _source: &mut S,
    ) -> Result<usize> {
        held(description)?;
        Err(Errno::EINVAL)
    }

    pub(super) fn pread_other<S: Sink + ?Sized>(
        &self,
        description: &Ref<Description>,
        _sink: &mut S,
    ) -> Result<usize> {
        match held(description)?.object {
            Object::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::ESPIPE),
        }
    }

    pub(super) fn pwrite_other<S: Source + ?Sized>(
        &self,
        description: &Ref<Description>,
        _source: &mut S,
    ) -> Result<usize> {
        held(description)?;
        Err(Errno::EBADF)
    }
}

/// The inode of a description that is held.
fn held(description: &Ref<Description>) -> Result<Ref<Inode>> {
    let guard = epoch::pin();
    Shared::upgrade(description.inode(&guard)?).ok_or(Errno::EBADF)
}
