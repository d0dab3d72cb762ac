//! The files that are made of the definitions.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::super::schema;
use super::{Definitions, ENGINES, KINDS, Key, definitions};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a file with what it should hold, or writes that.
fn is_fresh(name: &str, expected: &str) {
    if std::env::var_os("WHARF_TEST_WRITE_TABLE").is_some() {
        fs::write(path(name), expected).unwrap();
        return;
    }
    let found = fs::read_to_string(path(name)).unwrap();
    assert!(
        found == expected,
        "{name} is not what the definitions of the keys say; see src/config/tests/keys/mod.rs"
    );
}

#[test]
fn the_schema_is_fresh() {
    // Its order is that of the command.
    is_fresh("config/wharf.schema.json", &schema(&KINDS, &ENGINES));
}

#[test]
fn the_tables_of_the_guide_are_fresh() {
    let definitions = definitions();
    let mut tables = vec![
        ("the file".to_owned(), definitions.table("", "", &[])),
        ("secrets".to_owned(), definitions.table("SecretSource", "secret.", &[])),
        ("server".to_owned(), definitions.table("Server", "server.", &[])),
        ("tls".to_owned(), definitions.table("Tls", "tls.", &[])),
        ("users".to_owned(), definitions.table("User", "users[].", &[])),
        ("users_from".to_owned(), definitions.table("UsersFrom", "users_from[].", &[])),
        ("lockout".to_owned(), definitions.table("Lockout", "lockout.", &[])),
        ("scan".to_owned(), definitions.table("Scan", "scan.", &[])),
        ("audit".to_owned(), definitions.table("Audit", "audit[].", &[])),
        ("events".to_owned(), definitions.table("Events", "events.", &[])),
        ("mounts".to_owned(), definitions.table("Mount", "mounts[].", &[])),
        ("anonymous".to_owned(), definitions.table("Anonymous", "anonymous.", &[])),
        ("http".to_owned(), definitions.table("Http", "http.", &[])),
        ("log".to_owned(), definitions.table("Log", "log.", &[])),
        ("cluster".to_owned(), definitions.table("Cluster", "cluster.", &[])),
        ("traces".to_owned(), definitions.table("Traces", "traces.", &[])),
    ];
    for kind in &KINDS {
        let word = kind.word();
        let first = format!("| `{word}.kind` | *required* | | `kind: {word}` |");
        tables.push((word.to_owned(), definitions.table(word, &format!("{word}."), &[first])));
    }
    let guide = fs::read_to_string(path("docs/configuration.md")).unwrap();
    let mut rest = guide.as_str();
    let mut fresh = String::new();
    let mut seen = Vec::new();
    while let Some((before, behind)) = rest.split_once("<!-- The keys of ") {
        let (name, table) = behind.split_once(", made by WHARF_TEST_WRITE_TABLE=1 -->\n").unwrap();
        let (_, expected) =
            tables.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name}"));
        write!(fresh, "{before}<!-- The keys of {name}, made by WHARF_TEST_WRITE_TABLE=1 -->\n{expected}")
            .unwrap();
        seen.push(name.to_owned());
        rest = &table[table.find("\n\n").map_or(table.len(), |end| end + 1)..];
    }
    fresh.push_str(rest);
    seen.sort();
    tables.sort();
    assert_eq!(
        seen,
        tables.into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "tables of docs/configuration.md"
    );
    is_fresh("docs/configuration.md", &fresh);
}

impl Definitions {
    /// The table of a definition, whose keys the guide begins with `prefix`; its first rows are given.
    fn table(&self, name: &str, prefix: &str, first: &[String]) -> String {
        let mut rows = first.to_vec();
        self.rows(name, prefix, &mut rows);
        let head = match name {
            "" => "| key | type | meaning |\n|---|---|---|\n",
            _ => "| key | type, default | meaning | example |\n|---|---|---|---|\n",
        };
        head.to_owned() + &rows.join("\n") + "\n"
    }

