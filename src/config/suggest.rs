//! Words for people who mistyped one.

/// The word that was probably meant by `typed`.
pub(super) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The comparison takes the product of the lengths, and nobody mistypes a word into a page of text.
    if typed.len() > 64 {
        return None;
    }
    let normal = |word: &str| word.to_lowercase().replace('-', "_");
    let typed = normal(typed);
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&typed, &normal(word)), word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 5)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `; did you mean "this"?`, or a list of what is known if no word is near.
pub(super) fn hint<'a>(
    typed: &str,
    known: impl Iterator<Item = &'a str> + Clone,
    introduction: &str,
) -> String {
    match nearest(typed, known.clone()) {
        Some(word) => format!("; did you mean {word:?}?"),
        None => match list(known) {
            words if words.is_empty() => String::new(),
            words => format!("; {introduction}: {words}"),
        },
    }
}

/// The words one after the other; not all if there are very many.
pub(super) fn list<'a>(words: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 20;
    let mut all: Vec<&str> = words.collect();
    let more = all.len() > SHOWN;
    all.truncate(SHOWN);
    if more {
        all.push("…");
    }
    all.join(", ")
}

/// A word from the file in quotes, fit for a message: short and without control characters.
pub(crate) fn quote(word: &str) -> String {
    const SHOWN: usize = 64;
    if word.chars().nth(SHOWN).is_none() {
        return format!("{word:?}");
    }
    let start: String = word.chars().take(SHOWN).collect();
    format!("{:?}", start + "…")
}

#[cfg(test)]
#[path = "suggest_tests.rs"]
mod tests;
