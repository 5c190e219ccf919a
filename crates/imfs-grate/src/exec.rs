//! How cages come and go: clone, exec, exit, as the grate sees them before the runtime acts.

use imfs::abi::{Access, Errno, FileType, Result};
use imfs_staging::{Silent, Transfer};

use crate::call::Call;
use crate::host::{self, Host};
use crate::lind::{self, number};
use crate::memory::Place;
use crate::process::{self, Birth};

/// clone(2). The child's state is made before the child, which may run before this call is back; a thread shares its
/// cage's.
///
/// # Errors
/// EFAULT, ENOMEM, and those of the runtime
pub(crate) fn clone(call: &Call<'_>, args: Place) -> Result<i32> {
    const CLONE_THREAD: u64 = 0x1_0000;
    let flags = u64::from_le_bytes(args.get()?);
    if flags & CLONE_THREAD != 0 {
        call.process.thread_started();
        let result = call.forward();
        if result < 0 {
            call.process.thread_ended();
        }
        return Ok(result);
    }
    let birth = Birth::start(call.process)?;
    let child = lind::result(call.forward())?;
    birth.finish(child.into());
    Ok(child as i32)
}

/// execve(2): a program of IMFS, else one of the host. Close-on-exec happens once the runtime has taken the program.
///
/// # Errors
/// ENOENT, EACCES, and those of the runtime
pub(crate) fn execve(call: &Call<'_>, path: &[u8]) -> Result<i32> {
    let process = call.process;
    let result = if process.is_new() {
        match call.forward() {
            // The grate's own command line may name a program that is only in IMFS.
            result if result == -Errno::ENOENT.raw() => exec_staged(call, path).unwrap_or(Ok(result))?,
            result => result,
        }
    } else {
        match exec_staged(call, path) {
            Some(result) => result?,
            None => call.forward(),
        }
    };
    if result >= 0 {
        process.set_new(false);
        process.only_thread();
        process::lock(&process.mappings).end();
        // The program runs by now: without memory it goes on with the old saved ids and descriptors.
        let _ = process.cage.exec();
    }
    Ok(result)
}

/// Executes a program of IMFS from a private copy on the host; `None` if there is no such file.
fn exec_staged(call: &Call<'_>, path: &[u8]) -> Option<Result<i32>> {
    let cage = call.cage();
    let stat = match cage.stat(path) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => return None,
        Err(errno) => return Some(Err(errno)),
        Ok(stat) => stat,
    };
    if stat.file_type() != Some(FileType::Regular) || cage.access(path, Access::EXEC).is_err() {
        return Some(Err(Errno::EACCES));
    }
    Some(exec_copy(call, path))
}

fn exec_copy(call: &Call<'_>, path: &[u8]) -> Result<i32> {
    const OWNER_ALL: u64 = 0o700;
    let system = process::system()?;
    let number = process::new_number();
    // Read with the rights of the grate: one may execute what one may not read.
    let reader = system.imfs.fork(call.cage().id(), number)?;
    let _ = reader.set_credentials(imfs::inode::Credentials::root());
    let copied = host::scratch_file(OWNER_ALL).and_then(|(file, target)| {
        file.keep();
        let host = Host { owner: (system.credentials.uid, system.credentials.gid) };
        let from = imfs_staging::Caged::new(&reader, (0, 0));
        let mut silent = Silent;
        let result = Transfer::new(&from, &host, &mut silent).copy(path, &target);
        if let Err(error) = result {
            let _ = host::unlink(&target);
            return Err(error.errno);
        }
        Ok(target)
    });
    let _ = system.imfs.exit(number);
    let target = copied?;
    let terminated = host::terminated(&target);
    let mut args = *call.args;
    args[0] = (lind::host(terminated.as_ptr()), lind::me());
    let result = lind::call_as(call.caller(), number::EXEC, &args);
    if result < 0 {
        let _ = host::unlink(&target);
    } else {
        // The runtime may read it only later.
        process::lock(&call.process.programs).push(target);
    }
    Ok(result)
}

/// _exit(2) of a thread, which ends the cage if it is the last one.
pub(crate) fn exit(call: &Call<'_>) -> i32 {
    if call.process.thread_ended() {
        return exit_group(call);
    }
    process::lock(&call.process.mappings).synchronize();
    call.forward()
}

/// exit_group(2): all that the cage has is released, then the runtime ends it.
pub(crate) fn exit_group(call: &Call<'_>) -> i32 {
    process::remove(call.caller());
    call.forward()
}
