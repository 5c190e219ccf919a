//! Preload and dump as the command has them: which paths, whose files, what is said.
//!
//! Responsible for relative paths, for the order of entries, and for how failures and interruptions are told; copying
//! is `imfs-staging`'s.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use imfs::Cage;
use imfs_staging::{Action, Caged, Linux, Spec, StagingError, Transfer};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::signals;

/// Makes the paths of specs absolute: those in the IMFS from `inside`, those of the host from `outside`.
pub(crate) fn absolute(specs: &[Spec], inside: &Path, outside: &Path) -> Vec<Spec> {
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let absolute = |spec: &Spec| Spec {
        imfs_path: plain(&inside.join(path(&spec.imfs_path))).into_os_string().into_vec(),
        host_path: outside.join(path(&spec.host_path)).into_os_string().into_vec(),
    };
    specs.iter().map(absolute).collect()
}

/// The path without `.` and `..`: there are no symlinks in an empty IMFS that could give them another meaning.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Copies into the IMFS. It ends with the first entry that fails.
pub(crate) fn preload(cage: &Cage, specs: &[Spec], owner: (u32, u32)) -> Result<(), Failure> {
    let imfs = Caged::new(cage, owner);
    let mut progress = Progress::new("preloading");
    let mut transfer = Transfer::new(&Linux, &imfs, &mut progress);
    specs.iter().try_for_each(|spec| {
        transfer
            .copy(&spec.host_path, &spec.imfs_path)
            .map_err(|error| told("preload", &spec.host_path, &error))
    })
}

/// Copies out to the host, without what is at `left_out`. An entry that fails does not keep the others from being
/// copied: the last failure is returned, the others are printed.
pub(crate) fn dump(cage: &Cage, specs: &[Spec], left_out: &[PathBuf]) -> Result<(), Failure> {
    let imfs = Caged::new(cage, (0, 0));
    let mut progress = Progress::new("dumping");
    let mut transfer = Transfer::new(&imfs, &Linux, &mut progress);
    left_out.iter().for_each(|path| transfer.leave_out(path.as_os_str().as_bytes()));
    let mut failed = None;
    for spec in specs {
        if let Err(error) = transfer.copy(&spec.imfs_path, &spec.host_path) {
            if let Some(earlier) = failed.replace(told("dump", &spec.imfs_path, &error)) {
                eprintln!("imfs: {earlier}");
            }
            if error.action == Action::Stop {
                break;
            }
        }
    }
    failed.map_or(Ok(()), Err)
}

fn told(what: &str, path: &[u8], error: &StagingError) -> Failure {
    let path = OsStr::from_bytes(path).display();
    if error.action == Action::Stop {
        let signal = signals::asked_to_end().unwrap_or(libc::SIGINT);
        return Failure::new(format!("the {what} of {path} was interrupted")).with_status(128 + signal as u8);
    }
    let failure = Failure::new(format!("the {what} of {path} failed: {error}"));
    match error.errno {
        imfs::abi::Errno::ENOSPC if what == "preload" => failure.way_out("raise --size or --inodes"),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths() {
        let made = |text: &str| {
            let spec = Spec::parse(text.as_bytes()).unwrap();
            let spec = absolute(&[spec], Path::new("/home/u"), Path::new("/host")).remove(0);
            (String::from_utf8(spec.imfs_path).unwrap(), String::from_utf8(spec.host_path).unwrap())
        };
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        assert_eq!(made("a"), pair("/home/u/a", "/host/a"));
        assert_eq!(made("."), pair("/home/u", "/host/."));
        assert_eq!(made("../x/./y=/z"), pair("/home/x/y", "/z"));
        assert_eq!(made("/a/../../b/=c"), pair("/b", "/host/c"));
    }
}
