//! The tables: one module a call, each of them run whole by one test.

mod document;
mod exec;
mod random;
mod table;

/// Names the modules, makes a test of each, and counts their cases.
macro_rules! tables {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        mod oracle {
            $(#[test] fn $module() { crate::table::run(stringify!($module), crate::$module::cases()); })*
        }

        #[test]
        fn there_are_cases_enough() {
            let counts = [$((stringify!($module), crate::$module::cases().len())),*];
            let total: usize = counts.iter().map(|(_, n)| n).sum();
            println!("{total} cases: {counts:?}");
            assert!(total >= 2500, "only {total} cases: {counts:?}");
        }

        #[test]
        fn the_document_lists_the_tables() {
            document::check(&[$((stringify!($module), crate::$module::cases().len())),*]);
        }

        #[test]
        fn the_document_names_all_calls_and_flags() {
            document::names_all();
        }

        #[test]
        fn names_are_unique() {
            let mut names: Vec<String> = Vec::new();
            $(names.extend(crate::$module::cases().into_iter().map(|c| format!("{}/{}", stringify!($module), c.name)));)*
            names.sort();
            let doubled: Vec<_> = names.windows(2).filter(|w| w[0] == w[1]).map(|w| &w[0]).collect();
            assert!(doubled.is_empty(), "{doubled:?}");
        }
    };
}

tables! {
    access, acl, chdir, chmod, chown, chroot, clone, close_range, copy_file_range, credentials, devices, dup, fallocate,
    fcntl, fifo, found, getdents, ioctl, link, locks, lseek, mkdir, mknod, mmap, open, openat2, pipe, poll, process,
    read_write, readlink, rename, rmdir, sendfile, stat, statfs, statx, symlink, sync, truncate, unlink,
    utimensat, xattr,
}