    fn rows(&self, name: &str, prefix: &str, rows: &mut Vec<String>) {
        for key in self.keys_of(name) {
            let place = format!("{prefix}{}", key.name);
            let mut row = format!("| `{place}` | {} | {} |", key.type_and_default(), key.meaning());
            match &key.help.example {
                Some(example) => {
                    let example = example.trim_matches('`');
                    let key = &key.name;
                    let whole = example.starts_with("password:") || example.starts_with(&format!("{key}:"));
                    assert!(whole, "the example of {place} begins with `{key}:`");
                    write!(row, " `{example}` |").unwrap();
                }
                None if !name.is_empty() => row.push_str(" |"),
                None => {}
            }
            rows.push(row);
            // Users, mounts and backends have tables of their own; a quota is explained once.
            let is_elsewhere = match key.below.as_deref() {
                Some("Mount") => true,
                Some("Quota") => name != "User",
                _ => name.is_empty(),
            };
            if let (Some(below), false) = (&key.below, is_elsewhere) {
                let list = if key.is_list { "[]" } else { "" };
                self.rows(below, &format!("{place}{list}."), rows);
            }
        }
    }
}

impl Key {
    fn type_and_default(&self) -> String {
        match (&self.help.default, self.required) {
            (_, true) => format!("{}, *required*", self.kind),
            (Some(default), false) => format!("{}, {default}", self.kind),
            (None, false) => self.kind.clone(),
        }
    }

    /// As a cell of a table: without a full stop at its end.
    fn meaning(&self) -> &str {
        assert!(!self.help.meaning.contains('|'), "{}", self.name);
        self.help.meaning.strip_suffix('.').unwrap_or(&self.help.meaning)
    }
}

#[test]
fn the_lists_of_the_chart_are_fresh() {
    let definitions = definitions();
    let mut sections = Sections::default();
    for section in
        definitions.keys_of("").iter().filter(|key| !["backends", "users"].contains(&key.name.as_str()))
    {
        let list = if section.is_list { "[]" } else { "" };
        let place = format!("{}{list}", section.name);
        definitions.sections(section.below.as_deref().unwrap(), &place, &mut sections);
    }
    // The image's build has no backends of libunftp.
    let mut kinds: Vec<_> =
        KINDS.iter().map(|kind| kind.word()).filter(|word| !word.starts_with("unftp-")).collect();
    // Those that need no credentials are for beginners, and come first.
    kinds.sort_by_key(|kind| definitions.keys_of(kind).iter().any(|key| key.is_secret));
    let (mut keys, mut required, mut secrets) = (String::new(), String::new(), Vec::new());
    for kind in &kinds {
        let (own, plain): (Vec<_>, Vec<_>) =
            definitions.keys_of(kind).into_iter().partition(|key| key.is_secret);
        let needed = plain.iter().filter(|key| key.required).map(|key| key.name.as_str());
        writeln!(required, "{kind}: [{}]", needed.collect::<Vec<_>>().join(", ")).unwrap();
        let names: Vec<_> = plain.iter().chain(&own).map(|key| key.name.as_str()).collect();
        writeln!(keys, "{kind}: {}", names.join(" ")).unwrap();
        secrets.extend(own.into_iter().map(|key| key.name));
    }
    let (kinds, secrets) = (kinds.join(" "), secrets.join(" "));
    let Sections { text: sections, secrets: kept, free } = sections;
    let (kept, free) = (kept.join(" "), free.join(" "));
    let expected = format!(
        r#"{{{{/* The keys of the configuration. They are defined in src/config/raw and src/storages, and written here by WHARF_TEST_WRITE_TABLE=1. */}}}}

{{{{/* The keys of each section of the configuration, and of each element ([]) of a list, as YAML. */}}}}
{{{{- define "wharf.configKeys" -}}}}
{sections}{{{{- end -}}}}

{{{{/* Those of them that are secrets. */}}}}
{{{{- define "wharf.configSecrets" -}}}}
{kept}
{{{{- end -}}}}

{{{{/* Sections whose keys are not listed above. */}}}}
{{{{- define "wharf.configFree" -}}}}
{free}
{{{{- end -}}}}

{{{{/* The kinds of backends that the image has. */}}}}
{{{{- define "wharf.backendKinds" -}}}}
{kinds}
{{{{- end -}}}}

{{{{/* The keys of each kind of backend, as YAML; those of wharf.secretKeys are secrets. */}}}}
{{{{- define "wharf.backendKeys" -}}}}
{keys}{{{{- end -}}}}

{{{{/* Those without which there is no backend, as YAML. */}}}}
{{{{- define "wharf.requiredKeys" -}}}}
{required}{{{{- end -}}}}

{{{{/* What a backend keeps secret. */}}}}
{{{{- define "wharf.secretKeys" -}}}}
{secrets}
{{{{- end -}}}}
"#
    );
    is_fresh("deploy/helm/wharf/templates/_keys.tpl", &expected);
}

