//! The section `traces`.

use std::time::Duration;

use super::super::super::Traces;
use super::{World, with};

fn world() -> World {
    let world = World::new();
    world.file("key", "hunter2\n");
    world.file("two-lines", "hunter2\nhunter2\n");
    world
}

/// Each complaint: its line, and its sentence.
fn complaints(section: &str) -> Vec<String> {
    let said = world().complaints(&with(section));
    assert!(!said.contains("hunter2"), "{said}");
    let lines = said.lines().filter_map(|line| line.strip_prefix("wharf.yaml:"));
    lines.filter_map(|line| Some(line.split_once(": ")?.1.to_owned())).collect()
}

fn traces(section: &str) -> Traces {
    let parsed = world().parse(&with(section)).unwrap_or_else(|problems| panic!("{problems}"));
    parsed.traces.unwrap()
}

#[test]
fn everything_about_traces() {
    let at = |rest: &str| format!("traces: {{ otlp: \"http://127.0.0.1:4318\", {rest} }}\n");
    let header = |name: &str, value: &str| at(&format!("headers: [ {{ name: {name}, value: {value} }} ]"));
    for (section, expected) in [
        ("traces: {}\n".to_owned(), "`otlp` is missing"),
        (at("sample: 2"), "a number from 0 to 1 is needed, or a percentage such as 1%"),
        (at("sample: 101%"), "a number from 0 to 1 is needed, or a percentage such as 1%"),
        (at("sample: often"), "a number from 0 to 1 is needed, or a percentage such as 1%"),
        (at("timeout: 2m"), "from 100ms to 1m is possible"),
        (at("ca_file: key"), "`ca_file` has no use here: the URL is http://, which has no certificates"),
        (header("\"a b\"", "x"), "this can't be the name of a header"),
        (header("Host", "x"), "Wharf says this header itself"),
        (at("headers: [ { name: a } ]"), "the header has no `value`"),
    ] {
        assert_eq!(complaints(&section), [expected], "{section}");
    }
    let [broken] = <[String; 1]>::try_from(complaints(&header("a", "{ file: two-lines }"))).unwrap();
    assert!(broken.starts_with("a header can't say this"), "{broken}");
    for url in
        ["127.0.0.1:4318", "http://hunter2@collector/", "grpc://collector:4317", "http://a/?key=hunter2"]
    {
        assert_eq!(complaints(&format!("traces: {{ otlp: \"{url}\" }}\n")).len(), 1, "{url}");
    }
}

#[test]
fn the_path_is_added_and_shares_have_two_forms() {
    for url in ["http://c:4318", "http://c:4318/", "http://c:4318/v1/traces"] {
        let section = format!(
            "traces: {{ otlp: \"{url}\", sample: 2.5%, headers: [ {{ name: a, value: {{ file: key }} }} ] }}\n"
        );
        let traces = traces(&section);
        assert_eq!((&*traces.url, traces.sample), ("http://c:4318/v1/traces", 0.025));
        assert_eq!((traces.headers[0].1.expose(), traces.timeout), ("hunter2", Duration::from_secs(5)));
        assert!(!format!("{traces:?}").contains("hunter2"));
    }
    assert_eq!(traces("traces: { otlp: \"https://c/otlp\", sample: 0 }\n").sample, 0.0);
    assert_eq!(traces("traces: { otlp: \"https://c/otlp\" }\n").url, "https://c/otlp/v1/traces");
}
