//! Bytes as lists of what to stage.

use imfs_staging::{Spec, dump_list, preload_list};

/// Specs have two paths without NUL, and what was read can be written and read again.
pub fn specs(data: &[u8]) {
    let lists = [(preload_list(data), b':'), (dump_list(data), b';')];
    for (specs, separator) in lists {
        for spec in &specs {
            for path in [&spec.imfs_path, &spec.host_path] {
                assert!(!path.is_empty() && !path.contains(&0) && !path.contains(&separator));
            }
            assert!(!spec.imfs_path.contains(&b'='));
        }
        let text: Vec<_> =
            specs.iter().map(|spec| [&*spec.imfs_path, b"=", &spec.host_path].concat()).collect();
        let text = text.join(&separator);
        let again = if separator == b':' { preload_list(&text) } else { dump_list(&text) };
        assert_eq!(again, specs, "{}", text.escape_ascii());
    }
    if let Some(spec) = Spec::parse(data) {
        assert!(spec.imfs_path.len() + spec.host_path.len() >= data.len().saturating_sub(1));
    }
}