/// The sections of the configuration, as the chart has them.
#[derive(Default)]
struct Sections {
    /// The keys of each.
    text: String,
    /// Those of them that are secrets.
    secrets: Vec<String>,
    /// Those whose keys are not listed.
    free: Vec<String>,
}

impl Definitions {
    fn sections(&self, name: &str, place: &str, sections: &mut Sections) {
        let keys = self.keys_of(name);
        let whole = |key: &Key| format!("{place}.{}", key.name);
        sections.secrets.extend(keys.iter().filter(|key| key.is_secret).map(whole));
        sections.secrets.extend(keys.iter().filter(|key| key.lists_secrets).map(|key| whole(key) + "[]"));
        sections.free.extend(keys.iter().filter(|key| key.is_free).map(whole));
        let mut names: Vec<_> = keys.iter().map(|key| key.name.as_str()).collect();
        names.sort_unstable();
        writeln!(sections.text, "{place}: {}", names.join(" ")).unwrap();
        let mut below: Vec<_> =
            keys.iter().filter_map(|key| Some((&key.name, key.below.as_deref()?, key.is_list))).collect();
        below.sort_unstable();
        for (key, definition, is_list) in below {
            let list = if is_list { "[]" } else { "" };
            self.sections(definition, &format!("{place}.{key}{list}"), sections);
        }
    }
}

#[test]
fn what_is_written_has_every_key_of_the_schema() {
    let definitions = definitions();
    let listed = |name: &str| {
        let keys = definitions.keys_of(name);
        for key in &keys {
            assert!(!key.help.meaning.is_empty(), "{name}.{} has no help", key.name);
            assert!(!key.kind.is_empty(), "say `x-type` of the type of {name}.{}", key.name);
        }
        assert!(!keys.is_empty(), "src/config/keys/mod.rs lacks {name}");
        keys.len()
    };
    let defined = |schema: &Value| schema["properties"].as_object().map_or(0, serde_json::Map::len);
    for (name, schema) in definitions.schema["definitions"].as_object().unwrap() {
        if schema["properties"].is_object() {
            assert_eq!(listed(name), defined(schema), "{name}");
        }
    }
    for kind in &KINDS {
        assert_eq!(listed(kind.word()) + 1, defined(definitions.schema_of(kind.word())), "{}", kind.word());
    }
}

/// The schema of the chart's values is written by hand; a key that it lacks is one that nobody can set through the chart.
#[test]
fn the_chart_lets_users_and_mounts_have_every_key() {
    let text = fs::read_to_string(path("deploy/helm/wharf/values.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let user = &schema["properties"]["users"]["items"]["properties"];
    let definitions = definitions();
    // The chart says by `existingSecret` whether a password is plain.
    for (definition, known) in [
        ("User", user),
        ("Mount", &user["mounts"]["items"]["properties"]),
        ("UserLimits", &user["limits"]["properties"]),
        ("Certificate", &user["certificate"]["properties"]),
    ] {
        for key in definitions.keys_of(definition).iter().filter(|key| key.name != "plain") {
            assert!(known.get(&key.name).is_some(), "{definition}: {}", key.name);
        }
    }
}
