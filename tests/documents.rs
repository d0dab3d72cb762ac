//! What the documents show is true: configurations are checked, sessions are run, keys are those of the schema, links
//! lead somewhere.
//!
//! The words behind the language of a fenced block say what becomes of it:
//!
//! | block | |
//! |---|---|
//! | `yaml` | a whole configuration: `wharf check` finds it good |
//! | `yaml fragment` | some sections of one: good together with some backends in memory |
//! | `yaml name=FILE` | written to FILE, for the session that follows |
//! | `console run` | a session: commands behind `$ `, then what they print (`…` stands for anything) |
//! | `console task` | the same, on the server of `docs/everyday-tasks.md` |
//! | `console before` | what makes that page's server ready to start |
//! | `console receiver` | what receives events there; `sh name=FILE` is a script of that page |
//! | `console run tls` | the same; the server wants TLS and `ca.crt` is its authority |
//! | `python run`, `python run tls` | a script that ends with status 0 |
//! | `sql` | tables of a database: a test of `users_from_sql::guide` fills them |
//! | `log` | lines of the log: the code logs such messages, with these targets |
//!
//! Sessions run in one folder for each document, with the quick start on a free port behind 127.0.0.1:2121 (and
//! `ftp.example.com:2121`).

mod configurations;
mod everyday;
mod rules;
mod sessions;
mod site;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

struct Block {
    line: usize,
    language: String,
    words: Vec<String>,
    text: String,
}

impl Block {
    fn is(&self, language: &str, word: &str) -> bool {
        self.language == language && self.words.iter().any(|found| found == word)
    }

