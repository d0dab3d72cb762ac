use http::HeaderValue;

use super::ContentType;

#[test]
fn types_by_extension() {
    let types = ContentType::ByExtension;
    for (key, expected) in [
        ("in/report.pdf", "application/pdf"),
        ("REPORT.PDF", "application/pdf"),
        ("a.b/c.csv", "text/csv"),
        ("backup.tar.gz", "application/gzip"),
        ("report.pdf.filepart", "application/octet-stream"),
        ("a.pdf/none", "application/octet-stream"),
        (".json", "application/octet-stream"),
    ] {
        assert_eq!(types.of(key), Some(expected), "{key}");
    }
    assert_eq!(ContentType::Fixed("text/plain".into()).of("report.pdf"), Some("text/plain"));
    assert_eq!(ContentType::None.of("report.pdf"), None);
}

#[test]
fn a_rename_changes_only_types_that_the_name_gave() {
    let types = ContentType::ByExtension;
    let after = |from, to, now: Option<&str>| {
        let now = now.map(|now| HeaderValue::from_str(now).unwrap());
        types.after_rename(from, to, now.as_ref()).map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(
        after("a.pdf.part", "a.pdf", Some("application/octet-stream")).as_deref(),
        Some("application/pdf")
    );
    assert_eq!(after("a.part", "a.pdf", Some("binary/octet-stream")).as_deref(), Some("application/pdf"));
    assert_eq!(after("a.part", "a.pdf", Some("application/x-ours")), None);
    assert_eq!(after("a.pdf", "b.pdf", Some("application/octet-stream")), None);
    let fixed = ContentType::Fixed("text/plain".into());
    assert_eq!(fixed.after_rename("a.part", "a.pdf", None), None);
}
