//! The parts of the help of a key.

use crate::config::help::one_line;

/// `Meaning. Default: …. Example: …`
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Help {
    /// What the key is for.
    pub(super) meaning: String,
    /// What counts where the key is left out.
    pub(super) default: Option<String>,
    /// How the key and its value may be written.
    pub(super) example: Option<String>,
}

impl Help {
    pub(super) fn parse(description: &str) -> Self {
        let line = one_line(description);
        let (text, example) = last_part(&line, " Example: ");
        let (meaning, default) = last_part(text, " Default: ");
        Self { meaning: meaning.to_owned(), default, example }
    }
}

/// What stands before `heading`, and what stands behind it without its full stop.
fn last_part<'a>(text: &'a str, heading: &str) -> (&'a str, Option<String>) {
    match text.rsplit_once(heading) {
        Some((before, part)) => (before, Some(part.strip_suffix('.').unwrap_or(part).to_owned())),
        None => (text, None),
    }
}

#[test]
fn has_parts() {
    let help =
        Help::parse("How long\nit [may](a.md#b) take. At most `1h`. Default: `5m`.\nExample: `wait: 90s`.");
    let expected = Help {
        meaning: "How long it [may](a.md#b) take. At most `1h`.".to_owned(),
        default: Some("`5m`".to_owned()),
        example: Some("`wait: 90s`".to_owned()),
    };
    assert_eq!(help, expected);
    let alone = Help { meaning: "Its name.".to_owned(), default: None, example: None };
    assert_eq!(Help::parse("Its name."), alone);
}
