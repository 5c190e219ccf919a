//! Which cage an id names: ids are one number space in the whole process, and each belongs to one instance.
//!
//! The default instance is made by `imfs_init`, or by the first use of an id: an id that names no cage yet gets one there, as in
//! the original, where all of them simply exist. Knows nothing of calls; every call comes here first.
//!
//! Low ids are found without a lock. Changes are made under one lock, which is held over no call that may wait.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use imfs::abi::{Errno, Result};
use imfs::inode::Credentials;
use imfs::sync::epoch::{self, RcuBox};
use imfs::{Builder, Cage, Imfs};
use libc::c_int;

use crate::trace;

/// How many ids are found without a lock. The original had 128.
const LOW: usize = 1024;

static LOW_CAGES: [RcuBox<Arc<Cage>>; LOW] = [const { RcuBox::empty() }; LOW];
static HIGH_CAGES: RwLock<BTreeMap<c_int, Arc<Cage>>> = RwLock::new(BTreeMap::new());
static INSTANCES: Mutex<Instances> =
    Mutex::new(Instances { default: None, cages: BTreeMap::new(), kept: BTreeMap::new() });

/// All instances, and what belongs to which.
pub(crate) struct Instances {
    default: Option<Arc<Imfs>>,
    /// All cages, with their instances.
    cages: BTreeMap<c_int, Arc<Imfs>>,
    /// Those that C has handles for, by their addresses, which are the handles.
    kept: BTreeMap<usize, Arc<Imfs>>,
}

/// Calls `call` with the cage, which must not wait for anybody.
///
/// # Errors
/// EINVAL: a negative id. ENOMEM, and those of `call`.
#[inline]
pub(crate) fn with<T>(id: c_int, call: impl FnOnce(&Cage) -> Result<T>) -> Result<T> {
    let guard = epoch::pin();
    if let Some(cage) = low(id).and_then(|place| place.load(&guard)) {
        return call(cage);
    }
    drop(guard);
    call(&*find(id)?)
}

/// The cage, for a call that may wait.
///
/// # Errors
/// EINVAL: a negative id. ENOMEM
#[inline]
pub(crate) fn hold(id: c_int) -> Result<Arc<Cage>> {
    let guard = epoch::pin();
    if let Some(cage) = low(id).and_then(|place| place.load(&guard)) {
        return Ok(Arc::clone(cage));
    }
    drop(guard);
    find(id)
}

#[inline]
fn low(id: c_int) -> Option<&'static RcuBox<Arc<Cage>>> {
    LOW_CAGES.get(usize::try_from(id).ok()?)
}

/// The cage of an id that is not low, or new.
#[cold]
fn find(id: c_int) -> Result<Arc<Cage>> {
    let known = HIGH_CAGES.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
    match known {
        Some(cage) => Ok(cage),
        None => lock().find_or_create(id),
    }
}

