//! The log of the server under test: every line is kept, and can be waited for.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use serde_json::Value;

use super::SOON;

/// The JSON lines that a server wrote to standard error, and those yet to come.
#[derive(Clone)]
pub struct Log {
    shared: Arc<(Mutex<Lines>, Condvar)>,
}

#[derive(Default)]
struct Lines {
    lines: Vec<Value>,
    /// The same as they were written.
    raw: String,
    ended: bool,
    /// Nothing more is read for now.
    paused: bool,
}

impl Log {
    /// Follows a stream until it ends. What is no JSON (a panic, say) is kept as text.
    pub fn follow(stream: impl Read + Send + 'static) -> Self {
        let log = Self { shared: Arc::default() };
        let writer = log.clone();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while writer.may_read() && stream.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let raw = String::from_utf8_lossy(&line);
                let text = raw.trim_end().to_owned();
                let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
                writer.change(|lines| {
                    lines.lines.push(value);
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
    pub fn find(&self, fits: impl Fn(&Value) -> bool) -> Option<Value> {
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

    /// Waits for a line that names all of these texts anywhere in it, and returns it as text.
    #[track_caller]
    pub fn expect(&self, texts: &[&str]) -> String {
        match self.find(|line| contains_all(line, texts)) {
            Some(line) => line.to_string(),
            None => panic!("no log line with all of {texts:?}; the log is\n{}", self.text()),
        }
    }

    /// Waits for a warning or error that names all of these texts.
    #[track_caller]
    pub fn expect_warning(&self, texts: &[&str]) -> String {
        let serious = |line: &Value| matches!(line["level"].as_str(), Some("WARN" | "ERROR"));
        match self.find(|line| serious(line) && contains_all(line, texts)) {
            Some(line) => line.to_string(),
            None => panic!("no warning or error with all of {texts:?}; the log is\n{}", self.text()),
        }
    }

    /// Everything so far, a line each.
    pub fn text(&self) -> String {
        let lines = self.shared.0.lock().unwrap();
        lines.lines.iter().map(|line| format!("  {line}\n")).collect()
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

fn contains_all(line: &Value, texts: &[&str]) -> bool {
    let line = line.to_string();
    texts.iter().all(|text| line.contains(text))
}

/// A field of a log line, whether it is flattened or stands under `fields`.
pub fn field<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line.get(name).or_else(|| line.get("fields")?.get(name))?.as_str()
}
