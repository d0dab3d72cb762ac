//! Each source, from files to a configuration that the check accepts; and files that mean harm.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::{config, engine, storages};

/// A hash of "secret", made by `openssl passwd -6`.
pub(super) const HASH: &str =
    "$6$saltsaltsalt$Cy2drr8kDRji6smvDcT28wkqtq0R0VzVL5CkrjPQCITc5d/31j94knt9rGTcVSyjLXfjsiIsBh5ee8qR/3QDx1";

/// Writes files into a folder, in which `{folder}` is its path, and imports those whose names do not begin with `in/`.
pub(super) fn import(source: Source, files: &[(&str, &str)]) -> Result<(String, Imported), String> {
    let folder = tempfile::tempdir().unwrap();
    let mut named = Vec::new();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text.replace("{folder}", folder.path().to_str().unwrap())).unwrap();
        if !name.starts_with("in/") {
            named.push(path);
        }
    }
    import_files(source, &named, Some(folder.path().join("in")))
}

fn import_files(
    source: Source,
    files: &[PathBuf],
    root: Option<PathBuf>,
) -> Result<(String, Imported), String> {
    let options = Options {
        finder: Finder::below(root),
        homes: "/nonexistent/homes".to_owned(),
        budget: Budget::default(),
    };
    let mut imported = source.read(files, &options)?;
    write::settle_names(&mut imported);
    write::settle_remarks(&mut imported);
    let Written { head, users, tail } = write::write("test", &["files".to_owned()], &imported);
    let text = joined(head, Some(&users), &tail).into_text();
    Ok((text, imported))
}

/// The same, which the check has to accept.
#[track_caller]
pub(super) fn accepted(source: Source, files: &[(&str, &str)]) -> (config::Config, String, Imported) {
    let (text, imported) = import(source, files).unwrap();
    let config = config::parse(&text, "wharf.yaml", Path::new("/"), &storages::KINDS, &engine::ENGINES);
    let config = config.unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    (config, text, imported)
}

/// The remark on a line, which has to be there.
#[track_caller]
pub(super) fn assert_remark(text: &str, file: &str, line: usize, about: &str) {
    let place = format!("{file}:{line}: ");
    let is_it = |comment: &str| {
        comment.trim_start().starts_with('#') && comment.contains(&place) && comment.contains(about)
    };
    assert!(text.lines().any(is_it), "no remark on {about} at {place} in\n{text}");
}

const SOURCES: [Source; 6] = [
    Source::Vsftpd,
    Source::Proftpd,
    Source::PureFtpd,
    Source::Sftpgo,
    Source::TransferFamily,
    Source::Passwd,
];

#[test]
fn nothing_is_made_of_nothing() {
    for source in SOURCES {
        for text in [
            "",
            "\n\n",
            "\0\u{1}\u{2}garbage\0",
            "# only a comment\n",
            "[1, 2",
            "{\"other\": []}",
            "\u{feff}",
        ] {
            let error = import(source, &[("file", text)]).map(|(text, _)| text).unwrap_err();
            assert!(error.contains("file"), "{source:?}, {text:?}: {error}");
        }
        let missing =
            import_files(source, &["/nonexistent/file".into()], None).map(|(text, _)| text).unwrap_err();
        assert!(missing.contains("/nonexistent/file"), "{missing}");
        let folder = tempfile::tempdir().unwrap();
        let directory = import_files(source, &[folder.path().to_owned()], None).map(|(text, _)| text);
        assert!(directory.is_err(), "{source:?} is content with an empty directory");
    }
}

