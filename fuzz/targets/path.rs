//! Paths: whatever is written, the result lies inside of the root and reads the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wharf_backends::StoragePath;

fuzz_target!(|input: (&str, &str)| {
    let (base, argument) = input;
    let Ok(base) = StoragePath::parse(base) else { return };
    let Ok(path) = base.join(argument) else { return };
    assert!(path.as_str().starts_with('/') && path.as_str().len() <= StoragePath::MAX_LENGTH);
    assert!(path.segments().all(|name| !matches!(name, "" | "." | "..") && !name.contains(['/', '\0', '\r', '\n'])));
    assert_eq!(StoragePath::parse(path.as_str()).unwrap(), path);
    if let Some(parent) = path.parent() {
        assert!(path.starts_with(&parent));
        assert_eq!(parent.child(path.name().unwrap()).unwrap(), path);
    }
});
