//! Stores that speak the protocol of S3 with less in it, or otherwise: a bucket that is played in each of these ways.

use std::collections::BTreeMap;

use bytes::Bytes;
use wharf_backends::contract::{contents, pattern, put};
use wharf_backends::object::{ObjectStorage, S3Settings, Tuning};
use wharf_backends::{CreateMode, ErrorKind, Storage};

use crate::played::{Answer, Asked, Played, answer, decoded, md5};
use crate::servers::{path, tuning};

/// What a bucket does otherwise.
#[derive(Debug, Clone, Copy, Default)]
struct Dialect {
    conditions: Conditions,
    /// Nothing may be looked at.
    denies_looks: bool,
    wants_digest: bool,
    /// A name without an object is that of one that was deleted.
    keeps_versions: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Conditions {
    #[default]
    Known,
    /// Entity tags are compared with the quotation marks that come with them.
    Bare,
    /// Those on an entity tag never hold.
    Never,
    NotImplemented,
    Refused,
    Ignored,
}

const ALL: [Conditions; 6] = [
    Conditions::Known,
    Conditions::Bare,
    Conditions::Never,
    Conditions::NotImplemented,
    Conditions::Refused,
    Conditions::Ignored,
];

#[derive(Default)]
struct Bucket {
    dialect: Dialect,
    objects: BTreeMap<String, Bytes>,
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    begun: usize,
}

fn e_tag(content: &[u8]) -> String {
    let digits: String = md5(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    answer(status, &[], format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
}

impl Bucket {
    /// Why something may not be done to what stands under a key.
    fn objection(&self, asked: &Asked, key: &str) -> Option<Answer> {
        let now = self.objects.get(key);
        let no = || Some(refusal(412, "PreconditionFailed", "no"));
        let condition = asked.header("if-match").or(asked.header("if-none-match"))?;
        match self.dialect.conditions {
            Conditions::NotImplemented => Some(refusal(501, "NotImplemented", "no conditions")),
            Conditions::Refused => Some(refusal(400, "InvalidArgument", "no conditions")),
            Conditions::Ignored => None,
            _ if condition == "*" && (now.is_some() || self.dialect.keeps_versions) => no(),
            _ if condition == "*" => None,
            Conditions::Never => no(),
            conditions => {
                let now = now.map(|now| e_tag(now))?;
                let now = if conditions == Conditions::Bare { now.trim_matches('"') } else { &now };
                if condition == now { None } else { no() }
            }
        }
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        let key = decoded(asked.path.strip_prefix("/bucket").unwrap().trim_start_matches('/'));
        let upload = asked.query("uploadId").map(str::to_owned);
        let takes_content = asked.method == "PUT" && asked.header("x-amz-copy-source").is_none();
        if takes_content && self.dialect.wants_digest && asked.header("content-md5").is_none() {
            return refusal(400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required");
        }
        let looks = asked.method == "HEAD" || asked.query("list-type").is_some();
        if looks && self.dialect.denies_looks {
            return refusal(403, "AccessDenied", "no");
        }
        match (asked.method.as_str(), upload) {
            ("GET", _) if asked.query("list-type").is_some() => {
                answer(200, &[], "<ListBucketResult></ListBucketResult>")
            }
            ("GET" | "HEAD", _) => self.read(asked, &key),
            ("PUT", Some(upload)) => {
                let number = asked.query("partNumber").unwrap().parse().unwrap();
                let content = match asked.header("x-amz-copy-source-range") {
                    None => asked.body.clone(),
                    Some(range) => {
                        let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
                        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                        self.objects[&key].slice(first..=last)
                    }
                };
                let tag = e_tag(&content);
                self.uploads.get_mut(&upload).unwrap().insert(number, content);
                answer(200, &[("etag", &tag)], format!("<CopyPartResult><ETag>{tag}</ETag></CopyPartResult>"))
            }
            ("POST", None) => {
                self.begun += 1;
                self.uploads.insert(self.begun.to_string(), BTreeMap::new());
                let id = self.begun;
                answer(
                    200,
                    &[],
                    format!("<InitiateMultipartUpload><UploadId>{id}</UploadId></InitiateMultipartUpload>"),
                )
            }
            ("POST", Some(upload)) => {
                if let Some(objection) = self.objection(asked, &key) {
                    return objection;
                }
                let listed = String::from_utf8_lossy(&asked.body).matches("<PartNumber>").count();
                if listed != self.uploads[&upload].len() {
                    return refusal(400, "InvalidPart", "there are parts that are not listed");
                }
                let content = self.uploads.remove(&upload).unwrap().into_values().flatten().collect();
                self.objects.insert(key, content);
                answer(200, &[], "<CompleteMultipartUploadResult/>")
            }
            ("DELETE", Some(upload)) => {
                self.uploads.remove(&upload);
                answer(204, &[], "")
            }
            (method, None) => {
                if let Some(objection) = self.objection(asked, &key) {
                    return objection;
                }
                match method {
                    "PUT" => drop(self.objects.insert(key, asked.body.clone())),
                    _ => drop(self.objects.remove(&key)),
                }
                answer(200, &[("etag", &e_tag(&asked.body))], "")
            }
            _ => answer(405, &[], ""),
        }
    }

    fn read(&self, asked: &Asked, key: &str) -> Answer {
        let Some(content) = self.objects.get(key) else { return refusal(404, "NoSuchKey", "no") };
        let (tag, size) = (e_tag(content), content.len());
        let range = asked.header("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
        match range {
            _ if asked.method == "HEAD" => {
                answer(200, &[("etag", &tag), ("content-length", &size.to_string())], "")
            }
            None => answer(200, &[("etag", &tag)], content.clone()),
            Some((first, last)) => {
                let (first, last): (usize, usize) =
                    (first.parse().unwrap(), last.parse().unwrap_or(size - 1));
                let told = format!("bytes {first}-{last}/{size}");
                answer(206, &[("etag", &tag), ("content-range", &told)], content.slice(first..=last))
            }
        }
    }
}

async fn bucket(dialect: Dialect) -> (ObjectStorage, Played) {
    let mut bucket = Bucket { dialect, ..Bucket::default() };
    let played = Played::new(move |asked| Some(bucket.answer(asked))).await;
    let settings = S3Settings {
        endpoint: Some(played.url.clone()),
        anonymous: true,
        tuning: Tuning { part_size: 5 << 20, ..tuning() },
        ..S3Settings::new("bucket")
    };
    (ObjectStorage::s3(settings).unwrap(), played)
}

#[tokio::test]
async fn who_may_not_overwrite_does_not_whatever_the_store_knows_of_conditions() {
    for conditions in ALL {
        let (storage, _played) = bucket(Dialect { conditions, ..Dialect::default() }).await;
        for size in [100, 12 << 20] {
            let (theirs, mine) = (pattern(size, 1), pattern(size, 2));
            put(&storage, "/theirs", &theirs, CreateMode::Replace).await.unwrap();
            let error = put(&storage, "/theirs", &mine, CreateMode::New).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{conditions:?}: {error}");
            assert!(contents(&storage, "/theirs").await == theirs, "{conditions:?}");
            put(&storage, &format!("/mine{size}"), &mine, CreateMode::New).await.unwrap();
        }
    }
}

#[tokio::test]
async fn appends_and_resumes_need_no_conditions() {
    for conditions in ALL {
        let (storage, _played) = bucket(Dialect { conditions, ..Dialect::default() }).await;
        for size in [0, 100, 7 << 20, 12 << 20] {
            let mut expected = pattern(size, 1);
            put(&storage, "/f", &expected, CreateMode::Replace).await.unwrap();
            for more in [10, 12 << 20] {
                put(&storage, "/f", &pattern(more, 2), CreateMode::Append).await.unwrap();
                expected.extend(pattern(more, 2));
                assert!(contents(&storage, "/f").await == expected, "{conditions:?}: {size}, {more}");
            }
            expected.truncate(expected.len() - 5);
            let kept = expected.len() as u64;
            put(&storage, "/f", b"the end", CreateMode::Resume(kept)).await.unwrap();
            expected.extend(b"the end");
            assert!(contents(&storage, "/f").await == expected, "{conditions:?}: {size}");
        }
    }
}

#[tokio::test]
async fn two_appends_that_end_at_once_are_both_there_whatever_the_store_knows() {
    for conditions in ALL {
        let (storage, _played) = bucket(Dialect { conditions, ..Dialect::default() }).await;
        for size in [10, 12 << 20] {
            let _ = storage.remove_file(&path("/f")).await;
            let (a, b) = (pattern(size, 1), pattern(size + 1, 2));
            let mut uploads = Vec::new();
            for content in [&a, &b] {
                let mut upload = storage.create(&path("/f"), CreateMode::Append).await.unwrap();
                upload.write(content.clone().into()).await.unwrap();
                uploads.push(upload.finish());
            }
            for done in futures_util::future::join_all(uploads).await {
                done.unwrap();
            }
            let found = contents(&storage, "/f").await;
            assert!(
                found == [&a[..], &b].concat() || found == [&b[..], &a].concat(),
                "{conditions:?}: {size}"
            );
        }
    }
}

#[tokio::test]
async fn what_a_store_does_not_know_is_asked_once() {
    for conditions in [Conditions::NotImplemented, Conditions::Refused] {
        let (storage, played) = bucket(Dialect { conditions, ..Dialect::default() }).await;
        put(&storage, "/f", b"one", CreateMode::New).await.unwrap();
        let puts = || played.asked().iter().filter(|line| line.starts_with("PUT")).count();
        assert_eq!(puts(), 2, "{:?}", played.asked());
        put(&storage, "/f", b"two", CreateMode::Append).await.unwrap();
        put(&storage, "/g", b"one", CreateMode::New).await.unwrap();
        assert_eq!(puts(), 4, "{:?}", played.asked());
    }
}

#[tokio::test]
async fn a_removal_finds_what_was_looked_at_whatever_the_store_knows() {
    for conditions in [Conditions::Bare, Conditions::Never, Conditions::NotImplemented] {
        let (storage, _played) = bucket(Dialect { conditions, ..Dialect::default() }).await;
        put(&storage, "/f", b"content", CreateMode::Replace).await.unwrap();
        storage.remove_file(&path("/f")).await.unwrap();
        assert_eq!(
            storage.stat(&path("/f")).await.unwrap_err().kind(),
            ErrorKind::NotFound,
            "{conditions:?}"
        );
    }
}

#[tokio::test]
async fn who_may_do_nothing_but_store_stores_files_of_any_size() {
    let (storage, _played) = bucket(Dialect { denies_looks: true, ..Dialect::default() }).await;
    for size in [0, 100, 12 << 20] {
        let name = format!("/{size}");
        put(&storage, &name, &pattern(size, 1), CreateMode::New).await.unwrap();
        let error = put(&storage, &name, &pattern(size, 1), CreateMode::New).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{size}: {error}");
    }
}

#[tokio::test]
async fn a_store_that_demands_digests_gets_them() {
    let (storage, played) = bucket(Dialect { wants_digest: true, ..Dialect::default() }).await;
    storage.create_directory(&path("/d")).await.unwrap();
    for size in [100, 12 << 20] {
        put(&storage, "/f", &pattern(size, 1), CreateMode::Replace).await.unwrap();
        assert!(contents(&storage, "/f").await == pattern(size, 1));
    }
    // The marker was refused once, and nothing after it.
    let puts = played.asked().iter().filter(|line| line.starts_with("PUT")).count();
    assert_eq!(puts, 2 + 1 + 3, "{:?}", played.asked());
}

#[tokio::test]
async fn a_name_that_was_deleted_can_be_stored_and_appended_to() {
    for mode in [CreateMode::New, CreateMode::Append] {
        let (storage, _played) = bucket(Dialect { keeps_versions: true, ..Dialect::default() }).await;
        for size in [100, 12 << 20] {
            let name = format!("/{size}");
            put(&storage, &name, &pattern(size, 1), mode).await.unwrap();
            assert!(contents(&storage, &name).await == pattern(size, 1), "{mode:?}: {size}");
        }
    }
}
