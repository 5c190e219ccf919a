//! What to copy: one path, or a pair of them, alone or in the lists of `PRELOADS` and `DUMPS`.
//!
//! Responsible for the syntax only; which side is copied to which is the caller's.

/// One thing to copy: where it is (or shall be) in the IMFS, and on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Path in the IMFS, not empty.
    pub imfs_path: Vec<u8>,
    /// Path on the host, not empty.
    pub host_path: Vec<u8>,
}

impl Spec {
    /// Reads `path`, the same on both sides, or `imfs_path=host_path`, split at the first `=`.
    ///
    /// `None` if there is no path, or half a pair.
    pub fn parse(text: &[u8]) -> Option<Spec> {
        let (imfs_path, host_path) = match text.iter().position(|byte| *byte == b'=') {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, text),
        };
        if imfs_path.is_empty() || host_path.is_empty() || text.contains(&0) {
            return None;
        }
        Some(Spec { imfs_path: imfs_path.to_vec(), host_path: host_path.to_vec() })
    }
}

/// Reads a list as in `PRELOADS`: specs separated by `:`. Empty and half-empty entries are skipped.
pub fn preload_list(list: &[u8]) -> Vec<Spec> {
    list.split(|byte| *byte == b':').filter_map(Spec::parse).collect()
}

/// Reads a list as in `DUMPS`: specs separated by `;`, so that a `:` may stand in a path; blanks before one are
/// ignored. Empty and half-empty entries are skipped.
pub fn dump_list(list: &[u8]) -> Vec<Spec> {
    list.split(|byte| *byte == b';').map(<[u8]>::trim_ascii_start).filter_map(Spec::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(imfs_path: &str, host_path: &str) -> Spec {
        Spec { imfs_path: imfs_path.into(), host_path: host_path.into() }
    }

    #[test]
    fn one_path_or_a_pair() {
        assert_eq!(Spec::parse(b"/a/b"), Some(spec("/a/b", "/a/b")));
        assert_eq!(Spec::parse(b"/a=b"), Some(spec("/a", "b")));
        assert_eq!(Spec::parse(b"/a=b=c"), Some(spec("/a", "b=c")));
        assert_eq!(Spec::parse(b" a"), Some(spec(" a", " a")));
        for text in [&b""[..], b"=", b"a=", b"=b", b"a\0b"] {
            assert_eq!(Spec::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn lists() {
        assert_eq!(preload_list(b""), []);
        assert_eq!(preload_list(b"a:/b=c::=d:e=:f"), [spec("a", "a"), spec("/b", "c"), spec("f", "f")]);
        assert_eq!(preload_list(b"a;b"), [spec("a;b", "a;b")]);
        assert_eq!(dump_list(b"a:b; /c=d ;\n;=; e="), [spec("a:b", "a:b"), spec("/c", "d ")]);
    }
}
