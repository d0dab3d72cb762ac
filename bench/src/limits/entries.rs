//! Checks a listing line by line while it arrives.

use super::Verb;
use crate::place::small_number;

/// The files of a listing, which should be one of each number below a limit, all of one size.
pub struct Entries {
    verb: Verb,
    size: u64,
    seen: Vec<bool>,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    right: usize,
    /// Lines about files that should not be there, or were listed already.
    wrong: usize,
    /// The first of these.
    example: Option<String>,
}

impl Entries {
    pub fn new(verb: Verb, count: usize, size: u64) -> Self {
        let seen = vec![false; count];
        Self { verb, size, seen, rest: Vec::new(), right: 0, wrong: 0, example: None }
    }

    pub fn take(&mut self, mut part: &[u8]) {
        while let Some(end) = part.iter().position(|byte| *byte == b'\n') {
            let (line, after) = part.split_at(end);
            part = &after[1..];
            if self.rest.is_empty() {
                self.line(line);
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                self.line(&whole);
                // Its room is used again.
                whole.clear();
                self.rest = whole;
            }
        }
        self.rest.extend_from_slice(part);
    }

    fn line(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end();
        let entry = match self.verb {
            Verb::Mlsd => from_facts(text),
            Verb::List => from_long(text),
        };
        let number = entry.filter(|(size, _)| *size == self.size).and_then(|(_, name)| small_number(name));
        match number.and_then(|number| self.seen.get_mut(number)) {
            Some(seen) if !*seen => {
                *seen = true;
                self.right += 1;
            }
            _ => {
                self.wrong += 1;
                self.example.get_or_insert_with(|| text.to_owned());
            }
        }
    }

    /// How many came that should.
    pub fn right(&self) -> usize {
        self.right
    }

    /// The lines that should not have come.
    pub fn wrong(&self) -> Option<String> {
        let verb = self.verb.name();
        match &self.example {
            None if self.rest.is_empty() => None,
            None => Some(format!("{verb} ended within a line")),
            Some(example) => Some(format!(
                "{} lines of {verb} are wrong or came before, the first of them \"{example}\"",
                self.wrong
            )),
        }
    }
}

/// The size and the name of a file in a line of MLSD (RFC 3659, 7.2).
fn from_facts(line: &str) -> Option<(u64, &str)> {
    let (facts, name) = line.split_once(' ')?;
    let fact = |wanted: &str| {
        let mut facts = facts.split(';').filter_map(|fact| fact.split_once('='));
        facts.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    };
    fact("type").filter(|kind| kind.eq_ignore_ascii_case("file"))?;
    Some((fact("size")?.parse().ok()?, name))
}

/// The same of LIST, as `ls -l` has it, for names without spaces.
fn from_long(line: &str) -> Option<(u64, &str)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    match fields[..] {
        [mode, _, _, _, size, _, _, _, name] if mode.starts_with('-') => Some((size.parse().ok()?, name)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "entries_tests.rs"]
mod tests;
