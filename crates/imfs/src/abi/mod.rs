//! Linux x86-64 constants and types.
