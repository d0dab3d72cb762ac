use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::config;

fn parse(answers: &Answers, base: &Path) -> Result<config::Config, String> {
    config::parse(&answers.yaml(), "wharf.yaml", base, &crate::storages::KINDS, &crate::engine::ENGINES)
        .map_err(|problems| problems.to_string())
}

#[test]
fn places_of_files_are_read() {
    let s3 = |bucket: &str, prefix: &str, endpoint: Option<&str>| Files::S3 {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: endpoint.map(str::to_owned),
    };
    for (answer, files) in [
        ("memory", Files::Memory),
        ("Memory", Files::Memory),
        ("/srv/ftp", Files::Folder("/srv/ftp".to_owned())),
        ("./s3:lake", Files::Folder("./s3:lake".to_owned())),
        (
            "https://acme.blob.core.windows.net/files/x/y",
            Files::Azure {
                account: "acme".to_owned(),
                container: "files".to_owned(),
                prefix: "x/y".to_owned(),
            },
        ),
        ("s3://lake", s3("lake", "", None)),
        ("s3://lake/in/bound/", s3("lake", "in/bound", None)),
        ("http://127.0.0.1:9000/lake/in", s3("lake", "in", Some("http://127.0.0.1:9000"))),
        ("gs://lake/x", Files::Gcs { bucket: "lake".to_owned(), prefix: "x".to_owned() }),
        (
            "azure://acme/files/x/y",
            Files::Azure {
                account: "acme".to_owned(),
                container: "files".to_owned(),
                prefix: "x/y".to_owned(),
            },
        ),
    ] {
        assert_eq!(Files::parse(answer), Ok(files), "{answer}");
    }
    for (answer, said) in [
        ("ftp://x/y", "none of the URLs"),
        ("~/files", "write the whole path"),
        ("~", "write the whole path"),
        ("s3:lake", "write s3://…, or ./s3:lake for a folder"),
        ("https:host/lake", "two slashes"),
        ("https://lake.s3.eu-west-1.amazonaws.com/x", "write s3://BUCKET/PREFIX"),
        ("https://s3.eu-west-1.amazonaws.com/lake/x", "write s3://BUCKET/PREFIX"),
        ("https://storage.googleapis.com/lake", "write gs://BUCKET/PREFIX"),
        ("https://storage.cloud.google.com/lake/x", "write gs://BUCKET/PREFIX"),
    ] {
        assert!(Files::parse(answer).unwrap_err().contains(said), "{answer}");
    }
}

#[test]
fn every_kind_of_storage_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let profile = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n";
    std::fs::write(folder.path().join("aws"), profile).unwrap();
    std::fs::write(folder.path().join("gcs"), r#"{ "client_email": "a@b", "private_key": "none" }"#).unwrap();
    std::fs::write(folder.path().join("azure"), "a2V5").unwrap();
    for (files, credentials) in [
        ("wharf-data", None),
        ("memory", None),
        ("s3://lake/inbound", None),
        ("s3://lake", Some("aws")),
        ("http://127.0.0.1:9000/lake", Some("aws")),
        ("gs://lake/x", None),
        ("gs://lake", Some("gcs")),
        ("azure://acme/files", None),
        ("azure://acme/files/x", Some("azure")),
    ] {
        let files = Files::parse(files).unwrap();
        let credentials = credentials.map(str::to_owned);
        let answers = Answers { files: files.clone(), credentials, ..Answers::default() };
        let config = parse(&answers, folder.path()).unwrap_or_else(|error| panic!("{files:?}\n{error}"));
        assert_eq!(config.backends.len(), 1);
        assert_eq!(config.warnings, [], "{files:?}");
    }
}

proptest! {
    /// Whatever somebody types is one value, and never another line of the file.
    #[test]
    fn an_answer_stays_where_it_was_put(text in "[a-z\"'\\\\\n\r\t #:{}\\[\\]&*!|>%@`,?é\u{2028}-]{1,20}") {
        let folder = tempfile::tempdir().unwrap();
        let answers = Answers { files: Files::Folder(text.clone()), ..Answers::default() };
        if let Ok(config) = parse(&answers, folder.path()) {
            prop_assert_eq!(config.backends.len(), 1);
            prop_assert_eq!(config.users.len(), 1);
            prop_assert_eq!(&config.users[0].name, "demo");
        }
        let answers = Answers { user: text.clone(), ..Answers::default() };
        if let Ok(config) = parse(&answers, folder.path()) {
            prop_assert_eq!(&config.users[0].name, &text);
        }
    }
}
