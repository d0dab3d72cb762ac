use super::*;

#[test]
fn every_word_parses_and_prints_as_itself() {
    for (word, permissions) in Permissions::WORDS {
        assert_eq!(word.parse::<Permissions>().unwrap(), *permissions);
        assert_eq!(permissions.to_string(), *word);
    }
}

#[test]
fn an_unknown_word_is_told_with_the_known_ones() {
    let error = "readonly".parse::<Permissions>().unwrap_err().to_string();
    assert!(
        error.contains("\"readonly\"") && error.contains("read-only") && error.contains("mkdir"),
        "{error}"
    );
}

#[test]
fn presets_hold_what_they_promise() {
    assert!(!Permissions::READ_ONLY.intersects(!(Permissions::LIST | Permissions::DOWNLOAD)));
    assert!(!Permissions::UPLOAD_ONLY.intersects(
        Permissions::DOWNLOAD | Permissions::OVERWRITE | Permissions::RENAME | Permissions::DELETE
    ));
}
