//! What of the host the program sees.
//!
//! Responsible for choosing it: which host paths are shown, where, and which symlinks are made again. It mounts nothing:
//! `init` does.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::values::Bind;

/// A host path shown inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) host: PathBuf,
    pub(crate) inside: PathBuf,
    pub(crate) writable: bool,
    /// A staged file in its place wins.
    pub(crate) yields: bool,
}

/// A symlink of the host, made again inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relinked {
    pub(crate) target: PathBuf,
    pub(crate) inside: PathBuf,
}

/// All that is shown, in the order in which it is mounted.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) shown: Vec<Shown>,
    pub(crate) relinked: Vec<Relinked>,
}

/// What programs need of `/etc` to start. Never shadow or private keys.
const ETC: [&str; 13] = [
    "alternatives",
    "group",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "nsswitch.conf",
    "passwd",
    "pki/tls/certs",
    "resolv.conf",
    "ssl/certs",
    "ssl/openssl.cnf",
];

impl View {
    /// The system directories, and the files of `/etc` that programs need to start.
    pub(crate) fn of_system(host_root: &Path) -> View {
        let mut view = View::default();
        let mut names: Vec<_> = fs::read_dir(host_root)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.file_name()))
            .filter(|name| {
                matches!(name.as_bytes(), b"usr" | b"bin" | b"sbin") || name.as_bytes().starts_with(b"lib")
            })
            .collect();
        names.sort();
        for name in names {
            let host = host_root.join(&name);
            let inside = Path::new("/").join(&name);
            match fs::read_link(&host) {
                Ok(target) => view.relinked.push(Relinked { target, inside }),
                Err(_) if host.is_dir() => {
                    view.shown.push(Shown { host, inside, writable: false, yields: false });
                }
                Err(_) => {}
            }
        }
        for name in ETC {
            view.add_from_etc(&host_root.join("etc").join(name), &Path::new("/etc").join(name));
        }
        view
    }

    /// A link into what is shown is made again, because programs read the time zone's name from it; one that leads
    /// elsewhere (resolv.conf to /run) is followed.
    fn add_from_etc(&mut self, host: &Path, inside: &Path) {
        let Ok(real) = fs::canonicalize(host) else { return };
        match fs::read_link(host) {
            Ok(target) if self.shown.iter().any(|shown| real.starts_with(&shown.host)) => {
                self.relinked.push(Relinked { target, inside: inside.into() });
            }
            _ => self.shown.push(Shown { host: real, inside: inside.into(), writable: false, yields: true }),
        }
    }

    /// Adds what the user asked to see.
    pub(crate) fn add(&mut self, binds: &[Bind], writable: bool) {
        self.shown.extend(binds.iter().map(|bind| Shown {
            host: bind.host.clone(),
            inside: bind.inside.clone(),
            writable,
            yields: false,
        }));
    }

    /// What is inside and not the program's.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        let shown = self.shown.iter().map(|shown| shown.inside.clone());
        let relinked = self.relinked.iter().map(|link| link.inside.clone());
        shown.chain(relinked).chain(["/proc".into(), "/dev".into()]).collect()
    }

    /// A file staged to a place that a host directory covers would never be seen.
    pub(crate) fn check_staged(&self, inside: &Path) -> Result<(), Failure> {
        let covers = |shown: &&Shown| !shown.yields && inside.starts_with(&shown.inside);
        match self.shown.iter().find(covers) {
            None => Ok(()),
            Some(shown) => Err(Failure::new(format!(
                "cannot preload {}: the host's {} covers it",
                inside.display(),
                shown.host.display()
            ))
            .way_out("choose another place, or give --no-default-binds and --bind what the program needs")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_directories_and_links() {
        let root = std::env::temp_dir().join(format!("imfs-view-{}", std::process::id()));
        for directory in ["usr/lib", "usr/share/zoneinfo", "lib64x", "etc/ssl/certs", "home", "run"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        std::os::unix::fs::symlink("usr/lib", root.join("lib")).unwrap();
        std::os::unix::fs::symlink(root.join("run/resolv"), root.join("etc/resolv.conf")).unwrap();
        std::os::unix::fs::symlink("../usr/share/zoneinfo/UTC", root.join("etc/localtime")).unwrap();
        for file in ["run/resolv", "usr/share/zoneinfo/UTC", "etc/shadow", "etc/passwd"] {
            fs::write(root.join(file), "").unwrap();
        }
        let view = View::of_system(&root);
        let inside: Vec<_> = view.shown.iter().map(|shown| shown.inside.to_str().unwrap()).collect();
        assert_eq!(inside, ["/lib64x", "/usr", "/etc/passwd", "/etc/resolv.conf", "/etc/ssl/certs"]);
        assert_eq!(view.shown[3].host, fs::canonicalize(root.join("run/resolv")).unwrap());
        assert!(view.shown.iter().all(|shown| !shown.writable));
        let links: Vec<_> =
            view.relinked.iter().map(|link| (link.inside.as_path(), link.target.as_path())).collect();
        assert_eq!(
            links,
            [
                (Path::new("/lib"), Path::new("usr/lib")),
                (Path::new("/etc/localtime"), Path::new("../usr/share/zoneinfo/UTC")),
            ]
        );
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn staged_files_are_not_hidden() {
        let mut view = View::default();
        view.add(&[Bind { host: "/opt".into(), inside: "/opt".into() }], true);
        view.shown.push(Shown {
            host: "/e".into(),
            inside: "/etc/passwd".into(),
            writable: false,
            yields: true,
        });
        assert!(
            view.check_staged(Path::new("/opt/x"))
                .unwrap_err()
                .to_string()
                .contains("the host's /opt covers it")
        );
        view.check_staged(Path::new("/optional")).unwrap();
        view.check_staged(Path::new("/etc/passwd")).unwrap();
    }
}
