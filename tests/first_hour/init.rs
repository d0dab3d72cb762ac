//! `wharf init`: what it writes is good, whoever answers, and nothing is left of what was broken off.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::{Ran, finish, run};
use crate::support::{Certificates, Seen, Setup, at_a_terminal, wharf};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[track_caller]
fn is_good(folder: &Path, name: &str) {
    let ran = run(folder, &["check", "--config", name], "");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
}

#[test]
fn a_person_answers_and_logs_in() {
    let folder = folder();
    let Seen { status, text: seen, is_right } = at_a_terminal(
        folder.path(),
        &["init"],
        &[
            ("1/5", ""),
            ("[wharf-data]:", "files\n"),
            ("[127.0.0.1:2121]:", "nowhere\n"),
            // It is asked again, with the reason.
            ("expected an IP address and a port", ""),
            ("[127.0.0.1:2121]:", "127.0.0.1:2129\n"),
            ("[none]:", "\n"),
            ("[demo]:", "anna bert\n"),
            ("a name can't contain spaces", ""),
            ("[demo]:", "anna\n"),
            ("[one is made]:", "open sesame\n"),
            ("Again:", "open sesam\n"),
            ("the two are not the same", ""),
            ("[one is made]:", "open sesame\n"),
            ("Again:", "open sesame\n"),
            ("[50000-50099]:", "60009-60000\n"),
            ("did you mean 60000-60009?", ""),
            ("[50000-50099]:", "60000-60009\n"),
        ],
    );
    assert_eq!(status, 0, "{seen}");
    assert!(is_right && !seen.contains("sesam"), "{seen}");
    for command in [
        "wharf check --config wharf.yaml",
        "wharf serve --config wharf.yaml",
        "curl --user anna ftp://127.0.0.1:2129/",
    ] {
        assert!(seen.contains(command), "{seen}");
    }
    assert_eq!(names(folder.path()), ["wharf.yaml"]);
    let path = folder.path().join("wharf.yaml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    is_good(folder.path(), "wharf.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("127.0.0.1:2129") && text.contains("60000-60009") && !text.contains("sesame"),
        "{text}"
    );

    // The rest of the file serves at a port of this test.
    let (_, rest) = text.split_once("\nbackends:").unwrap();
    let setup = Setup::new(format!("\nbackends:{rest}"));
    let server = setup.start();
    server.login_as("anna", "open sesame").expect("PWD", 257);
}

#[test]
fn an_interrupt_leaves_nothing_and_a_terminal_that_echoes() {
    for transcript in [
        &[("[wharf-data]:", "\u{3}")][..],
        &[
            ("[wharf-data]:", "\n"),
            ("[127.0.0.1:2121]:", "\n"),
            ("[none]:", "\n"),
            ("[demo]:", "\n"),
            ("[one is made]:", "secr\u{3}"),
        ],
    ] {
        let folder = folder();
        let Seen { status, text: seen, is_right } = at_a_terminal(folder.path(), &["init"], transcript);
        assert_eq!(status, 130, "{seen}");
        assert!(is_right, "{seen}");
        assert!(seen.contains("interrupted; nothing was written") && !seen.contains("secr"), "{seen}");
        assert_eq!(names(folder.path()), Vec::<String>::new());
    }
}

/// Ctrl-C, a terminal that is closed, and whoever ends the program. As soon as the prompt is there: libraries change the terminal then.
#[test]
fn signals_leave_a_terminal_that_echoes() {
    let folder = folder();
    let ends = [("secr\u{3}", 130), ("\u{1c}", 131), ("SIGHUP", 129), ("SIGQUIT", 131), ("SIGTERM", 143)];
    for (typed, expected) in ends.repeat(8) {
        let Seen { status, text, is_right } =
            at_a_terminal(folder.path(), &["hash-password"], &[("Password:", typed)]);
        assert_eq!((status, is_right), (expected, true), "{typed}: {text}");
        assert_eq!(text, "Password: \nwharf: interrupted\n", "{typed}");
    }
}

