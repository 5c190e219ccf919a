//! Instances: `imfs_init` for the default one, and handles for more.
//!
//! There is one scheme for all calls: a cage id names a cage of one instance, in the whole process. So no call takes a handle but
//! those here.

use std::ffi::CStr;

use imfs::Builder;
use imfs::abi::{Errno, Mode, Result};
use libc::{c_char, c_int, gid_t, mode_t, uid_t};

use crate::arguments::{Argument, In};
use crate::boundary::finish;
use crate::cages;

/// An instance: a file system of its own.
#[allow(non_camel_case_types, reason = "a C name")]
pub struct imfs_t {
    _private: [u8; 0],
}

/// How an instance is made. Zero in a field means its default; the whole structure should be set to zero first.
#[allow(non_camel_case_types, reason = "a C name")]
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct imfs_options {
    /// The most bytes in files. Default: no limit.
    pub size: u64,
    /// The most inodes. Default: no limit.
    pub inodes: u64,
    /// The most open file descriptions (ENFILE). Default: no limit.
    pub files: u64,
    /// The lowest descriptor number that is too high in new cages (RLIMIT_NOFILE, EMFILE). Default: 1,048,576.
    pub nofile: u32,
    /// The permission bits of the root directory. Default: 0777.
    pub mode: mode_t,
    /// The owner of the root directory.
    pub uid: uid_t,
    /// The group of the root directory.
    pub gid: gid_t,
    /// For later versions: zero (EINVAL).
    pub reserved: [u64; 4],
}

/// Starts afresh: all cages of the default instance end, and an empty one takes its place. Need not be called: the first use
/// of a cage id does it. Instances of `imfs_new` stay as they are.
#[unsafe(no_mangle)]
pub extern "C" fn imfs_init() {
    let _: c_int = finish("imfs_init", None, || cages::lock().start_afresh(), |_, _| {});
}

/// Makes an instance, with the defaults if `options` is NULL. Cages are put into it with `imfs_cage_new`. NULL: ENOMEM, EINVAL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_new(options: *const imfs_options) -> *mut imfs_t {
    let make = || {
        let builder = if options.is_null() {
            Builder::default()
        } else {
            // SAFETY: the caller's promise.
            builder(unsafe { In::<imfs_options>::read(options) }?)?
        };
        Ok(cages::lock().keep(builder.build()?).cast_mut().cast::<imfs_t>())
    };
    finish("imfs_new", None, make, |_, _| {})
}

fn builder(options: imfs_options) -> Result<Builder> {
    if options.reserved != [0; 4] {
        return Err(Errno::EINVAL);
    }
    let mut builder = Builder::default().uid(options.uid).gid(options.gid);
    if options.size != 0 {
        builder = builder.size(options.size);
    }
    if options.inodes != 0 {
        builder = builder.inodes(options.inodes);
    }
    if options.files != 0 {
        builder = builder.files(options.files);
    }
    if options.nofile != 0 {
        builder = builder.nofile(options.nofile as usize);
    }
    if options.mode != 0 {
        builder = builder.mode(Mode::from_raw(options.mode));
    }
    Ok(builder)
}

/// Ends an instance: its cages end, and its memory is given back. EINVAL: there is no such instance (any more).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_free(fs: *mut imfs_t) -> c_int {
    let end = || {
        let mut instances = cages::lock();
        let gone = instances.release(fs.cast_const().cast()).ok_or(Errno::EINVAL)?;
        instances.end(&gone);
        Ok(())
    };
    finish("imfs_free", None, end, |_, to| to.push_str(&format!(", {:#x}", fs.addr())))
}

/// Makes a cage in an instance (the default one, if `fs` is NULL), at its root, as its superuser, without descriptors. Returns
/// `cage_id`, or for -1 a free one beyond the original's 128. EEXIST: it names a cage. EINVAL: no such instance.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_cage_new(fs: *mut imfs_t, cage_id: c_int) -> c_int {
    /// Where free ids are looked for: the original's cages have the lower ones.
    const FIRST_FREE: c_int = 129;
    let make = || {
        let mut instances = cages::lock();
        let fs = if fs.is_null() {
            instances.default_instance()?
        } else {
            instances.kept(fs.cast_const().cast()).ok_or(Errno::EINVAL)?
        };
        let id = if cage_id == -1 { instances.free_id(FIRST_FREE)? } else { cage_id };
        instances.create(&fs, id)?;
        Ok(id)
    };
    finish("imfs_cage_new", None, make, |_, to| to.push_str(&format!(", {:#x}, {cage_id}", fs.addr())))
}

/// The version of the library, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn imfs_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}
