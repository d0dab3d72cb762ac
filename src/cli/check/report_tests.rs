use proptest::prelude::*;

use super::*;

/// As the runner of GitHub Actions reads a text.
fn read(text: &str) -> String {
    text.replace("%2C", ",").replace("%3A", ":").replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
}

fn finding(file: &str, message: &str) -> Finding {
    Finding {
        severity: Severity::Error,
        message: message.to_owned(),
        advice: None,
        file: Some(file.to_owned()),
        line: Some(3),
        column: Some(5),
        end_line: Some(3),
        end_column: Some(9),
        key: None,
    }
}

#[test]
fn an_annotation_is_one_command() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("a,b:c%.yaml");
    let text =
        finding(file.to_str().unwrap(), "100% wrong\n::error::no, this is one").annotation(root.path());
    assert_eq!(
        text,
        "::error file=a%2Cb%3Ac%25.yaml,line=3,endLine=3,col=5,endColumn=8,title=wharf check::100%25 wrong%0A::error::no, this is one"
    );
    let longer = Finding { end_line: Some(4), end_column: Some(2), ..finding("/elsewhere/x.yaml", "m") };
    let text = longer.annotation(root.path());
    assert_eq!(text, "::error file=/elsewhere/x.yaml,line=3,endLine=4,col=5,title=wharf check::m");
    let empty = Finding { end_column: Some(5), ..finding("/elsewhere/x.yaml", "m") };
    assert!(empty.annotation(root.path()).contains("col=5,endColumn=5,"));
    let whole = Finding { line: None, column: None, ..finding("/elsewhere/x.yaml", "m") };
    assert_eq!(whole.annotation(root.path()), "::error file=/elsewhere/x.yaml,title=wharf check::m");
}

#[test]
fn a_path_starts_from_the_root() {
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("deploy/conf");
    std::fs::create_dir_all(&config).unwrap();
    let link = root.path().join("link");
    std::os::unix::fs::symlink(&config, &link).unwrap();
    let shown = |file: &Path, root: &Path| from_root(file, root);
    assert_eq!(shown(&config.join("wharf.yaml"), root.path()), "deploy/conf/wharf.yaml");
    assert_eq!(shown(&config.join("../conf/wharf.yaml"), root.path()), "deploy/conf/wharf.yaml");
    assert_eq!(shown(&link.join("wharf.yaml"), root.path()), "deploy/conf/wharf.yaml");
    assert_eq!(shown(&config.join("wharf.yaml"), &link), "wharf.yaml");
    assert_eq!(shown(Path::new("/etc/wharf.yaml"), &config), "/etc/wharf.yaml");
    assert_eq!(shown(Path::new("/no/such/folder/wharf.yaml"), &config), "/no/such/folder/wharf.yaml");
}

proptest! {
    #[test]
    fn no_text_leaves_its_command(text in "(?s)[\\x00-\\x7f%\r\n:,é]{0,40}") {
        for escaped in [data(&text), property(&text)] {
            prop_assert!(!escaped.contains(['\r', '\n']));
            prop_assert_eq!(read(&escaped), text.as_str());
        }
        prop_assert!(!property(&text).contains([':', ',']));
        let annotation = finding(&format!("/elsewhere/{}", text.replace('/', "")), &text).annotation(Path::new("/nowhere"));
        // The runner takes what stands before the second `::` for the command, and splits its properties at commas.
        let (head, message) = annotation.strip_prefix("::").unwrap().split_once("::").unwrap();
        prop_assert_eq!(read(message), text.as_str());
        prop_assert_eq!(head.split(',').count(), 6);
    }
}