    fn file_name(&self) -> Option<&str> {
        self.words.iter().find_map(|word| word.strip_prefix("name="))
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every document, by its path from the root of the repository.
fn documents() -> Vec<String> {
    let mut found = vec![];
    for folder in ["", "docs", "docs/decisions", "deploy", "bench", "config"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        found.extend(
            names
                .filter(|name| name.ends_with(".md"))
                .map(|name| format!("{folder}/{name}").trim_start_matches('/').to_owned()),
        );
    }
    found.sort();
    assert!(found.len() > 8, "{found:?}");
    found
}

/// The fenced blocks of a document, and the text around them.
fn parse(document: &str) -> (Vec<Block>, String) {
    let (mut blocks, mut prose) = (Vec::new(), String::new());
    let mut open: Option<Block> = None;
    for (number, line) in read(document).lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(""), Some(block)) => blocks.push(block),
            (Some(information), None) => {
                let mut words = information.split_whitespace().map(str::to_owned);
                let language = words.next().unwrap_or_default();
                let block = Block { line: number + 1, language, words: words.collect(), text: String::new() };
                open = Some(block);
            }
            (None, Some(mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some(block);
            }
            (Some(_), Some(block)) => panic!("{document}:{}: the block is not closed", block.line),
            (None, None) => {
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    assert!(open.is_none(), "{document}: the last block is not closed");
    (blocks, prose)
}

mod keys {
    use super::*;

    /// How the tables of the configuration's page begin the keys of a definition of the schema.
    fn prefix(definition: &str) -> &'static str {
        match definition {
            "Server" => "server.",
            "Passive" => "server.passive.",
            "AddressFor" => "server.passive.address_for[].",
            "Limits" => "server.limits.",
            "ProxyProtocol" => "server.proxy_protocol.",
            "Tls" => "tls.",
            "HostCertificate" => "tls.certificates[].",
            "User" => "users[].",
            "Certificate" => "users[].certificate.",
            "UsersFrom" => "users_from[].",
            "Jwt" => "users_from[].jwt.",
            "JwtKeys" => "users_from[].jwt.keys.",
            "JwtEntry" => "users_from[].jwt.map[].",
            "Ldap" => "users_from[].ldap.",
            "LdapGroups" => "users_from[].ldap.groups.",
            "LdapEntry" => "users_from[].ldap.map[].",
            "Sql" => "users_from[].sql.",
            "UserLimits" => "users[].limits.",
            "Mount" => "mounts[].",
            "Quota" => "users[].quota.",
            "Lockout" => "lockout.",
            "Scan" => "scan.",
            "ScanOver" => "scan.over.",
            "ScanQuarantine" => "scan.quarantine.",
            "Anonymous" => "anonymous.",
            "Audit" => "audit[].",
            "AuditPlace" => "audit[].to.",
            "Events" => "events.",
            "EventTarget" => "events.to[].",
            "EventBucket" => "events.spool.",
            "Rotate" => "audit[].rotate.",
            "Http" => "http.",
            "Admin" => "http.admin.",
            "AdminTls" => "http.admin.tls.",
            "Log" => "log.",
            "Cluster" => "cluster.",
            "Traces" => "traces.",
            "Header" => "traces.headers[].",
            "SecretSource" => "secret.",
            other => panic!("the guide has no name for the definition {other} of the schema"),
        }
    }

    fn properties(definition: &Value) -> impl Iterator<Item = &str> {
        definition["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
    }

    fn in_the_schema() -> BTreeSet<String> {
        let schema: Value = serde_json::from_str(&read("config/wharf.schema.json")).unwrap();
        let mut keys: BTreeSet<String> = properties(&schema).map(str::to_owned).collect();
        for (name, definition) in schema["definitions"].as_object().unwrap() {
            if definition["properties"].is_object() {
                keys.extend(properties(definition).map(|key| format!("{}{key}", prefix(name))));
            }
        }
        for kind in schema["definitions"]["Backend"]["oneOf"].as_array().unwrap() {
            let name = kind["properties"]["kind"]["const"].as_str().unwrap();
            keys.extend(properties(kind).map(|key| format!("{name}.{key}")));
        }
        keys
    }

    /// The keys in the first column of the tables whose heading there is `key`.
    fn in_the_guide() -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        let mut in_table = false;
        for line in parse("docs/configuration.md").1.lines() {
            in_table = line.starts_with("| key |") || (in_table && line.starts_with('|'));
            if in_table && let Some((cell, _)) = line.trim_start_matches('|').split_once(" | ") {
                for key in cell.split('`').skip(1).step_by(2) {
                    assert!(keys.insert(key.to_owned()), "{key} is explained twice");
                }
            }
        }
        keys
    }

    #[test]
    fn are_all_explained_and_no_others() {
        let (schema, guide) = (in_the_schema(), in_the_guide());
        let missing: Vec<_> = schema.difference(&guide).collect();
        let unknown: Vec<_> = guide.difference(&schema).collect();
        assert!(
            missing.is_empty() && unknown.is_empty(),
            "not in docs/configuration.md: {missing:?}\nnot in the schema: {unknown:?}"
        );
    }
}

mod links {
    use super::*;

    /// A test that a document names beside what it says is there.
    #[test]
    fn to_tests_name_some() {
        let (_, prose) = parse("docs/trust.md");
        let mut sources = String::new();
        for folder in [
            "tests",
            "tests/events",
            "tests/native",
            "tests/native/certificates",
            "tests/native/live_page",
            "tests/reload",
        ] {
            for entry in fs::read_dir(root().join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "rs") {
                    sources.push_str(&fs::read_to_string(path).unwrap());
                }
            }
        }
        let named = prose.split("(test").skip(1).filter_map(|rest| rest.split(')').next());
        let names: Vec<&str> = named.flat_map(|names| names.split('`').skip(1).step_by(2)).collect();
        assert!(names.len() > 5, "{names:?}");
        for name in names {
            assert!(
                sources.contains(&format!("    fn {name}(")) || sources.contains(&format!("\nfn {name}(")),
                "{name}"
            );
        }
    }

    /// The name that a heading is linked by.
    fn anchor(heading: &str) -> String {
        let plain = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = plain.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    }

    #[test]
    fn lead_somewhere() {
        let mut broken = Vec::new();
        for document in documents() {
            let (_, prose) = parse(&document);
            for target in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                if target.contains("://") {
                    continue;
                }
                let (file, heading) = target.split_once('#').unwrap_or((target, ""));
                let folder = Path::new(&document).parent().unwrap();
                let path = if file.is_empty() { PathBuf::from(&document) } else { folder.join(file) };
                let there = root().join(&path).exists();
                let found = heading.is_empty()
                    || there
                        && parse(path.to_str().unwrap())
                            .1
                            .lines()
                            .any(|line| line.starts_with('#') && anchor(line) == heading);
                if !there || !found {
                    broken.push(format!("{document}: {target}"));
                }
            }
        }
        assert!(broken.is_empty(), "{broken:#?}");
    }

