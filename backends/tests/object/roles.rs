//! Keys that somebody hands out for some time: a role that is assumed, and a profile.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use wharf_backends::contract::{contents, put};
use wharf_backends::object::{ObjectStorage, Profile, Role, S3Settings};
use wharf_backends::{CreateMode, ErrorKind, Storage};
use wharf_testing::locked;
use wharf_testing::played::{Answer, Asked, Played, answer};

use crate::servers::{SERVERS, fresh_prefix, path, s3_settings, tuning};

const ARN: &str = "arn:aws:iam::111122223333:role/ftp";

fn role() -> Role {
    Role { arn: ARN.to_owned(), session_name: None, external_id: Some("partner".to_owned()), endpoint: None }
}

/// A token service and a store at one address, as Ceph and MinIO are, which counts the keys that it has handed out.
#[derive(Default)]
struct Service {
    handed_out: usize,
    /// How long the keys are good for.
    good_for: Duration,
    refuses: bool,
    forms: Vec<String>,
    /// What requests for the store were signed with.
    tokens: Vec<Option<String>>,
}

impl Service {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let signed = asked.header("authorization").unwrap_or_default();
        if asked.method != "POST" {
            assert!(signed.contains("/us-east-1/s3/aws4_request"), "{signed}");
            self.tokens.push(asked.header("x-amz-security-token").map(str::to_owned));
            return match asked.method.as_str() {
                "GET" => {
                    answer(200, &[], "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
                }
                _ => answer(404, &[("x-amz-request-id", "1")], ""),
            };
        }
        assert!(
            signed.contains("Credential=root/") && signed.contains("/us-east-1/sts/aws4_request"),
            "{signed}"
        );
        self.forms.push(String::from_utf8(asked.body.to_vec()).unwrap());
        if self.refuses {
            let error = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                         <Code>AccessDenied</Code><Message>not for you</Message></Error></ErrorResponse>";
            return answer(403, &[], error);
        }
        self.handed_out += 1;
        let until: DateTime<Utc> = (SystemTime::now() + self.good_for).into();
        let body = format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>ASIA{0}</AccessKeyId><SecretAccessKey>secret{0}</SecretAccessKey><SessionToken>token{0}</SessionToken>\
             <Expiration>{1}</Expiration></Credentials><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser></AssumeRoleResult>\
             </AssumeRoleResponse>",
            self.handed_out,
            until.to_rfc3339_opts(SecondsFormat::Secs, true),
        );
        answer(200, &[], body)
    }
}

async fn played(good_for: Duration) -> (Arc<Mutex<Service>>, Played, S3Settings) {
    let service = Arc::new(Mutex::new(Service { good_for, ..Service::default() }));
    let answering = Arc::clone(&service);
    let played = Played::new(move |asked| Some(locked(&answering).answer(asked))).await;
    let settings = S3Settings {
        endpoint: Some(played.url.clone()),
        access_key_id: Some("root".to_owned()),
        secret_access_key: Some("secret".to_owned()),
        role: Some(role()),
        tuning: tuning(),
        ..S3Settings::new("bucket")
    };
    (service, played, settings)
}

#[tokio::test]
async fn requests_are_made_in_the_role() {
    let (service, _played, settings) = played(Duration::from_secs(3600)).await;
    let storage = ObjectStorage::s3(settings).unwrap();
    let list = async || storage.list(&path("/")).await;
    let (first, second) = futures_util::join!(list(), list());
    drop(first.and(second).unwrap());
    assert!(storage.stat(&path("/none")).await.is_err());
    let service = locked(&service);
    // All waited for one answer.
    let form = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fftp&\
                RoleSessionName=wharf&DurationSeconds=3600&ExternalId=partner";
    assert_eq!(service.forms, [form]);
    assert!(
        service.tokens.len() >= 3 && service.tokens.iter().all(|token| token.as_deref() == Some("token1"))
    );
}

#[tokio::test]
async fn keys_are_renewed_before_they_end() {
    // Those that are good for so short a time when half of it is over.
    let (service, _played, settings) = played(Duration::from_secs(3)).await;
    let storage = ObjectStorage::s3(settings).unwrap();
    drop(storage.list(&path("/")).await.unwrap());
    locked(&service).good_for = Duration::from_secs(3600);
    // Nobody waits for the new ones.
    let renewed = async {
        while locked(&service).tokens.last().unwrap().as_deref() != Some("token2") {
            drop(storage.list(&path("/")).await.unwrap());
        }
    };
    tokio::time::timeout(Duration::from_secs(300), renewed).await.unwrap();
    assert_eq!(locked(&service).handed_out, 2);
}

#[tokio::test]
async fn a_role_that_is_refused() {
    let (service, _played, settings) = played(Duration::from_secs(120)).await;
    let storage = ObjectStorage::s3(settings).unwrap();
    locked(&service).refuses = true;
    let error = storage.list(&path("/")).await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let source = std::error::Error::source(&error).unwrap().to_string();
    let reason = format!(
        "the role {ARN} can't be assumed: the credentials don't permit this (the store answered 403 Forbidden: \
         AccessDenied: not for you)"
    );
    assert!(source.contains(&reason), "{source}");
    assert!(!source.contains("secret"), "{source}");

    // All who wait together hear of one refusal, and nobody asks again at once.
    let list = async || storage.list(&path("/")).await.map(drop).unwrap_err().kind();
    let kinds = futures_util::join!(list(), list(), list());
    assert_eq!(kinds, (ErrorKind::Unavailable, ErrorKind::Unavailable, ErrorKind::Unavailable));
    assert_eq!(locked(&service).forms.len(), 1);
}

#[tokio::test]
async fn a_profile_on_real_stores() {
    for server in SERVERS {
        let settings = s3_settings(server, &fresh_prefix());
        let (id, secret) =
            (settings.access_key_id.clone().unwrap(), settings.secret_access_key.clone().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let file: PathBuf = folder.path().join("credentials");
        std::fs::write(&file, format!("[ftp]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n"))
            .unwrap();
        let settings = S3Settings {
            access_key_id: None,
            secret_access_key: None,
            profile: Some(Profile { file, name: "ftp".to_owned() }),
            ..settings
        };
        let storage = ObjectStorage::s3(settings).unwrap();
        put(&storage, "/f", b"content", CreateMode::New).await.unwrap();
        assert_eq!(contents(&storage, "/f").await, b"content", "{server}");
    }
}

/// moto hands out keys for any role.
#[tokio::test]
async fn a_role_on_a_real_token_service() {
    let mut settings = s3_settings("WHARF_TEST_MOTO", &fresh_prefix());
    settings.role = Some(role());
    let storage = ObjectStorage::s3(settings).unwrap();
    put(&storage, "/f", b"content", CreateMode::New).await.unwrap();
    assert_eq!(contents(&storage, "/f").await, b"content");
}
