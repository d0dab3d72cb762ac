//! Rules of CONTRIBUTING.md that a test can keep.

use std::fs;
use std::path::{Path, PathBuf};

use super::root;

/// Every source below a folder, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut open, mut found) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources");
    found
}

/// What a test does there is no work of the server.
fn is_test(path: &Path) -> bool {
    let name = path.to_str().unwrap();
    name.ends_with("_tests.rs") || name.contains("/tests/") || name.ends_with("/tests.rs")
}

fn with_all(folders: &[&str]) -> impl Iterator<Item = (PathBuf, String)> {
    folders.iter().flat_map(|folder| sources(folder)).collect::<Vec<_>>().into_iter()
}

/// Beside the configuration: the variables of options, which the help of the command line shows; and what the environment says
/// of a machine's own identity at the clouds, where `ambient_credentials` asks for it.
const READERS: [&str; 7] = [
    "src/config/",
    "src/cli/check.rs",
    "src/cli/doctor/mod.rs",
    "src/cli/serve.rs",
    "backends/src/object/ambient.rs",
    "backends/src/object/google/build.rs",
    "backends/src/object/wire/environment.rs",
];

#[test]
fn only_the_configuration_reads_the_environment() {
    let readers: Vec<_> = with_all(&["src", "backends/src"])
        .filter(|(path, _)| {
            let name = path.to_str().unwrap();
            !READERS.iter().any(|reader| name.starts_with(reader)) && !is_test(path)
        })
        .flat_map(|(path, text)| {
            let reads = |line: &&str| {
                let code = line.split("//").next().unwrap();
                ["env::var", "env::vars", "env = \"", "use std::env"].iter().any(|read| code.contains(read))
            };
            let lines = text.lines().filter(reads).map(str::trim).collect::<Vec<_>>().join("; ");
            (!lines.is_empty()).then(|| format!("{}: {lines}", path.display()))
        })
        .collect();
    assert!(readers.is_empty(), "{readers:#?}");
}

/// The rule is about 400 lines: a file that is a little longer is left alone.
#[test]
fn files_stay_short() {
    let folders = ["src", "backends", "bench/src", "testing/src", "tests", "fuzz/targets", "examples"];
    let long: Vec<_> = with_all(&folders)
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 450)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

/// A test that is not for libunftp stands in a module `native_only`, which `make test` leaves out there by name.
#[test]
fn no_test_passes_silently_on_libunftp() {
    let makefile = super::read("Makefile");
    assert!(makefile.contains("|::native_only::/)'"), "the Makefile leaves out no native_only");
    for (path, text) in sources("tests") {
        let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect();
        for (number, pair) in lines.windows(2).enumerate() {
            let on_an_engine = pair[0].starts_with("if ") && pair[0].contains("Engine::");
            assert!(
                !on_an_engine || pair[1] != "return;",
                "{}: a test returns on an engine, at about line {number}: {}",
                path.display(),
                pair[0]
            );
        }
    }
}
