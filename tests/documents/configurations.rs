//! Configurations that the documents show are good, with what they name prepared in a folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{documents, parse};
use crate::support::{Certificates, wharf};

const HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$H7FvgBsf0jKudBg7KefUcg$iBk1lOsKRJ/P/qoCorMGHO+wdjap/LYKmKA4WjnYRkk";

/// The backends of a fragment that defines none.
const FRAGMENT_BASE: &str = "
backends:
  disk: { kind: memory }
  lake: { kind: memory }
  archive: { kind: memory }
  scratch: { kind: memory }
";

const SERVICE_ACCOUNT: &str = r#"{ "client_email": "a@b", "private_key": "none" }"#;

/// What has to stand in the place of a secret, by the line that names the place.
fn secret(line: &str, at: usize) -> &'static str {
    let last_key = |key: &str| line[..at].rfind(key);
    let kinds = [
        ("password:", HASH),
        ("service_account_key:", SERVICE_ACCOUNT),
        ("secret_access_key:", "secret"),
        ("session_token:", "token"),
        ("access_key_id:", "id"),
        (" access_key:", "a2V5"),
        ("sse_customer_key:", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
        ("url:", "postgres://wharf:secret@db.example.com/ftp"),
        (" token:", "a-token-that-nobody-guesses"),
        ("read_only_token:", "another-that-nobody-guesses"),
        (" secret:", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("sas_token:", "sv=2025-01-05&sig=c2ln"),
    ];
    let nearest = kinds.iter().filter_map(|(key, value)| Some((last_key(key)?, *value))).max();
    nearest.map_or("secret", |(_, value)| value)
}

fn value_at(text: &str) -> &str {
    text.trim_start().split([' ', ',', '}', '\n', ']']).next().unwrap().trim_matches('"')
}

/// Makes the files, folders and variables that a configuration names, and returns the variables.
fn prepare(folder: &Path, yaml: &str) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    let file = |name: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    };
    for line in yaml.lines().map(|line| line.split(" #").next().unwrap()) {
        for (at, _) in line.match_indices("{ file: ") {
            fs::write(file(value_at(&line[at + 8..])), secret(line, at)).unwrap();
        }
        for (at, _) in line.match_indices("{ directory: ") {
            fs::create_dir_all(folder.join(value_at(&line[at + 13..]))).unwrap();
        }
        for (at, _) in line.match_indices("spool: ") {
            fs::create_dir_all(folder.join(value_at(&line[at + 7..]))).unwrap();
        }
        for (at, _) in line.match_indices("state_directory: ") {
            fs::create_dir_all(folder.join(value_at(&line[at + 17..]))).unwrap();
        }
        for (at, _) in line.match_indices("{ env: ") {
            environment.insert(value_at(&line[at + 7..]).to_owned(), secret(line, at).to_owned());
        }
        for (at, _) in line.match_indices("credentials_file: ") {
            let keys = "aws_access_key_id = id\naws_secret_access_key = secret\n";
            let profiles = format!("[default]\n{keys}[ftp]\n{keys}");
            fs::write(file(value_at(&line[at + 18..])), profiles).unwrap();
        }
        for (at, _) in line.match_indices("root: ").filter(|(at, _)| !line[..*at].ends_with("create_")) {
            fs::create_dir_all(folder.join(value_at(&line[at + 6..]))).unwrap();
        }
        for (at, _) in line.match_indices("ca_file: ") {
            let scratch = tempfile::tempdir().unwrap();
            Certificates::write_to(scratch.path());
            fs::copy(scratch.path().join("server.crt"), file(value_at(&line[at + 9..]))).unwrap();
        }
        // Not the one of a user, which is no file.
        if let Some((_, name)) = line.split_once("certificate: ").filter(|(_, rest)| !rest.starts_with('{')) {
            let scratch = tempfile::tempdir().unwrap();
            Certificates::write_to(scratch.path());
            fs::copy(scratch.path().join("server.crt"), file(value_at(name))).unwrap();
            let keys = yaml.lines().filter_map(|line| line.split_once("key: "));
            let key = keys.map(|(_, name)| value_at(name)).find(|name| name.ends_with(".key")).unwrap();
            fs::copy(scratch.path().join("server.key"), file(key)).unwrap();
        }
    }
    environment
}

/// Absolute paths become paths of the folder.
fn moved(folder: &Path, yaml: &str) -> String {
    let here = |path: &str| format!(" {}{path}", folder.display());
    ["/srv/", "/run/", "/etc/", "/var/"]
        .iter()
        .fold(yaml.to_owned(), |yaml, path| yaml.replace(&format!(" {path}"), &here(path)))
}

#[test]
fn are_good() {
    let (mut whole, mut parts) = (0, 0);
    for document in documents() {
        for block in parse(&document).0.iter().filter(|block| block.language == "yaml") {
            if block.file_name().is_some() {
                continue;
            }
            let folder = tempfile::tempdir().unwrap();
            let mut yaml = block.text.clone();
            if block.is("yaml", "fragment") {
                parts += 1;
                let defines = |section: &str| yaml.lines().any(|line| line.starts_with(section));
                if !defines("backends:") {
                    yaml.push_str(FRAGMENT_BASE);
                }
            } else {
                whole += 1;
                assert!(
                    yaml.contains("\nusers:") || yaml.contains("\nanonymous:"),
                    "{document}:{} is a fragment",
                    block.line
                );
            }
            let yaml = moved(folder.path(), &yaml);
            let environment = prepare(folder.path(), &yaml);
            let config = folder.path().join("wharf.yaml");
            fs::write(&config, &yaml).unwrap();
            let mut check = wharf(["check", "--config", config.to_str().unwrap()]);
            let ran = check.envs(environment).output().unwrap();
            assert!(
                ran.status.success(),
                "{document}:{}\n{}",
                block.line,
                String::from_utf8_lossy(&ran.stderr)
            );
        }
    }
    assert!(whole >= 4 && parts >= 5, "{whole} whole ones and {parts} fragments are too few to be all");
}