/// Locks all instances, for changes.
pub(crate) fn lock() -> MutexGuard<'static, Instances> {
    trace::start();
    // Nothing of this is left half done by a panic: it is maps.
    INSTANCES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Instances {
    /// The default instance, made if there is none yet.
    ///
    /// # Errors
    /// ENOMEM
    pub(crate) fn default_instance(&mut self) -> Result<Arc<Imfs>> {
        if let Some(fs) = &self.default {
            return Ok(Arc::clone(fs));
        }
        let fs = Builder::default().build()?;
        self.default = Some(Arc::clone(&fs));
        Ok(fs)
    }

    /// Puts a new default instance in the place of the old one, whose cages end.
    ///
    /// # Errors
    /// ENOMEM; then all is as it was.
    pub(crate) fn start_afresh(&mut self) -> Result<()> {
        let fresh = Builder::default().build()?;
        if let Some(old) = self.default.replace(fresh) {
            self.end(&old);
        }
        Ok(())
    }

    /// The cage, made in the default instance if there is none.
    fn find_or_create(&mut self, id: c_int) -> Result<Arc<Cage>> {
        match self.cages.get(&id) {
            Some(fs) => fs.cage(number(id)?),
            None => {
                let fs = self.default_instance()?;
                self.create(&fs, id)
            }
        }
    }

    /// Makes a cage in an instance. It is root there.
    ///
    /// # Errors
    /// EINVAL: a negative id. EEXIST: it names a cage. ENOMEM
    pub(crate) fn create(&mut self, fs: &Arc<Imfs>, id: c_int) -> Result<Arc<Cage>> {
        let new = number(id)?;
        if self.cages.contains_key(&id) {
            return Err(Errno::EEXIST);
        }
        let cage = fs.create_cage(new, Credentials::root())?;
        self.enter(fs, id, &cage);
        Ok(cage)
    }

    /// Makes a cage with what another one has, in the same instance: fork(2).
    ///
    /// # Errors
    /// EINVAL: a negative id. EEXIST: `child` names a cage. ENOMEM
    pub(crate) fn fork(&mut self, parent: c_int, child: c_int) -> Result<()> {
        let new = number(child)?;
        if self.cages.contains_key(&child) {
            return Err(Errno::EEXIST);
        }
        self.find_or_create(parent)?;
        let fs = self.cages.get(&parent).cloned().ok_or(Errno::ESRCH)?;
        let cage = fs.fork(number(parent)?, new)?;
        self.enter(&fs, child, &cage);
        Ok(())
    }

    /// The cage, made in the same instance as `beside` if there is none.
    ///
    /// # Errors
    /// EINVAL: a negative id. EXDEV: it belongs to another instance. ENOMEM
    pub(crate) fn find_or_create_beside(&mut self, beside: c_int, id: c_int) -> Result<Arc<Cage>> {
        let fs = self.cages.get(&beside).cloned().ok_or(Errno::ESRCH)?;
        match self.cages.get(&id) {
            Some(other) if !Arc::ptr_eq(&fs, other) => Err(Errno::EXDEV),
            Some(_) => fs.cage(number(id)?),
            None => self.create(&fs, id),
        }
    }

    /// Keeps an instance for C, and returns its handle.
    pub(crate) fn keep(&mut self, fs: Arc<Imfs>) -> *const Imfs {
        let handle = Arc::as_ptr(&fs);
        self.kept.insert(handle.addr(), fs);
        handle
    }

    /// The instance of a handle. Any address may be asked for.
    pub(crate) fn kept(&self, handle: *const Imfs) -> Option<Arc<Imfs>> {
        self.kept.get(&handle.addr()).cloned()
    }

    /// Takes back a handle.
    pub(crate) fn release(&mut self, handle: *const Imfs) -> Option<Arc<Imfs>> {
        self.kept.remove(&handle.addr())
    }

    /// Ends a cage. Its id is free again.
    ///
    /// # Errors
    /// ESRCH: there is none.
    pub(crate) fn exit(&mut self, id: c_int) -> Result<()> {
        let fs = self.cages.remove(&id).ok_or(Errno::ESRCH)?;
        self.leave(id);
        fs.exit(number(id)?)
    }

    /// The lowest id from `from` on that names no cage.
    pub(crate) fn free_id(&self, from: c_int) -> Result<c_int> {
        let used = self.cages.range(from..).map(|(id, _)| *id);
        let free = (from..=c_int::MAX).zip(used.map(Some).chain(std::iter::repeat(None)));
        free.into_iter().find(|(id, used)| Some(*id) != *used).map(|(id, _)| id).ok_or(Errno::EAGAIN)
    }

    /// Ends all cages of an instance.
    pub(crate) fn end(&mut self, fs: &Arc<Imfs>) {
        let ids: Vec<c_int> =
            self.cages.iter().filter(|(_, of)| Arc::ptr_eq(of, fs)).map(|(id, _)| *id).collect();
        for id in ids {
            let _ = self.exit(id);
        }
        epoch::flush();
    }

    fn enter(&mut self, fs: &Arc<Imfs>, id: c_int, cage: &Arc<Cage>) {
        self.cages.insert(id, Arc::clone(fs));
        match low(id) {
            Some(place) => drop(place.replace(Some(Box::new(Arc::clone(cage))), 0, &epoch::pin())),
            None => {
                let mut high = HIGH_CAGES.write().unwrap_or_else(PoisonError::into_inner);
                high.insert(id, Arc::clone(cage));
            }
        }
    }

    fn leave(&mut self, id: c_int) {
        match low(id) {
            Some(place) => drop(place.replace(None, 0, &epoch::pin())),
            None => drop(HIGH_CAGES.write().unwrap_or_else(PoisonError::into_inner).remove(&id)),
        }
    }
}

/// Calls `call` with a cage of the default instance that has no id and ends afterwards.
///
/// # Errors
/// ENOMEM, and those of `call`.
pub(crate) fn with_another(call: impl FnOnce(&Cage) -> Result<()>) -> Result<()> {
    /// Beyond all ids.
    static NEXT: AtomicU64 = AtomicU64::new(1 << 32);
    let fs = lock().default_instance()?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let result = call(&*fs.create_cage(number, Credentials::root())?);
    fs.exit(number)?;
    result
}

/// The number of a cage within its instance.
fn number(id: c_int) -> Result<u64> {
    u64::try_from(id).map_err(|_| Errno::EINVAL)
}
