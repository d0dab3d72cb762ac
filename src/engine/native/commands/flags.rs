//! Flags of `ls` in front of a name: clients send them with LIST, NLST and STAT, though no RFC has them.
//!
//! A name may look like flags, or begin with a blank. What clients send by themselves is always taken for flags: a file that
//! somebody called `-la` must not take the place of everybody's listings, nor cost each of them a request to a store. All
//! else is a name first, and flags if there is no such name.

use super::super::data::order::{By, Order};

/// Single letters that clients send by themselves, each once: `-la`, `-aL`, `-CF`, `-1`.
const LETTERS: &str = "aAlLRrtSFCd1hTn";

/// Long flags of `ls`.
const WORDS: &[&str] = &[
    "all",
    "almost-all",
    "classify",
    "color",
    "dereference",
    "directory",
    "full-time",
    "group-directories-first",
    "human-readable",
    "literal",
    "no-group",
    "numeric-uid-gid",
    "recursive",
    "reverse",
    "show-control-chars",
    "sort",
    "time",
    "time-style",
];

/// What names an argument may stand for, in the order in which they are tried; at least one. Blanks and flags are left out
/// of the last one, which may be empty.
pub(super) fn readings(argument: &str) -> Vec<&str> {
    let one_blank = |rest: &str| rest.len() - rest.strip_prefix(' ').unwrap_or(rest).len();
    let blanks = |rest: &str| rest.len() - rest.trim_start_matches(' ').len();
    let without_usual = without_flags(argument, one_blank, |is_usual| is_usual);
    let without_any = without_flags(argument, one_blank, |_| true);
    // Blanks in front belong to the name, if there is one like that; otherwise there may be flags behind them.
    let trimmed = without_any.trim_start_matches(' ');
    let without_blanks = match trimmed.len() == without_any.len() {
        true => without_any,
        false => without_flags(trimmed, blanks, |_| true),
    };
    let mut readings = vec![without_usual, without_any, without_blanks];
    readings.dedup();
    readings
}

/// What is left behind the flags that are left out. `between` tells how many bytes stand between one flag and the next.
fn without_flags(argument: &str, between: impl Fn(&str) -> usize, left_out: impl Fn(bool) -> bool) -> &str {
    let mut rest = argument;
    while rest.starts_with('-') {
        let (flag, behind) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
        if !kind(flag).is_some_and(&left_out) {
            break;
        }
        rest = &behind[between(behind)..];
        // It ends them.
        if flag == "--" {
            break;
        }
    }
    rest
}

/// The order that flags ask for; as with `ls`, the last one counts. All else that they say changes nothing.
pub(super) fn order(flags: &str) -> Order {
    let mut order = Order::default();
    for word in flags.split(' ') {
        match word.strip_prefix("--") {
            Some("reverse") => order.reversed = true,
            Some("sort=time") => order.by = By::Time,
            Some("sort=size") => order.by = By::Size,
            Some(_) => {}
            None => word.strip_prefix('-').unwrap_or_default().chars().for_each(|letter| match letter {
                'r' => order.reversed = true,
                't' => order.by = By::Time,
                'S' => order.by = By::Size,
                _ => {}
            }),
        }
    }
    order
}

/// Whether a word that begins with `-` is a flag, and then whether clients send it by themselves.
fn kind(word: &str) -> Option<bool> {
    if let Some(word) = word.strip_prefix("--") {
        let is_flag = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '*' | '?' | '[' | '"');
        let name = word.split('=').next().unwrap_or_default();
        return word.chars().all(is_flag).then(|| name.is_empty() || WORDS.contains(&name));
    }
    let letters = word.strip_prefix('-')?;
    let once = |(at, letter): (usize, char)| LETTERS.contains(letter) && !letters[..at].contains(letter);
    letters.chars().all(|c| c.is_ascii_alphanumeric()).then(|| letters.char_indices().all(once))
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let readings = readings(text);
    assert!((1..=3).contains(&readings.len()));
    assert!(readings.iter().all(|reading| text.ends_with(reading)));
    assert!(readings.windows(2).all(|pair| pair[0].len() > pair[1].len()));
}

#[cfg(test)]
#[path = "flags_tests.rs"]
mod tests;