/// The terminal edits the line of a password as any other.
#[test]
fn a_password_is_typed_with_mistakes() {
    let folder = folder();
    for typed in ["pin\u{e9}x\u{7f}\n", "wrong\u{15}pin\u{e9}\n", "pi\u{4}n\u{e9}\n", "pin\u{e9}\u{4}\u{4}"] {
        let answers = [("Password:", typed), ("Again:", "pin\u{e9}\n")];
        let Seen { status, text, is_right } = at_a_terminal(folder.path(), &["hash-password"], &answers);
        assert!(status == 0 && is_right && text.contains("$argon2id$"), "{typed:?}: {status} {text}");
        // The hash may have any letters.
        let (prompts, _) = text.split_once("$argon2id$").unwrap();
        assert!(!prompts.contains("pi"), "{text}");
    }
    for (typed, words) in [("\u{4}", "the input has ended"), ("\n", "the two are not the same")] {
        let answers = [("Password:", "secret\n"), ("Again:", typed)];
        let Seen { status, text, is_right } = at_a_terminal(folder.path(), &["hash-password"], &answers);
        assert!(status == 1 && is_right && text.contains(words), "{typed:?}: {status} {text}");
    }
}

#[test]
fn the_end_of_the_input_leaves_nothing() {
    let folder = folder();
    let Seen { status, text: seen, .. } =
        at_a_terminal(folder.path(), &["init"], &[("[wharf-data]:", "\u{4}")]);
    assert!(status == 1 && seen.contains("nothing was written"), "{seen}");
    for input in
        ["", "\n\n", "files\n127.0.0.1:2121\nnone", "\n\n\nanna\none\ntwo\n", "\n\n\nanna\none\none\n"]
    {
        let ran = run(folder.path(), &["init"], input);
        assert_eq!(ran.status, Some(1), "{}", ran.stdout);
        assert!(ran.stderr.contains("the input ended") && ran.stderr.contains("--yes"), "{}", ran.stderr);
    }
    for input in [
        "\nx\nx\nx\nx\nx\nx\n".to_owned(),
        format!("{}\n", "x".repeat(10_000)),
        "\n\n\n\na\nb\nc\nd\ne\nf\ng\nh\ni\nj\n".to_owned(),
    ] {
        let ran = run(folder.path(), &["init"], &input);
        assert_eq!(ran.status, Some(1), "{}", ran.stdout);
        assert!(ran.stderr.contains("nothing was written"), "{}", ran.stderr);
    }
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn lines_answer_as_a_person_does() {
    let folder = folder();
    let input = "memory\n0.0.0.0:2121\n\nanna\n a b \n a b \n50000-50009\nftp.example.com\n";
    let ran = run(folder.path(), &["init", "conf.yaml"], input);
    assert_eq!(ran.status, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("curl --user anna ftp://ftp.example.com:2121/"), "{}", ran.stdout);
    is_good(folder.path(), "conf.yaml");
    let text = fs::read_to_string(folder.path().join("conf.yaml")).unwrap();
    let (_, rest) = text.split_once("\nbackends:").unwrap();
    let setup = Setup::new(format!("\nbackends:{rest}"));
    setup.start().login_as("anna", " a b ").expect("PWD", 257);
}

#[test]
fn options_answer_for_scripts() {
    let folder = folder();
    Certificates::write_to(folder.path());
    fs::write(folder.path().join("secret"), "open sesame\n").unwrap();
    let ran = run(folder.path(), &["init", "--yes"], "");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    is_good(folder.path(), "wharf.yaml");
    // It is shown once, and works.
    let password = ran.stdout.trim_end().rsplit(' ').next().unwrap().to_owned();
    let text = fs::read_to_string(folder.path().join("wharf.yaml")).unwrap();
    let (_, rest) = text.split_once("\nbackends:").unwrap();
    let setup = Setup::new(format!("\nbackends:{rest}"));
    setup.start().login_as("demo", &password).expect("PWD", 257);

    let all = [
        "init",
        "all.yaml",
        "--yes",
        "--files",
        "s3://lake/inbound",
        "--region",
        "eu-west-1",
        "--listen",
        "0.0.0.0:2121",
        "--certificate",
        "server.crt",
        "--key",
        "server.key",
        "--user",
        "anna",
        "--password-file",
        "secret",
        "--passive-ports",
        "60000-60099",
        "--public-address",
        "192.0.2.7",
    ];
    let ran = run(folder.path(), &all, "");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("curl --ssl-reqd --user anna ftp://192.0.2.7:2121/"), "{}", ran.stdout);
    assert!(ran.stdout.contains("add --insecure."), "{}", ran.stdout);
    assert!(!ran.stdout.contains("sesame"), "{}", ran.stdout);
    is_good(folder.path(), "all.yaml");
    let text = fs::read_to_string(folder.path().join("all.yaml")).unwrap();
    for part in [
        "bucket: \"lake\"",
        "prefix: \"inbound\"",
        "region: \"eu-west-1\"",
        "mode: required",
        "name: \"anna\"",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    // Without --yes, what an option answers is not asked.
    let ran = run(
        folder.path(),
        &["init", "some.yaml", "--files", "memory", "--user", "anna", "--password-file", "-"],
        "",
    );
    assert_eq!(ran.status, Some(1), "{}", ran.stdout);
    assert!(!ran.stdout.contains("1/5") && ran.stdout.contains("2/5"), "{}", ran.stdout);
}

#[test]
fn a_wrong_option_is_no_question() {
    let folder = folder();
    for (options, said) in [
        (&["--listen", "nowhere"][..], "--listen nowhere: expected an IP address"),
        (&["--files", "ftp://x/y"], "--files ftp://x/y: this is none of the URLs"),
        (&["--files", "s3://"], "--files s3://: "),
        (&["--passive-ports", "9-1"], "--passive-ports 9-1: "),
        (&["--certificate", "missing.crt"], "there is no file ./missing.crt"),
        (&["--key", "x.key"], "--key needs --certificate"),
        (&["--region", "x"], "--region is for a bucket"),
        (&["--credentials", "x"], "--credentials are for a bucket"),
        (&["--files", "gs://lake", "--credentials", "missing.json"], "--credentials missing.json: "),
        (&["--user", "a b"], "--user a b: "),
        (&["--password-file", "missing"], "--password-file missing: "),
        (&["--password-file", "-"], "the password is empty"),
    ] {
        let Ran { status, stderr, .. } = run(folder.path(), &[&["init", "--yes"][..], options].concat(), "");
        assert_eq!(status, Some(2), "{options:?}: {stderr}");
        assert!(stderr.contains(said) && stderr.contains("nothing was written"), "{options:?}: {stderr}");
    }
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn a_file_that_is_there_is_left_alone() {
    let folder = folder();
    fs::write(folder.path().join("wharf.yaml"), "mine").unwrap();
    let ran = run(folder.path(), &["init", "--yes"], "");
    assert_eq!(ran.status, Some(1));
    assert!(ran.stderr.contains("wharf.yaml is there already; `--force` replaces it"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(folder.path().join("wharf.yaml")).unwrap(), "mine");
    let ran = run(folder.path(), &["init", "no/wharf.yaml", "--yes"], "");
    assert!(ran.status == Some(1) && ran.stderr.contains("there is no directory no"), "{}", ran.stderr);
    let ran = run(folder.path(), &["init", "--yes", "--force"], "");
    assert_eq!(ran.status, Some(0), "{}", ran.stderr);
    is_good(folder.path(), "wharf.yaml");
    assert_eq!(names(folder.path()), ["wharf.yaml"]);
}

/// Nobody is asked for what can't be written.
#[test]
fn a_folder_that_takes_no_file_is_said_first() {
    let folder = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write everywhere.
    let mut init = std::process::Command::new("setpriv");
    init.args(["--bounding-set=-dac_override", "--inh-caps=-all"]).arg(wharf([]).get_program());
    let ran = finish(init.arg("init").current_dir(folder.path()).stdin(std::process::Stdio::null()));
    assert_eq!(ran.status, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing can be written in .: Permission denied"), "{}", ran.stderr);
    assert!(!ran.stdout.contains("1/5"), "{}", ran.stdout);
}
