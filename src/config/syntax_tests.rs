use super::*;
use crate::config::tree;

fn complaint(text: &str) -> String {
    let source = Source::new("file", text);
    report(&source, &tree::parse(text).unwrap_err());
    source.finish().problems.remove(0).to_string()
}

#[test]
fn a_secret_on_the_line_is_hidden() {
    for text in [
        "users:\n  - password: @hunter2\n",
        "users:\n  - password: %hunter2\n",
        "users:\n  - password: *hunter2\n",
        "users:\n  - password: !hunter2 x\n",
        "users:\n  - password: 'x' hunter2\n",
        "users:\n  - password: x: hunter2\n",
        "users:\n  - { name: a, password: [hunter2 }\n",
        "users:\n  - { \"password\": \"hunter2\" x }\n",
        "pasword: `hunter2\n",
        "a: { x: 1, secret_access_key: hunter2, x: 2 }\n",
    ] {
        let complaint = complaint(text);
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }
}

#[test]
fn a_secret_that_goes_on_over_lines_is_hidden() {
    for text in [
        "users:\n  - password: \"abc\nhunter2\"\n",
        "users:\n  - password: \"abc\n    name: hunter2\n",
        "users:\n  - password: 'abc\n\n  hunter2'\n",
        "b:\n  service_account_key:\n    { \"a\": 1,\n      \"private\": \"hunter2\" \"x\" }\n",
        "b:\n  service_account_key: |\n    a: b\n   hunter2: @\n  c: `\n",
        "b:\n  password:\n    - hunter2: @\n",
        "b:\n  password:\n  - hunter2 'a': @\n",
    ] {
        let complaint = complaint(text);
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }
}

#[test]
fn other_lines_are_shown() {
    let complaint = complaint("users:\n  - password: x\n    name: @a\n");
    assert!(complaint.contains("    3 |     name: @a\n"), "{complaint}");
}

#[test]
fn anchors_that_explode_are_refused() {
    let mut text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (this, last) in "bcdefghi".chars().zip("abcdefgh".chars()) {
        text.push_str(&format!("{this}: &{this} [{}]\n", vec![format!("*{last}"); 10].join(", ")));
    }
    assert!(complaint(&text).contains("the file is too complex"));
    let deep = format!("a: {}{}\n", "[".repeat(200), "]".repeat(200));
    assert!(complaint(&deep).contains("the file is too complex"), "{}", complaint(&deep));
    assert!(complaint("a: &a [*a]\n").contains("this alias stands for a value that holds it"));
}