    #[test]
    fn of_the_guide_reach_every_page() {
        // Decisions have an index of their own.
        let indexes = [("docs/README.md", "docs/"), ("docs/decisions/README.md", "docs/decisions/")];
        for (index, folder) in indexes {
            let (_, text) = parse(index);
            let documents = documents();
            let inside = documents.iter().filter_map(|name| name.strip_prefix(folder));
            for page in inside.filter(|page| !page.contains('/') || *page == "decisions/README.md") {
                if page != "README.md" {
                    assert!(text.contains(page), "{index} does not mention {page}");
                }
            }
        }
    }
}

mod commands {
    use super::*;

    #[test]
    fn for_make_have_a_target() {
        let makefile = read("Makefile");
        let mut seen = 0;
        for document in documents() {
            for block in parse(&document).0.iter().filter(|block| block.language == "sh") {
                for line in block.text.lines().filter_map(|line| line.strip_prefix("make ")) {
                    let target = line.split(' ').next().unwrap();
                    assert!(makefile.contains(&format!("\n{target}:")), "{document}: make {target}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 1, "{seen}");
    }
}

mod log_lines {
    use super::*;

    /// A source, and the target of the lines that it logs unless they name another one: its module.
    struct Source {
        module: String,
        text: String,
    }

    fn sources(crate_name: &str, folder: &Path, top: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(crate_name, &path, top, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let inside = path.strip_prefix(top).unwrap().with_extension("");
                let names = inside.iter().map(|name| name.to_str().unwrap());
                let names = names.filter(|name| !["mod", "lib", "main"].contains(name));
                let module = [crate_name].into_iter().chain(names).collect::<Vec<_>>().join("::");
                found.push(Source { module, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }

    impl Source {
        /// Where a text begins with these words: the target of the line, if it is the message of one.
        fn targets(&self, words: &str) -> Vec<Option<String>> {
            let target = |at: usize| {
                let statement = &self.text[self.text[..at].rfind("tracing::")?..at];
                let named =
                    statement.split_once("target: \"").map(|(_, rest)| rest.split('"').next().unwrap());
                (!statement.contains(';')).then(|| named.unwrap_or(&self.module).to_owned())
            };
            self.text.match_indices(&format!("\"{words}")).map(|(at, _)| target(at)).collect()
        }

        /// Whether it logs words that stand elsewhere: errors, say.
        fn logs_words_of_others(&self) -> bool {
            self.text.lines().any(|line| line.contains("tracing::") && line.contains("\"{"))
        }
    }

    #[test]
    fn are_written_by_the_code() {
        let mut code = Vec::new();
        for (name, folder) in [("wharf", "src"), ("wharf_backends", "backends/src")] {
            sources(name, &root().join(folder), &root().join(folder), &mut code);
        }
        let mut seen = 0;
        for document in documents() {
            for block in parse(&document).0.iter().filter(|block| block.language == "log") {
                for line in block.text.lines() {
                    let (head, rest) = line.split_once(": ").unwrap_or_else(|| panic!("{document}: {line}"));
                    let target = head.split(' ').next_back().unwrap();
                    // Its first words: behind them there may be a field, or a value in the middle of a sentence.
                    let words = rest.split(' ').take_while(|word| !word.contains('=')).take(3);
                    let message = words.collect::<Vec<_>>().join(" ");
                    let targets: Vec<Option<String>> =
                        code.iter().flat_map(|source| source.targets(&message)).collect();
                    assert!(!targets.is_empty(), "{document}: nothing logs {message:?}");
                    let of_others =
                        code.iter().any(|source| source.module == target && source.logs_words_of_others());
                    assert!(
                        of_others || targets.iter().flatten().any(|found| found == target),
                        "{document}: {message:?} is not logged by {target}, but by one of {targets:?}"
                    );
                    seen += 1;
                }
            }
        }
        assert!(seen > 3, "{seen}");
    }
}
