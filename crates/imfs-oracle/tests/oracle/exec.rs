//! What execve(2) makes of credentials: a real program tells, for the processes of the tables must go on after it.

use imfs::Imfs;
use imfs::inode::Credentials;
use imfs_oracle::users;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The numbers behind a name in the status of a process (proc_pid_status(5)).
fn numbers(status: &str, name: &str) -> Vec<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
    line.split_whitespace().map(|n| n.parse().expect("a number")).collect()
}

/// The status of a program that was started with these real, effective, saved and file-system ids.
fn kernel([real, effective, saved, fs]: [u32; 4]) -> String {
    let mut program = Command::new("cat");
    // SAFETY: plain system calls, in a child that has one thread.
    let program = unsafe {
        program.arg("/proc/self/status").pre_exec(move || {
            libc::syscall(libc::SYS_setresgid, real, effective, saved);
            libc::syscall(libc::SYS_setfsgid, fs);
            libc::syscall(libc::SYS_setresuid, real, effective, saved);
            libc::syscall(libc::SYS_setfsuid, fs);
            Ok(())
        })
    };
    String::from_utf8(program.output().expect("cat runs").stdout).expect("the status is text")
}

/// The credentials of a cage after the same.
fn subject(root: &Credentials, [real, effective, saved, fs]: [u32; 4]) -> Credentials {
    let imfs = Imfs::builder().build().expect("an instance");
    let cage = imfs.create_cage(0, root.clone()).expect("a cage");
    cage.setresgid(real, effective, saved).expect("root may");
    cage.setfsgid(fs).expect("never fails");
    cage.setresuid(real, effective, saved).expect("root may");
    cage.setfsuid(fs).expect("never fails");
    cage.exec().expect("exec");
    cage.credentials().expect("the cage lives")
}

#[test]
fn credentials_after_exec_are_the_kernels() {
    if !crate::table::may_run() {
        return;
    }
    let capabilities = |status: &str, name| users::capabilities(status, name).expect("a set of that name");
    let own = std::fs::read_to_string("/proc/self/status").expect("the status of this process");
    let root = Credentials {
        permitted: capabilities(&own, "CapPrm:"),
        effective: capabilities(&own, "CapEff:"),
        bounding: capabilities(&own, "CapBnd:"),
        ..Credentials::root()
    };
    let ids = [0, 1001, 1002];
    for real in ids {
        for effective in ids {
            for (saved, fs) in [(0, effective), (effective, real), (1002, 0), (1001, 1002)] {
                let ids = [real, effective, saved, fs];
                let (status, c) = (kernel(ids), subject(&root, ids));
                let uids = [c.uid, c.euid, c.suid, c.fsuid].map(u64::from);
                let gids = [c.gid, c.egid, c.sgid, c.fsgid].map(u64::from);
                assert_eq!(uids[..], numbers(&status, "Uid:"), "uids of {ids:?}");
                assert_eq!(gids[..], numbers(&status, "Gid:"), "gids of {ids:?}");
                assert_eq!(c.permitted, capabilities(&status, "CapPrm:"), "permitted of {ids:?}");
                assert_eq!(c.effective, capabilities(&status, "CapEff:"), "effective of {ids:?}");
            }
        }
    }
}
