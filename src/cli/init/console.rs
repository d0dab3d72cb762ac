//! Questions and answers: a person at a terminal, or lines that something else writes.

use std::io::{self, BufRead, BufReader, Read, Stdin, Write};
use std::sync::MutexGuard;

use crate::cli::terminal::{self, Interrupts};
use crate::cli::{complain, print};
use crate::config::Secret;

/// How often a question is asked. Whoever answers wrong more often is no person, or needs the guide.
const ATTEMPTS: usize = 5;
/// The longest answer, in bytes.
const LONGEST: u64 = 4096;

/// Where answers come from.
pub(super) struct Console {
    input: BufReader<Stdin>,
    interrupts: Option<Interrupts>,
}

impl Console {
    pub(super) fn new(asks_nothing: bool) -> io::Result<Self> {
        let last_words = || complain("\nwharf: interrupted; nothing was written");
        let interrupts = if asks_nothing { None } else { Some(Interrupts::watch(last_words)?) };
        Ok(Self { input: BufReader::new(io::stdin()), interrupts })
    }

    /// Has an interrupt wait until the file is written.
    pub(super) fn hold_off(&self) -> Option<MutexGuard<'_, ()>> {
        self.interrupts.as_ref().map(Interrupts::hold_off)
    }

    /// Asks until an answer is taken.
    ///
    /// # Errors
    /// A sentence: there are no more answers, or too many wrong ones.
    pub(super) fn ask(
        &mut self,
        question: &str,
        default: &str,
        mut take: impl FnMut(&str) -> Result<(), String>,
    ) -> Result<(), String> {
        print(question);
        for _ in 0..ATTEMPTS {
            let answer = self.line(&format!("    [{default}]: "))?;
            let answer = match answer.trim() {
                "" => default,
                answer => answer,
            };
            match take(answer) {
                Ok(()) => return Ok(()),
                Err(reason) => print(format_args!("    {reason}")),
            }
        }
        Err(format!("{ATTEMPTS} answers were wrong"))
    }

    /// A password that was given twice; `None` if nothing was.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn password(&mut self) -> Result<Option<Secret>, String> {
        print("Which password? It is not shown.");
        for _ in 0..ATTEMPTS {
            let password = self.hidden("    [one is made]: ")?;
            if password.expose().is_empty() {
                return Ok(None);
            }
            if self.hidden("    Again: ")? == password {
                return Ok(Some(password));
            }
            print("    the two are not the same");
        }
        Err(format!("{ATTEMPTS} answers were wrong"))
    }

    fn hidden(&mut self, prompt: &str) -> Result<Secret, String> {
        match &self.interrupts {
            Some(interrupts) if terminal::is_there() => {
                terminal::ask_hidden(interrupts, prompt).map_err(ended)
            }
            _ => self.line(prompt).map(Secret::new),
        }
    }

    fn line(&mut self, prompt: &str) -> Result<String, String> {
        let mut out = io::stdout();
        // Who can't be asked has nothing to answer.
        write!(out, "{prompt}").and_then(|()| out.flush()).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        let read = self.input.by_ref().take(LONGEST).read_until(b'\n', &mut bytes);
        read.map_err(|error| format!("can't read an answer: {error}"))?;
        if !terminal::is_there() {
            print("");
        }
        if bytes.last() != Some(&b'\n') {
            let is_long = u64::try_from(bytes.len()).is_ok_and(|length| length >= LONGEST);
            return Err(if is_long {
                format!("an answer has more than {LONGEST} bytes")
            } else {
                ended(String::new())
            });
        }
        let mut text = String::from_utf8(bytes).map_err(|_| "an answer is not valid UTF-8".to_owned())?;
        text.truncate(text.trim_end_matches(['\n', '\r']).len());
        Ok(text)
    }
}

fn ended(reason: String) -> String {
    match reason.as_str() {
        "" | "the input has ended" => {
            "the input ended before the last answer (`--yes` takes the defaults)".to_owned()
        }
        _ => reason,
    }
}
