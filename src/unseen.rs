//! Characters that nobody sees, and that change how others are shown.

/// Whether it changes the direction of the text behind it (Unicode Standard Annex #9, section 2): a name with one of these can look like
/// another name, or seem to end a line elsewhere.
pub(crate) fn turns_text(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
