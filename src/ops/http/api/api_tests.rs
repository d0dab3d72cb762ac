use super::*;

/// Every path and method of the description is there, and nothing else is.
#[test]
fn the_description_names_what_there_is() {
    let description = describe();
    assert_eq!(description["openapi"], "3.1.0", "{description}");
    let paths = description["paths"].as_object().unwrap();
    for (path, methods) in paths {
        let filled = path.replace("{session}", "1").replace("{name}", "anna").replace("{subject}", "anna");
        let segments = segments(&filled).unwrap();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut allowed: Vec<_> =
            allowed(&segments).unwrap_or_else(|| panic!("{path}")).split(", ").collect();
        let is_method = |key: &&String| key.as_str() != "parameters";
        let mut described: Vec<_> = methods
            .as_object()
            .unwrap()
            .keys()
            .filter(is_method)
            .map(|key| key.to_ascii_uppercase())
            .collect();
        allowed.sort_unstable();
        described.sort_unstable();
        assert_eq!(described, allowed, "{path}");
    }
    assert_eq!(paths.len(), 22);
}

#[test]
fn other_paths_are_not_there() {
    for path in [&[""][..], &["session"], &["sessions", "1", "x"], &["users", "a", "x"], &["drain", "x"]] {
        assert_eq!(allowed(path), None, "{path:?}");
    }
}
