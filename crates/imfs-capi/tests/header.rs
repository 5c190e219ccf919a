//! `include/imfs.h` is what cbindgen makes of the source. `IMFS_WRITE_HEADER=1` writes it.

use std::path::Path;

#[test]
fn the_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    let source = std::fs::read_to_string(root.join("src/lib.rs")).unwrap();
    // In the order of the modules, which is that of the alphabet.
    for module in source.lines().filter_map(|line| line.strip_prefix("pub use self::")?.strip_suffix("::*;"))
    {
        builder = builder.with_src(root.join(format!("src/{module}.rs")));
    }
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let header = root.join("include/imfs.h");
    if std::env::var_os("IMFS_WRITE_HEADER").is_some() {
        std::fs::write(&header, &made).unwrap();
    }
    let present = std::fs::read_to_string(&header).unwrap_or_default();
    let differs = made.lines().zip(present.lines()).find(|(made, present)| made != present);
    assert!(made == present, "include/imfs.h is stale ({differs:?}): make header");
}
