//! The log of the server under test: every line is kept, and can be waited for.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use serde_json::Value;

use super::SOON;

/// A line of the log. Of JSON, each of its values is looked at by itself: a word somewhere in the line proves nothing.
#[derive(Debug, Clone)]
pub struct Line {
    /// As it was parsed; a text if it is no JSON (a panic, or the log for people).
    pub value: Value,
}

impl Line {
    fn parse(text: &str) -> Self {
        Self { value: serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())) }
    }

    fn text(&self, name: &str) -> &str {
        self.value[name].as_str().unwrap_or_default()
    }

    pub fn level(&self) -> &str {
        self.text("level")
    }

    pub fn target(&self) -> &str {
        self.text("target")
    }

    pub fn message(&self) -> &str {
        match &self.value {
            Value::String(text) => text,
            value => value["fields"]["message"].as_str().unwrap_or_default(),
        }
    }

    /// Whether its message has these words in it.
    pub fn says(&self, words: &str) -> bool {
        self.message().contains(words)
    }

    /// The value of a field, in the log for people too; numbers as text.
    pub fn field(&self, name: &str) -> Option<String> {
        match &self.value {
            Value::String(text) => {
                let (_, value) = text.split_once(&format!(" {name}="))?;
                Some(value.split(' ').next()?.trim_matches('"').to_owned())
            }
            value => match value["fields"].get(name)? {
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            },
        }
    }

    pub fn is_warning(&self) -> bool {
        matches!(self.level(), "WARN" | "ERROR")
    }

    /// Whether it has these words in its message and these fields; `…` at an end of a value stands for anything.
    fn is(&self, message: &str, fields: &[(&str, &str)]) -> bool {
        let has = |(name, wanted): &(&str, &str)| {
            let value = if *name == "level" { Some(self.level().to_owned()) } else { self.field(name) };
            value.is_some_and(|value| match (wanted.strip_prefix('…'), wanted.strip_suffix('…')) {
                (None, None) => value == *wanted,
                (None, Some(start)) => value.starts_with(start),
                _ => value.contains(wanted.trim_matches('…')),
            })
        };
        self.says(message) && fields.iter().all(has)
    }
}

/// The lines that a server wrote to standard error, and those yet to come.
#[derive(Clone)]
pub struct Log {
    shared: Arc<(Mutex<Lines>, Condvar)>,
}

#[derive(Default)]
struct Lines {
    lines: Vec<Line>,
    /// The same as they were written.
    raw: String,
    ended: bool,
    /// Nothing more is read for now.
    paused: bool,
}

impl Log {
    /// Follows a stream until it ends.
    pub fn follow(stream: impl Read + Send + 'static) -> Self {
        let log = Self { shared: Arc::default() };
        let writer = log.clone();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while writer.may_read() && stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let raw = String::from_utf8_lossy(&line);
                let parsed = Line::parse(raw.trim_end());
                writer.change(|lines| {
                    lines.lines.push(parsed);
                    lines.raw.push_str(&raw);
                });
                line.clear();
            }
            writer.change(|lines| lines.ended = true);
        });
        log
    }

    /// Waits while reading is paused.
    fn may_read(&self) -> bool {
        let lines = self.shared.0.lock().unwrap();
        drop(self.shared.1.wait_while(lines, |lines| lines.paused).unwrap());
        true
    }

    /// Reads nothing more, as a program that hangs.
    pub fn pause(&self) {
        self.change(|lines| lines.paused = true);
    }

    /// Reads on.
    pub fn resume(&self) {
        self.change(|lines| lines.paused = false);
    }

    fn change(&self, change: impl FnOnce(&mut Lines)) {
        change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
    }

    /// The first line that fits, now or soon; `None` if the server ended or time ran out.
    pub fn find(&self, fits: impl Fn(&Line) -> bool) -> Option<Line> {
        let deadline = Instant::now() + SOON;
        let mut lines = self.shared.0.lock().unwrap();
        let mut seen = 0;
        loop {
            if let Some(line) = lines.lines[seen..].iter().find(|line| fits(line)) {
                return Some(line.clone());
            }
            seen = lines.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.ended || left.is_zero() {
                return None;
            }
            lines = self.shared.1.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Waits for a line with these words in its message and these fields. A value of a field may have `…` at an end, which
    /// stands for anything.
    #[track_caller]
    pub fn expect(&self, message: &str, fields: &[(&str, &str)]) -> Line {
        match self.find(|line| line.is(message, fields)) {
            Some(line) => line,
            None => panic!("no log line {message:?} with {fields:?}; the log is\n{}", self.text()),
        }
    }

    /// The same, and it has to be a warning or an error.
    #[track_caller]
    pub fn expect_warning(&self, message: &str, fields: &[(&str, &str)]) -> Line {
        match self.find(|line| line.is_warning() && line.is(message, fields)) {
            Some(line) => line,
            None => panic!("no warning {message:?} with {fields:?}; the log is\n{}", self.text()),
        }
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<Line> {
        self.shared.0.lock().unwrap().lines.clone()
    }

    /// How many lines so far have these words in their messages.
    pub fn count(&self, message: &str) -> usize {
        self.shared.0.lock().unwrap().lines.iter().filter(|line| line.says(message)).count()
    }

    /// Everything so far, a line each.
    pub fn text(&self) -> String {
        let lines = self.shared.0.lock().unwrap();
        lines.lines.iter().map(|line| format!("  {}\n", line.value)).collect()
    }

    /// All that the server wrote, once it has ended.
    #[track_caller]
    pub fn raw_at_the_end(&self) -> String {
        let (lines, changed) = &*self.shared;
        let lines = lines.lock().unwrap();
        let (lines, waited) = changed.wait_timeout_while(lines, SOON, |lines| !lines.ended).unwrap();
        assert!(!waited.timed_out(), "the log does not end");
        lines.raw.clone()
    }
}
