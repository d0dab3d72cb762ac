//! The site that is made of the documents: it builds without a warning, its links lead somewhere, and a real browser finds it good.

use std::path::Path;

use super::root;
use crate::support::Program;

/// Where a browser is sent; `python3 -m http.server` says it in its first line.
fn port(line: &str) -> &str {
    let rest = line.split_once(" port ").unwrap_or_else(|| panic!("the web server has said {line:?}")).1;
    rest.split(' ').next().unwrap()
}

/// One test, as each step needs what the one before has made.
#[test]
fn is_built_whole_and_works_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let (home, site) = (folder.path(), folder.path().join("site"));
    let script = |name: &str| root().join("scripts/site").join(name);
    Program::limited("python3", home, 300).arg(script("build")).arg(&site).run();
    // Nothing is wrong but what is broken on purpose, each of which is found.
    let broken = "<h1>Broken</h1><a href='nowhere.html'>a</a><a href='index.html#no'>b</a><script src='//cdn.example/x.js'></script>";
    let page = site.join("broken.html");
    std::fs::write(&page, broken).unwrap();
    let found = Program::limited("python3", home, 300).arg(script("check")).arg(&site).output();
    let (of_it, others): (Vec<_>, Vec<_>) =
        found.stdout.lines().partition(|line| line.starts_with("broken.html "));
    assert!(found.status == 1 && of_it.len() == 4 && others.is_empty(), "{found}");
    std::fs::remove_file(page).unwrap();

    let mut server = Program::limited("python3", home, 300)
        .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"])
        .arg(&site)
        .start();
    let line = server.first_line();
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("pictures");
    Program::limited("node", home, 240)
        .arg(root().join("tests/page/site.cjs"))
        .arg(format!("http://127.0.0.1:{}", port(&line)))
        .arg(pictures)
        .arg(&site)
        .run();
}

/// Its commands run again, with the server of this test.
#[test]
fn the_film_shows_what_its_commands_print() {
    let home = tempfile::tempdir().unwrap();
    let check = |film: &Path| {
        let program = Program::limited("python3", home.path(), 200).env("WHARF", env!("CARGO_BIN_EXE_wharf"));
        program.arg(root().join("scripts/film")).arg("--check").arg(film).output()
    };
    let film = root().join("docs/film/first-minutes.cast");
    let outcome = check(&film);
    assert_eq!(outcome.status, 0, "scripts/film makes it anew: {outcome}");
    // One that shows something else would be noticed.
    let other = home.path().join("other.cast");
    let text = std::fs::read_to_string(film).unwrap();
    assert!(text.contains("the configuration is good"), "it lacks a command");
    std::fs::write(&other, text.replace("is good", "is fine")).unwrap();
    let outcome = check(&other);
    assert!(outcome.status == 1 && outcome.stdout.contains("is fine"), "{outcome}");
}
