//! `load_file`, `dump_file`, `preloads`: host files in, results out.

use imfs::Cage;
use imfs::abi::Errno;
use imfs_staging::{Linux, StagingError};
use libc::{c_char, c_int};

use crate::arguments::{Argument, Text};
use crate::boundary::finish;
use crate::cages;

/// Copies a host file or tree into the cage's file system at the same path, and makes missing parents.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_load_file(cage_id: c_int, path: *const c_char) -> c_int {
    call!(wait load_file(cage_id, path: Text) => |cage| {
        done(imfs_staging::load_file(cage, &Linux, path))
    })
}

/// Copies a file or tree of the cage's file system to `actual_path` on the host, and makes missing parents.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_dump_file(
    cage_id: c_int,
    path: *const c_char,
    actual_path: *const c_char,
) -> c_int {
    call!(wait dump_file(cage_id, path: Text, actual_path: Text) => |cage| {
        done(imfs_staging::dump_file(cage, &Linux, path, actual_path))
    })
}

/// Copies the host files and trees of a list separated by `:`, each a path or `imfs_path=host_path`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_preloads(cage_id: c_int, preload_files: *const c_char) -> c_int {
    call!(wait preloads(cage_id, preload_files: Text) => |cage| {
        done(imfs_staging::preloads(cage, &Linux, preload_files))
    })
}

/// A failure in words, which no errno can say, on the standard error output.
fn done(result: Result<(), StagingError>) -> Result<(), Errno> {
    result.map_err(|error| {
        eprintln!("imfs: {error}");
        error.errno
    })
}

/// Copies a host file or tree into the default instance at the same path, and makes missing parents. Sets `errno` and says
/// what went wrong on the standard error output.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn load_file(path: *mut c_char) {
    staging("load_file", [path], |cage, [path]| imfs_staging::load_file(cage, &Linux, path));
}

/// Copies a file or tree of the default instance to `actual_path` on the host. Failures as in `load_file`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dump_file(path: *mut c_char, actual_path: *mut c_char) {
    staging("dump_file", [path, actual_path], |cage, [path, actual_path]| {
        imfs_staging::dump_file(cage, &Linux, path, actual_path)
    });
}

/// Copies the host files and trees of a list separated by `:` into the default instance. Failures as in `load_file`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn preloads(preload_files: *const c_char) {
    staging("preloads", [preload_files.cast_mut()], |cage, [list]| {
        imfs_staging::preloads(cage, &Linux, list)
    });
}

/// One of the original's calls, with a cage of its own: these come before and after the life of the others.
fn staging<const N: usize>(
    name: &str,
    arguments: [*mut c_char; N],
    act: impl FnOnce(&Cage, [&[u8]; N]) -> Result<(), StagingError>,
) {
    let call = || {
        let mut texts = [&[][..]; N];
        for (text, argument) in texts.iter_mut().zip(arguments) {
            // SAFETY: the caller's promise.
            *text = unsafe { Text::read(argument) }?;
        }
        cages::with_another(|cage| done(act(cage, texts)))
    };
    let _: c_int = finish(name, None, call, |result, to| {
        arguments.iter().for_each(|argument| crate::arguments::show::<Text>(*argument, result, to));
    });
}
