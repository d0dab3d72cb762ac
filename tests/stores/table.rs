//! The table of the guide.

use std::fs;
use std::path::Path;

use super::known::{LIMITS, Limit};
use super::store::Store;
use super::{OPERATIONS, Operation};
use wharf_backends::contract::CASES;

const GUIDE: &str = "docs/backends.md";
const BEGIN: &str = "<!-- The table of stores, made by `make test-stores` -->\n";
const END: &str = "<!-- The end of the table of stores -->\n";

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn title(store: Store) -> String {
    let (name, file, pinned) = store.name_and_pin();
    if file.is_empty() {
        return name.to_owned();
    }
    let text = read(file);
    let (_, behind) = text.split_once(pinned).unwrap_or_else(|| panic!("{file} pins no {name}"));
    let version = behind.split(['\n', '"']).next().unwrap();
    match store {
        // The version is its wrapper's.
        Store::FakeGcs => name.to_owned(),
        _ => format!("{name} {version}"),
    }
}

/// Each reason once, in the order of the list: its place is its number, less one.
fn reasons() -> Vec<&'static str> {
    let mut reasons = Vec::new();
    for Limit { reason, .. } in LIMITS {
        if !reasons.contains(reason) {
            reasons.push(*reason);
        }
    }
    reasons
}

/// The numbers of the reasons for which a store fails some of these tests.
fn cell(store: Store, tests: &[&str]) -> String {
    let is_one = |reason: &&str| {
        LIMITS
            .iter()
            .any(|limit| limit.reason == *reason && tests.iter().any(|test| limit.is_of(store, test)))
    };
    let reasons = reasons();
    let numbers = reasons.iter().enumerate().filter(|(_, reason)| is_one(reason));
    let numbers: Vec<String> = numbers.map(|(index, _)| (index + 1).to_string()).collect();
    if numbers.is_empty() { "yes".to_owned() } else { format!("**{}**", numbers.join(", ")) }
}

fn row(name: &str, tests: &[&str]) -> String {
    let cells: String = Store::ALL.iter().map(|store| format!(" {} |", cell(*store, tests))).collect();
    format!("| {name} |{cells}\n")
}

fn table() -> String {
    let titles: String = Store::ALL.iter().map(|store| format!(" {} |", title(*store))).collect();
    let mut table = format!("| |{titles}\n|---|{}\n", "---|".repeat(Store::ALL.len()));
    let cases: Vec<&str> = CASES.iter().map(|case| case.name).collect();
    table.push_str(&row("the contract", &cases));
    for Operation { name, row: words } in OPERATIONS {
        table.push_str(&row(words, &[name]));
    }
    table.push('\n');
    for (index, reason) in reasons().iter().enumerate() {
        let limits = || LIMITS.iter().filter(|limit| limit.reason == *reason);
        let stores = Store::ALL.iter().filter(|store| limits().any(|limit| limit.store == **store));
        let stores: Vec<&str> = stores.map(|store| store.name_and_pin().0).collect();
        let broken = cases.iter().filter(|case| limits().any(|limit| limit.tests.contains(case)));
        let broken: Vec<String> = broken.map(|case| format!("`{case}`")).collect();
        let broken = match broken[..] {
            [] => String::new(),
            _ => format!(" (Of the contract: {}.)", broken.join(", ")),
        };
        table.push_str(&format!("{}. {}: {reason}{broken}\n", index + 1, stores.join(", ")));
    }
    table
}

/// Whoever changes the list of what is known makes the table anew, with WHARF_TEST_WRITE_TABLE=1.
#[test]
fn the_guide_has_the_table_of_what_was_found() {
    let guide = read(GUIDE);
    let (before, rest) = guide.split_once(BEGIN).expect("the mark before the table");
    let (found, after) = rest.split_once(END).expect("the mark behind the table");
    let expected = format!("\n{}\n", table());
    if std::env::var_os("WHARF_TEST_WRITE_TABLE").is_some() {
        let guide = format!("{before}{BEGIN}{expected}{END}{after}");
        fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(GUIDE), guide).unwrap();
        return;
    }
    assert!(found == expected, "{GUIDE} has another table than the suite: run `make test-stores`, commit it");
}

#[test]
fn the_list_names_tests_that_there_are() {
    for Limit { store, tests, .. } in LIMITS {
        for test in *tests {
            let known = OPERATIONS.iter().any(|operation| operation.name == *test)
                || CASES.iter().any(|case| case.name == *test);
            assert!(known, "{store:?}: there is no test {test}");
            let times = LIMITS.iter().filter(|limit| limit.is_of(*store, test)).count();
            assert_eq!(times, 1, "{store:?}: {test} is listed more than once");
        }
    }
}
