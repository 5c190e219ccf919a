//! The real grate under the test host: `make test-grate` builds what it needs and says where that is.

mod calls;
mod life;
mod module;

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use lind_testhost::{Outcome, Run, Runtime};
use wasmtime::Engine;

static ENGINE: LazyLock<Engine> = LazyLock::new(Runtime::engine);

/// A scratch root with the grate and the programs in it; removed when dropped.
struct Root(PathBuf);

impl Root {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lind-testhost-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let root = Self(std::env::temp_dir().join(name));
        std::fs::create_dir_all(root.path("tmp")).expect("a temporary directory");
        for (variable, name) in [("IMFS_GRATE", "grate.wasm"), ("IMFS_CAGES", "cages.wasm")] {
            let from = std::env::var_os(variable).expect("make test-grate says where the modules are");
            std::fs::copy(from, root.path(name)).expect("the module was built");
            root.set_mode(name, 0o755);
        }
        root
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name.trim_start_matches('/'))
    }

    fn c_path(&self, name: &str) -> CString {
        CString::new(self.path(name).into_os_string().into_encoded_bytes()).expect("no NUL in a path")
    }

    fn set_mode(&self, name: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    fn write(&self, name: &str, contents: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("below the root")).expect("it is ours");
        std::fs::write(path, contents).expect("it is ours");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn grate(&self, args: &[&str]) -> Run {
        let args: Vec<&[u8]> =
            std::iter::once("/grate.wasm").chain(args.iter().copied()).map(str::as_bytes).collect();
        Run::new(&ENGINE, &self.0, &args)
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Checks that a program ended with this status, and that nothing would have killed Lind.
#[track_caller]
fn expect(outcome: &Outcome, code: i32) {
    let said = format!("stdout:\n{}\nstderr:\n{}", text(&outcome.stdout), text(&outcome.stderr));
    assert_eq!(outcome.code(), Some(code), "{said}");
    assert_eq!(outcome.violations, Vec::<String>::new(), "{said}");
}
