//! What can be chosen about a mount, and what the kernel is told of it.
//!
//! Knows nothing of the file system behind it. Used by `mount` and by those who mount on their own.

use std::num::NonZero;
use std::os::fd::RawFd;

/// Choices for one mount. The defaults are right for a mount whose only client is the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What `/proc/mounts` shows as the source.
    pub source: String,
    /// Mount read-only.
    pub read_only: bool,
    /// Let other users in than the one who mounts. `None`: yes for root, no for others, who would need
    /// `user_allow_other` in `/etc/fuse.conf`.
    pub allow_other: Option<bool>,
    /// Honour set-user-id and set-group-id bits and file capabilities when a program is started.
    pub suid: bool,
    /// Let device files be opened: then they are the kernel's devices.
    pub dev: bool,
    /// Let programs be started.
    pub exec: bool,
    /// Threads that answer the kernel. `None`: one for each CPU, from 2 to 8.
    pub threads: Option<NonZero<usize>>,
    /// Whether something else than this mount changes the instance while it is mounted. Then the kernel has to ask
    /// each time; otherwise its caches answer most calls.
    pub shared: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            source: "imfs".to_owned(),
            read_only: false,
            allow_other: None,
            suid: false,
            dev: false,
            exec: true,
            threads: None,
            shared: false,
        }
    }
}

impl Options {
    /// The options of the kernel's `fuse` type that a mount of this door needs, for `fsconfig(2)` or joined by commas
    /// as the data of `mount(2)`. `fd` is an open `/dev/fuse`; `user` and `group` are the mounter's.
    pub fn kernel_options(&self, fd: RawFd, user: u32, group: u32) -> Vec<(&'static str, Option<String>)> {
        let mut options = vec![
            ("fd", Some(fd.to_string())),
            ("rootmode", Some("40000".to_owned())),
            ("user_id", Some(user.to_string())),
            ("group_id", Some(group.to_string())),
            ("default_permissions", None),
        ];
        if self.allow_other.unwrap_or(user == 0) {
            options.push(("allow_other", None));
        }
        options
    }

    /// The same as one string.
    pub(crate) fn kernel_data(&self, fd: RawFd, user: u32, group: u32) -> String {
        let options = self.kernel_options(fd, user, group).into_iter();
        let words = options.map(|(key, value)| match value {
            Some(value) => format!("{key}={value}"),
            None => key.to_owned(),
        });
        words.collect::<Vec<_>>().join(",")
    }

    /// How many threads answer.
    pub(crate) fn thread_count(&self) -> usize {
        let cpus = || std::thread::available_parallelism().map_or(2, NonZero::get).clamp(2, 8);
        self.threads.map_or_else(cpus, NonZero::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_lets_others_in_by_default() {
        let data = |options: &Options, user| options.kernel_data(7, user, 5);
        let mut options = Options::default();
        assert_eq!(
            data(&options, 0),
            "fd=7,rootmode=40000,user_id=0,group_id=5,default_permissions,allow_other"
        );
        assert!(!data(&options, 1000).contains("allow_other"));
        options.allow_other = Some(true);
        assert!(data(&options, 1000).contains("allow_other"));
        options.allow_other = Some(false);
        assert!(!data(&options, 0).contains("allow_other"));
    }
}
