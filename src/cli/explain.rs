//! `wharf explain`.

use std::fmt::Write;

use clap::Args;

use super::{Outcome, complain, print};
use crate::config::{self, Change, Explanation};

/// How wide the text is, in columns.
const WIDTH: usize = 100;

/// Explain a key of the configuration file: what it does, its type, its default, and when a change counts.
///
/// Without a key, it lists the sections.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf explain
  wharf explain users.limits
  wharf explain s3.endpoint
  wharf explain --all | less")]
pub(super) struct Explain {
    /// The key with those above it, as in `server.passive.ports` or `users[].name`; a key of a backend with its kind, as in `s3.bucket`.
    #[arg(value_name = "KEY", conflicts_with = "all")]
    key: Option<String>,
    /// Explain every key.
    #[arg(long)]
    all: bool,
}

impl Explain {
    pub(super) fn run(self) -> Outcome {
        let explain =
            |key: Option<&str>| config::explain(key, &crate::storages::KINDS, &crate::engine::ENGINES);
        if self.all {
            print(
                config::explain_all(&crate::storages::KINDS, &crate::engine::ENGINES)
                    .iter()
                    .map(text)
                    .collect::<Vec<_>>()
                    .join("\n"),
            );
            return Outcome::Fine;
        }
        match explain(self.key.as_deref()) {
            Ok(explanation) => {
                print(text(&explanation).trim_end());
                Outcome::Fine
            }
            Err(error) => {
                complain(format_args!("wharf: {error}"));
                Outcome::Unusable
            }
        }
    }
}

/// The page of a key.
fn text(it: &Explanation) -> String {
    let mut text = String::new();
    if !it.place.is_empty() {
        line(&mut text, &it.place);
    }
    wrapped(&mut text, "  ", &it.meaning);
    let mut facts: Vec<(&str, String)> = Vec::new();
    if let Some(kind) = &it.kind {
        facts.push(("type", plain(kind)));
        let default = if it.required {
            Some("none; it is required".to_owned())
        } else {
            it.default.as_deref().map(plain)
        };
        facts.extend(default.map(|default| ("default", default)));
    }
    match it.bounds {
        (Some(least), Some(most)) => facts.push(("range", format!("{least} to {most}"))),
        (Some(least), None) if least > 0 => facts.push(("range", format!("{least} or more"))),
        (None, Some(most)) => facts.push(("range", format!("0 to {most}"))),
        _ => {}
    }
    for (number, (word, meaning)) in it.values.iter().enumerate() {
        let meaning = meaning.as_ref().map(|meaning| format!("   {meaning}")).unwrap_or_default();
        facts.push((if number == 0 { "values" } else { "" }, format!("{word}{meaning}")));
    }
    facts.extend(it.example.clone().map(|example| ("example", example)));
    facts.extend(it.change.as_ref().map(|change| ("a change", sentence(change))));
    if !facts.is_empty() {
        line(&mut text, "");
    }
    for (name, fact) in facts {
        wrapped(&mut text, &format!("  {name:<10}"), &fact);
    }
    if !it.keys.is_empty() {
        line(&mut text, "");
        let width = it.keys.iter().map(|key| key.name.chars().count()).max().unwrap_or(0);
        for key in &it.keys {
            let kind = plain(&key.kind);
            let first = first_sentence(&key.meaning);
            let what = if it.place.is_empty() { first.to_owned() } else { format!("{kind}. {first}") };
            wrapped(&mut text, &format!("  {:<width$}  ", key.name), &what);
        }
        line(&mut text, "");
        let (one, prefix) = (it.keys.first().map_or("", |key| key.name.as_str()), it.place.as_str());
        let dot = if prefix.is_empty() || prefix == "backends" { "" } else { "." };
        let prefix = if prefix == "backends" { "" } else { prefix };
        line(&mut text, &format!("`wharf explain {prefix}{dot}{one}` says more of one."));
    }
    text
}

fn sentence(change: &Change) -> String {
    match change {
        Change::Reload => "counts when the configuration is read again (`wharf reload`)".to_owned(),
        Change::Restart => "needs a restart".to_owned(),
        Change::RestartFor(what) => {
            format!(
                "counts when the configuration is read again (`wharf reload`), but {what} needs a restart"
            )
        }
        Change::ReloadFor(keys) => {
            let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
            format!(
                "needs a restart, but for {}, which count when the configuration is read again (`wharf reload`)",
                keys.join(" and ")
            )
        }
    }
}

/// Without the marks of code, which a terminal has no need of where a word stands alone.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// The first sentence of a text; a full stop inside of code ends none.
fn first_sentence(text: &str) -> &str {
    let mut in_code = false;
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        in_code ^= c == '`';
        if c == '.' && !in_code && (rest.len() == 1 || rest.starts_with(". ")) {
            return &text[..=at];
        }
    }
    text
}

fn line(text: &mut String, content: &str) {
    let _ = writeln!(text, "{}", content.trim_end());
}

/// Words in lines, the first of which begins with `head`; the others begin with as many blanks.
fn wrapped(text: &mut String, head: &str, words: &str) {
    let indent = " ".repeat(head.chars().count());
    let mut current = head.to_owned();
    let mut is_empty = true;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        if !is_empty && current.chars().count() + word.chars().count() + 1 > WIDTH {
            line(text, &current);
            current = indent.clone();
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
        }
        current.push_str(word);
        is_empty = false;
    }
    line(text, &current);
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
