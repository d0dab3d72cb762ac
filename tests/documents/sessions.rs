//! Sessions and scripts that the documents show do what is shown.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{documents, parse, read, root};
use crate::support::{Running, Setup, retry_handshake};

const MARK: &str = "-- end of a command --";

fn quick_start() -> Setup {
    let text = read("config/quickstart.yaml");
    let (_, rest) = text.split_once("\nbackends:").unwrap();
    Setup::new(format!("\nbackends:{rest}"))
}

fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=5", "60", program])
        .current_dir(folder)
        .env("HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.to_lowercase().ends_with("_proxy")) {
        command.env_remove(name);
    }
    command
}

fn substitute(text: &str, server: &Running<'_>) -> String {
    let address = server.address.to_string();
    let port = server.address.port();
    text.replace("127.0.0.1:2121", &address)
        .replace("ftp.example.com:2121", &format!("localhost:{port}"))
        .replace("host=ftp.example.com,port=2121", &format!("host=localhost,port={port}"))
        .replace("\"ftp.example.com\", 2121", &format!("\"localhost\", {port}"))
}

/// The commands of a session, each with what it prints.
fn steps(text: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push((command.to_owned(), String::new())),
            (None, Some((command, _))) if command.ends_with('\\') => {
                command.push('\n');
                command.push_str(line);
            }
            (None, Some((_, output))) => {
                output.push_str(line);
                output.push('\n');
            }
            (None, None) => panic!("a session begins with a command: {line}"),
        }
    }
    steps
}

/// Whether a text is what a pattern says, in which `…` stands for anything, line breaks too.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (tidy(pattern), tidy(text));
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Blanks at the ends of lines can't be seen in a document.
fn tidy(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_end().to_owned()
}

#[test]
fn patterns_match_what_they_say() {
    assert!(matches("a\nb", "a \nb\n"));
    assert!(matches("a …\nd", "a b\nc\nd"));
    assert!(matches("…", ""));
    assert!(!matches("a", "a\nb"));
    assert!(!matches("a…b", "ab c"));
}

pub(super) fn run_session(place: &str, text: &str, folder: &Path, server: &Running<'_>) {
    let steps = steps(text);
    let mut script = String::from("s=0\n");
    for (step, _) in &steps {
        // The status of a command can be asked for by the next one.
        let step = substitute(step, server);
        script.push_str(&format!("(exit $s)\n{step}\ns=$?\necho '{MARK}'\n"));
    }
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    let run = || {
        let mut bash = command("bash", folder);
        let output = bash.arg("-c").arg(format!("exec 2>&1\n{script}")).env("PATH", &path).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let output = retry_handshake(run, |output| output.contains("curl: (35)"));
    let printed: Vec<_> = output.split(&format!("{MARK}\n")).collect();
    assert_eq!(printed.len(), steps.len() + 1, "{place}: the session broke off\n{output}");
    for ((step, expected), printed) in steps.iter().zip(printed) {
        assert!(
            matches(expected, printed),
            "{place}\n$ {step}\n--- the document says\n{expected}--- it printed\n{printed}"
        );
    }
}

/// Runs all that a document shows, in its order, against a server with or without TLS.
fn run_all(document: &str, tls: bool) -> usize {
    let (blocks, _) = parse(document);
    let setup = if tls { quick_start().tls("required") } else { quick_start() };
    let server = setup.start();
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    fs::create_dir(folder.join("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_wharf"), folder.join("bin/wharf")).unwrap();
    fs::create_dir_all(folder.join("config")).unwrap();
    fs::copy(root().join("config/quickstart.yaml"), folder.join("config/quickstart.yaml")).unwrap();
    if tls {
        fs::copy(&server.certificates().ca_file, folder.join("ca.crt")).unwrap();
    }
    let mut ran = 0;
    for block in &blocks {
        let place = format!("{document}:{}", block.line);
        if let Some(name) = block.file_name() {
            fs::write(folder.join(name), &block.text).unwrap();
        }
        if !block.words.iter().any(|word| word == "run")
            || tls != block.words.iter().any(|word| word == "tls")
        {
            continue;
        }
        ran += 1;
        match block.language.as_str() {
            "console" => run_session(&place, &block.text, folder, &server),
            "python" => {
                let script = substitute(&block.text, &server);
                let run = || {
                    let output = command("python3", folder).arg("-c").arg(&script).output().unwrap();
                    (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
                };
                let (status, said) =
                    retry_handshake(run, |(_, said)| said.contains("in auth") && said.contains("ssl."));
                assert!(status.success(), "{place}\n{said}");
            }
            other => panic!("{place}: nothing can run {other:?}"),
        }
    }
    ran
}

#[test]
fn print_what_is_shown() {
    let ran: usize = documents().iter().map(|document| run_all(document, false)).sum();
    assert!(ran >= 5, "{ran} are too few to be all");
}

#[test]
fn print_what_is_shown_over_tls() {
    let ran: usize = documents().iter().map(|document| run_all(document, true)).sum();
    assert!(ran >= 2, "{ran} are too few to be all");
}

/// A block of a kind that nobody looks at would be a document that no test reads.
#[test]
fn no_block_is_of_an_unknown_kind() {
    for document in documents() {
        for block in parse(&document).0 {
            let place = format!("{document}:{}", block.line);
            match block.language.as_str() {
                "" | "sh" | "text" | "log" | "json" => {
                    let is_file = block.language == "sh" && block.file_name().is_some();
                    assert!(block.words.is_empty() || is_file, "{place}: {:?}", block.words);
                }
                "sql" => {
                    let guide = read("tests/users_from_sql/guide.rs");
                    let heading = block.text.lines().next().unwrap_or_default().trim_start_matches("-- ");
                    assert!(guide.contains(&format!("{heading:?}")), "{place}: {heading}");
                }
                "yaml" => assert!(
                    block.words.iter().all(|word| word == "fragment" || word.starts_with("name=")),
                    "{place}: {:?}",
                    block.words
                ),
                "console" | "python" => {
                    let known = matches!(&block.words[..], [run] if matches!(run.as_str(), "run" | "task" | "receiver" | "before"))
                        || matches!(&block.words[..], [run, tls] if run == "run" && tls == "tls");
                    assert!(known, "{place}: {:?}", block.words);
                }
                other => panic!("{place}: {other}"),
            }
        }
    }
}