#[test]
fn the_first_of_a_name_counts_also_if_left_out() {
    let user = |status: u8| {
        format!(
            r#"{{"username": "anna", "password": "{HASH}", "status": {status}, "home_dir": "/srv/anna"}}"#
        )
    };
    let (_, imported) =
        import(Source::Sftpgo, &[("new.json", &format!(r#"{{"users": [{}, {}]}}"#, user(0), user(1)))])
            .unwrap();
    assert!(imported.users.iter().all(|user| user.left_out.is_some()), "disabled, and enabled again");
}

#[test]
fn nobody_gets_the_homes_of_all_or_the_whole_machine() {
    let (text, imported) =
        import(Source::Passwd, &[("htpasswd", &format!("..:{HASH}\n.:{HASH}\n"))]).unwrap();
    assert!(imported.users.iter().all(|user| user.left_out.is_some()), "{text}");
    let (text, imported) =
        import(Source::Passwd, &[("passwd", &format!("anna:{HASH}:1000:1000::/:/bin/sh\n"))]).unwrap();
    assert!(imported.users.is_empty() && text.contains("whole machine"), "{text}");
}

/// The time that this takes grows with the users, not with their square: that would be hours.
#[test]
fn very_many_users_are_no_reason_to_wait() {
    let users = (0..20_000).map(|number| {
        format!(
            r#"{{"username": "u{number}", "password": "{HASH}", "status": 1, "filesystem": {{"provider": 1,
                "s3config": {{"bucket": "ftp", "region": "r{number}"}}}}}}"#
        )
    });
    let text = format!(r#"{{"users": [{}]}}"#, users.collect::<Vec<_>>().join(",\n"));
    assert_eq!(import(Source::Sftpgo, &[("dump.json", &text)]).unwrap().1.stores.len(), 20_000);
    let lines: String = (0..20_000)
        .map(|number| format!("u{number}:{HASH}:1000:1000::/srv/{number}/ftp:/bin/sh\n"))
        .collect();
    let (text, _) = import(Source::Passwd, &[("passwd", &lines)]).unwrap();
    assert!(text.contains("ftp-20000"));
    let users = (0..20_000).map(|number| format!(r#"{{"UserName": "u{number}"}}"#));
    let text = format!(r#"{{"Users": [{}]}}"#, users.collect::<Vec<_>>().join(",\n"));
    assert_eq!(import(Source::TransferFamily, &[("users.json", &text)]).unwrap().1.users.len(), 20_000);
}

/// What `wharf import` is called with.
fn command(arguments: &[&str]) -> Import {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        import: Import,
    }
    <Line as clap::Parser>::try_parse_from(["import"].iter().chain(arguments)).unwrap().import
}

#[test]
fn files_of_an_earlier_import_are_replaced_as_a_whole_or_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let accounts = |count: usize| (0..count).map(|number| format!("u{number}:{HASH}\n")).collect::<String>();
    let run = |more: &[&str]| {
        let (input, output, users) = (path("htpasswd"), path("wharf.yaml"), path("users.d"));
        command(&[&["passwd", &input, "--output", &output, "--users", &users], more].concat()).run()
    };
    let files = || {
        let names = fs::read_dir(folder.path().join("users.d")).into_iter().flatten().flatten();
        let mut names: Vec<_> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    fs::write(path("htpasswd"), accounts(USERS_IN_A_FILE + 1)).unwrap();
    // The configuration is there: then nothing is written, neither it nor users.
    fs::write(path("wharf.yaml"), "mine").unwrap();
    assert_eq!(run(&[]).status(), Outcome::Failed.status());
    assert!(files().is_empty());
    assert_eq!(run(&["--force"]).status(), 0);
    fs::write(path("users.d/bob.yaml"), "- mine").unwrap();
    assert_eq!(files(), ["bob.yaml", "imported-00001.yaml", "imported-00002.yaml"]);
    // Users are there, of whom some are gone now.
    fs::write(path("htpasswd"), accounts(1)).unwrap();
    fs::remove_file(path("wharf.yaml")).unwrap();
    assert_eq!(run(&[]).status(), Outcome::Failed.status());
    assert!(!folder.path().join("wharf.yaml").exists());
    assert_eq!(run(&["--force"]).status(), 0);
    assert_eq!(files(), ["bob.yaml", "imported-00001.yaml"], "nobody logs in who was removed");
}

/// Words that mean something to one of the sources, or to YAML.
fn fragment() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        ":",
        "::",
        "\n",
        "\n",
        "=",
        "#",
        "- ",
        "*",
        "&a ",
        "!x ",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "\\",
        "\\\n",
        "\u{2028}",
        "\u{85}",
        "\r",
        "/",
        "/./",
        "..",
        "~",
        "<",
        ">",
        "</",
        "<Limit ALL>",
        "</Limit>",
        "<Directory ",
        "<Anonymous ~ftp>",
        "Include ",
        "DenyAll",
        "AuthUserFile ",
        "local_enable=YES",
        "user_config_dir=/",
        "anna:x:1:1::/srv/anna:/bin/sh",
        "guest_enable=YES",
        "DefaultRoot ~",
        "PassivePorts 1 2",
        "PDB2",
        "Umask 999",
        "9999999999999999999999",
        "-1",
        "{\"users\":[{\"username\":\"",
        "\"}]}",
        "yes",
        "null",
        HASH,
        "%username%",
        "YES",
    ]);
    prop_oneof![3 => words.prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever stands in a file: there is a configuration with nothing but what is meant, or a sentence.
    #[test]
    fn hostile_files_do_no_harm(parts in prop::collection::vec(fragment(), 0..40)) {
        let text = parts.concat();
        for source in SOURCES {
            if let Ok((yaml, imported)) = import(source, &[("file", &text)]) {
                let read: Result<serde_json::Value, _> = serde_saphyr::from_str(&yaml);
                prop_assert!(read.is_ok(), "{source:?}: {yaml}");
                let users = imported.users.iter().filter(|user| user.left_out.is_none()).count();
                let written = read.unwrap()["users"].as_array().map_or(0, Vec::len);
                prop_assert_eq!(users, written, "{}", yaml);
            }
        }
    }

    /// Whatever an account is called: it is a user, or left out, and the check accepts the file.
    #[test]
    fn accounts_of_any_name_are_accepted(
        accounts in prop::collection::btree_map("[^:\n\r]{1,70}", "(/[^:\n\r]{0,20}){1,3}", 1..8),
    ) {
        let line = |(name, home): (&String, &String)| format!("{name}:{HASH}:1000:1000::{home}:/bin/sh\n");
        let text: String = accounts.iter().map(line).collect();
        if let Ok((yaml, _)) = import(Source::Passwd, &[("passwd", &text)]) {
            let config = config::parse(&yaml, "wharf.yaml", Path::new("/"), &storages::KINDS, &engine::ENGINES);
            prop_assert!(config.is_ok(), "{}\n{yaml}", config.unwrap_err());
        }
    }

    /// The index of pure-pw has offsets, which may lead anywhere.
    #[test]
    fn damaged_indexes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pdb");
        fs::write(&file, [b"PDB2".as_slice(), &bytes].concat()).unwrap();
        let _ = import_files(Source::PureFtpd, &[file], None);
    }
}
