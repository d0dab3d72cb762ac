//! Answers that let somebody in, for the time that they hold.
//!
//! Devices log in anew for each file. An answer is found by a keyed digest of the whole question, with a random key for each
//! source: the password is not kept, and a question that differs in anything is another one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::{hmac, rand};
use tokio::time::Instant;

use crate::config::Password;

/// The most answers, and the most bytes of them.
const MOST: usize = 16 * 1024;
const MOST_BYTES: usize = 16 << 20;

/// What is known of a user.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    /// The entry of `users` without its proof.
    pub(super) entry: String,
    /// What the password has to be, if that was a part of the answer.
    pub(super) password: Option<Password>,
}

impl Fact {
    /// About how many bytes it takes.
    fn size(&self) -> usize {
        let password = self.password.as_ref().map_or(0, |password| match password {
            Password::Hash(hash) => hash.as_str().len(),
            Password::Plain(secret) => secret.expose().len(),
        });
        self.entry.len() + password
    }
}

/// The keyed digest of a question.
pub(super) type Tag = [u8; 32];

#[derive(Debug)]
pub(super) struct Cache {
    /// `None` if the system has no random bytes: then nothing is kept.
    key: Option<hmac::Key>,
    most: usize,
    most_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<Tag, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    fact: Fact,
    until: Instant,
}

impl Cache {
    pub(super) fn new() -> Self {
        Self::of(MOST, MOST_BYTES)
    }

    fn of(most: usize, most_bytes: usize) -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &rand::SystemRandom::new()).ok();
        Self { key, most, most_bytes, kept: Mutex::default() }
    }

    pub(super) fn tag(&self, question: &str) -> Option<Tag> {
        let signed = hmac::sign(self.key.as_ref()?, question.as_bytes());
        let mut tag = Tag::default();
        tag.copy_from_slice(signed.as_ref());
        Some(tag)
    }

    /// The answer to the question, if it still holds.
    pub(super) fn find(&self, tag: &Tag) -> Option<Fact> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = kept.answers.get(tag)?;
        if entry.until > Instant::now() {
            return Some(entry.fact.clone());
        }
        kept.remove(tag);
        None
    }

    /// Keeps an answer for so long, in place of those that end first if there is no room.
    pub(super) fn keep(&self, tag: Tag, fact: Fact, holds: Duration) {
        let size = fact.size();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&tag);
        if holds.is_zero() || size > self.most_bytes {
            return;
        }
        let now = Instant::now();
        if kept.answers.len() >= self.most || kept.bytes + size > self.most_bytes {
            let over: Vec<Tag> =
                kept.answers.iter().filter(|(_, entry)| entry.until <= now).map(|(tag, _)| *tag).collect();
            over.iter().for_each(|tag| kept.remove(tag));
        }
        while kept.answers.len() >= self.most || kept.bytes + size > self.most_bytes {
            let Some(first) = kept.answers.iter().min_by_key(|(_, entry)| entry.until).map(|(tag, _)| *tag)
            else {
                break;
            };
            kept.remove(&first);
        }
        kept.bytes += size;
        kept.answers.insert(tag, Entry { fact, until: now + holds });
    }
}

impl Kept {
    fn remove(&mut self, tag: &Tag) {
        if let Some(entry) = self.answers.remove(tag) {
            self.bytes -= entry.fact.size();
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
