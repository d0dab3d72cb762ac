//! A bucket that is played, in each way in which stores have the protocol of S3 otherwise, or less of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use wharf_backends::object::{ObjectStorage, S3Settings, Tuning};
use wharf_testing::locked;
use wharf_testing::played::{Answer, Asked, Played, answer, decoded, md5};

pub use crate::dialect::{CONDITIONS, COPIES, Conditions, Copies, Dialect};
use crate::servers::tuning;

#[derive(Clone, Default)]
struct Stored {
    content: Bytes,
    /// Those that it has beside its content.
    headers: BTreeMap<String, String>,
    /// Its entity tag, if it was put together of parts.
    tag: Option<String>,
}

#[derive(Default)]
struct Upload {
    key: String,
    headers: BTreeMap<String, String>,
    parts: BTreeMap<u32, Bytes>,
}

#[derive(Default)]
struct Bucket {
    dialect: Dialect,
    objects: BTreeMap<String, Stored>,
    uploads: BTreeMap<String, Upload>,
    begun: usize,
}

fn e_tag(content: &[u8]) -> String {
    let digits: String = md5(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// That of an object which is put together of parts.
fn e_tag_of_parts<'a>(parts: impl Iterator<Item = &'a Bytes>) -> String {
    let tags: Vec<Vec<u8>> = parts.map(|part| md5(part)).collect();
    let digits: String = md5(&tags.concat()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}-{}\"", tags.len())
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    answer(status, &[], format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"))
}

/// What an object keeps of the headers that it is stored with.
fn kept(asked: &Asked) -> BTreeMap<String, String> {
    let metadata = asked.metadata("x-amz-meta-").into_iter();
    let metadata = metadata.map(|(name, value)| (format!("x-amz-meta-{name}"), value));
    let kind = asked.header("content-type").map(|kind| ("content-type".to_owned(), kind.to_owned()));
    metadata.chain(kind).collect()
}

impl Bucket {
    fn tag_of(&self, key: &str, stored: &Stored) -> String {
        match (self.dialect.encrypts, &stored.tag) {
            (true, None) => e_tag(&[key.as_bytes(), &stored.content].concat()),
            (true, Some(tag)) => {
                let other = e_tag(&[key.as_bytes(), tag.as_bytes()].concat());
                format!("{}{}", other.trim_end_matches('"'), &tag[33..])
            }
            (false, Some(tag)) => tag.clone(),
            (false, None) => e_tag(&stored.content),
        }
    }

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
                let now = now.map(|now| self.tag_of(key, now))?;
                let now = if conditions == Conditions::Bare { now.trim_matches('"') } else { &now };
                if condition == now { None } else { no() }
            }
        }
    }

    /// What is to be copied, or why it is not.
    fn source(&self, asked: &Asked, copies: Copies) -> Result<Stored, Box<Answer>> {
        let source = decoded(asked.header("x-amz-copy-source").unwrap());
        let key = source.trim_start_matches('/').strip_prefix("bucket/").unwrap();
        let only = asked.header("x-amz-copy-source-if-match");
        let unless = asked.header("x-amz-copy-source-if-none-match");
        match copies {
            Copies::NotImplemented => return Err(Box::new(refusal(501, "NotImplemented", "no copies"))),
            Copies::Nothing => return Err(Box::new(answer(200, &[], ""))),
            Copies::WithoutConditions if only.or(unless).is_some() => {
                return Err(Box::new(refusal(400, "InvalidArgument", "no conditions of a copy")));
            }
            Copies::Known | Copies::Whatever | Copies::WithoutConditions => {}
        }
        let Some(stored) = self.objects.get(key) else {
            return Err(Box::new(refusal(404, "NoSuchKey", "no")));
        };
        let tag = self.tag_of(key, stored);
        let holds = only.is_none_or(|only| only == tag) && unless.is_none_or(|unless| unless != tag);
        match holds || copies == Copies::Whatever {
            true => Ok(stored.clone()),
            false => Err(Box::new(refusal(412, "PreconditionFailed", "no"))),
        }
    }

    fn copy(&mut self, asked: &Asked, key: String) -> Answer {
        let mut copy = match self.source(asked, self.dialect.copies) {
            Ok(source) => source,
            Err(refusal) => return *refusal,
        };
        if asked.header("x-amz-metadata-directive") == Some("REPLACE") {
            copy.headers = kept(asked);
        }
        copy.tag = None;
        let tag = self.tag_of(&key, &copy);
        self.objects.insert(key, copy);
        answer(200, &[], format!("<CopyObjectResult><ETag>{tag}</ETag></CopyObjectResult>"))
    }

    fn part(&mut self, asked: &Asked, upload: &str) -> Answer {
        let number = asked.query("partNumber").unwrap().parse().unwrap();
        if !self.uploads.contains_key(upload) {
            return refusal(404, "NoSuchUpload", "no");
        }
        let content = match asked.header("x-amz-copy-source-range") {
            None => asked.body.clone(),
            Some(range) => match self.source(asked, self.dialect.copies_parts) {
                Ok(source) => {
                    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
                    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
                    source.content.slice(first..=last)
                }
                Err(refusal) => {
                    if refusal.status() == 200 {
                        self.uploads.get_mut(upload).unwrap().parts.insert(number, Bytes::new());
                    }
                    return *refusal;
                }
            },
        };
        let tag = e_tag(&content);
        self.uploads.get_mut(upload).unwrap().parts.insert(number, content);
        answer(200, &[("etag", &tag)], format!("<CopyPartResult><ETag>{tag}</ETag></CopyPartResult>"))
    }

    /// The parts of an open upload.
    fn parts(&self, upload: &str) -> Answer {
        let Some(Upload { parts, .. }) = self.uploads.get(upload) else {
            return refusal(404, "NoSuchUpload", "no");
        };
        let parts = parts.iter().map(|(number, content)| {
            let (size, tag) = (content.len(), e_tag(content));
            format!("<Part><PartNumber>{number}</PartNumber><Size>{size}</Size><ETag>{tag}</ETag></Part>")
        });
        answer(200, &[], format!("<ListPartsResult>{}</ListPartsResult>", parts.collect::<String>()))
    }

    /// The open uploads, which were begun just now.
    fn open_uploads(&self) -> Answer {
        let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let uploads = self.uploads.iter().map(|(id, Upload { key, .. })| {
            format!(
                "<Upload><Key>{key}</Key><UploadId>{id}</UploadId>\
                 <Initiated>{now}</Initiated></Upload>"
            )
        });
        let uploads = uploads.collect::<String>();
        answer(200, &[], format!("<ListMultipartUploadsResult>{uploads}</ListMultipartUploadsResult>"))
    }

    fn complete(&mut self, asked: &Asked, key: String, upload: &str) -> Answer {
        if let Some(objection) = self.objection(asked, &key) {
            return objection;
        }
        if !self.uploads.contains_key(upload) {
            return refusal(404, "NoSuchUpload", "no");
        }
        let document = String::from_utf8_lossy(&asked.body).into_owned();
        let listed: BTreeSet<u32> = document
            .split("<PartNumber>")
            .skip(1)
            .map(|text| text.split('<').next().unwrap().parse().unwrap())
            .collect();
        // Only a store that makes parts of nothing forgives that they are not listed.
        if self.dialect.copies_parts != Copies::Nothing && listed.len() != self.uploads[upload].parts.len() {
            return refusal(400, "InvalidPart", "there are parts that are not listed");
        }
        let Upload { headers, parts, .. } = self.uploads.remove(upload).unwrap();
        let content = listed.iter().map(|number| &*parts[number]).collect::<Vec<_>>().concat().into();
        let tag = Some(e_tag_of_parts(listed.iter().map(|number| &parts[number])));
        self.objects.insert(key, Stored { content, headers, tag });
        answer(200, &[], "<CompleteMultipartUploadResult/>")
    }

    fn list(&self, asked: &Asked) -> Answer {
        let prefix = asked.query("prefix").unwrap_or_default();
        let is_flat = asked.query("delimiter").is_none();
        let (mut contents, mut below) = (String::new(), BTreeSet::new());
        for (key, stored) in &self.objects {
            let Some(rest) = key.strip_prefix(prefix) else { continue };
            match rest.split_once('/') {
                Some((name, _)) if !is_flat => drop(below.insert(format!("{prefix}{name}/"))),
                _ => {
                    let (tag, size) = (self.tag_of(key, stored), stored.content.len());
                    let (key, tag) = (key.replace('&', "&amp;"), tag.trim_matches('"'));
                    contents += &format!(
                        "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{tag}</ETag>\
                         <LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
                    );
                }
            }
        }
        let below: String = below
            .iter()
            .map(|prefix| format!("<CommonPrefixes><Prefix>{prefix}</Prefix></CommonPrefixes>"))
            .collect();
        answer(200, &[], format!("<ListBucketResult>{contents}{below}</ListBucketResult>"))
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        let key = decoded(asked.path.strip_prefix("/bucket").unwrap().trim_start_matches('/'));
        let upload = asked.query("uploadId").map(str::to_owned);
        let copies = asked.header("x-amz-copy-source").is_some();
        let takes_content = asked.method == "PUT" && !copies;
        if takes_content && self.dialect.wants_digest && asked.header("content-md5").is_none() {
            return refusal(400, "InvalidRequest", "Content-MD5 OR x-amz-checksum- HTTP header is required");
        }
        let looks = asked.method == "HEAD" || asked.query("list-type").is_some();
        if looks && self.dialect.denies_looks {
            return refusal(403, "AccessDenied", "no");
        }
        match (asked.method.as_str(), upload) {
            ("GET", _) if asked.query("list-type").is_some() => self.list(asked),
            ("GET", None) if asked.query("uploads").is_some() => self.open_uploads(),
            ("GET", Some(upload)) => self.parts(&upload),
            ("GET" | "HEAD", _) => self.read(asked, &key),
            ("PUT", Some(upload)) => self.part(asked, &upload),
            ("POST", None) => {
                self.begun += 1;
                let id = self.begun;
                let upload = Upload { key, headers: kept(asked), ..Upload::default() };
                self.uploads.insert(id.to_string(), upload);
                answer(
                    200,
                    &[],
                    format!("<InitiateMultipartUpload><UploadId>{id}</UploadId></InitiateMultipartUpload>"),
                )
            }
            ("POST", Some(upload)) => self.complete(asked, key, &upload),
            ("DELETE", Some(upload)) => {
                self.uploads.remove(&upload);
                answer(204, &[], "")
            }
            ("PUT", None) if copies => self.copy(asked, key),
            (method, None) => {
                if let Some(objection) = self.objection(asked, &key) {
                    return objection;
                }
                let is_kept = |end| key.ends_with(end);
                let stored =
                    Stored { content: asked.body.clone(), headers: kept(asked), ..Stored::default() };
                let tag = self.tag_of(&key, &stored);
                match method {
                    "DELETE" if self.dialect.denies_removal.is_some_and(is_kept) => {
                        return match key.ends_with('/') {
                            true => refusal(
                                400,
                                "InvalidRequest",
                                "Object is WORM protected and cannot be overwritten",
                            ),
                            false => refusal(403, "AccessDenied", "no"),
                        };
                    }
                    "PUT" => drop(self.objects.insert(key, stored)),
                    _ => drop(self.objects.remove(&key)),
                }
                answer(200, &[("etag", &tag)], "")
            }
            _ => answer(405, &[], ""),
        }
    }

    fn read(&self, asked: &Asked, key: &str) -> Answer {
        let Some(stored) = self.objects.get(key) else {
            return refusal(404, "NoSuchKey", "no");
        };
        let Stored { content, headers, .. } = stored;
        let (tag, size) = (self.tag_of(key, stored), content.len());
        let is_locked = key.ends_with('/') && self.dialect.denies_removal == Some("/");
        if asked.header("if-match").is_some_and(|only| only != tag) {
            return refusal(412, "PreconditionFailed", "no");
        }
        let mut told: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        told.push(("etag", &tag));
        if is_locked {
            told.push(("x-amz-object-lock-mode", "GOVERNANCE"));
        }
        let range = asked.header("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
        match range {
            _ if asked.method == "HEAD" => {
                let size = size.to_string();
                told.push(("content-length", &size));
                answer(200, &told, "")
            }
            None => answer(200, &told, content.clone()),
            Some((first, last)) => {
                let (first, last): (usize, usize) =
                    (first.parse().unwrap(), last.parse().unwrap_or(size - 1));
                let last = last.min(size - 1);
                let range = format!("bytes {first}-{last}/{size}");
                told.push(("content-range", &range));
                answer(206, &told, content.slice(first..=last))
            }
        }
    }
}

/// What stands behind somebody who keeps back requests and answers.
pub type Behind<'a> = &'a mut dyn FnMut(&Asked) -> Option<Answer>;

/// A played bucket, which can become another one.
pub struct Server {
    played: Played,
    bucket: Arc<Mutex<Bucket>>,
}

impl Server {
    pub async fn new(dialect: Dialect) -> Self {
        Self::behind(dialect, |asked, answer| answer(asked)).await
    }

    /// One that somebody stands in front of, who may keep back requests and answers.
    pub async fn behind(
        dialect: Dialect,
        mut play: impl FnMut(&Asked, Behind<'_>) -> Option<Answer> + Send + 'static,
    ) -> Self {
        let bucket = Arc::new(Mutex::new(Bucket { dialect, ..Bucket::default() }));
        let answering = Arc::clone(&bucket);
        let played =
            Played::new(move |asked| play(asked, &mut |asked| Some(locked(&answering).answer(asked)))).await;
        Self { played, bucket }
    }

    /// A server in front of it that knows nothing of it yet.
    pub fn storage(&self) -> ObjectStorage {
        ObjectStorage::s3(self.settings()).unwrap()
    }

    pub fn settings(&self) -> S3Settings {
        S3Settings {
            endpoint: Some(self.played.url.clone()),
            anonymous: true,
            tuning: Tuning { part_size: 5 << 20, ..tuning() },
            ..S3Settings::new("bucket")
        }
    }

    pub fn becomes(&self, dialect: Dialect) {
        locked(&self.bucket).dialect = dialect;
    }

    /// Another program stores an object.
    pub fn holds(&self, key: &str, content: &'static [u8]) {
        let stored = Stored { content: Bytes::from_static(content), ..Stored::default() };
        locked(&self.bucket).objects.insert(key.to_owned(), stored);
    }

    /// An object goes, whoever removes it.
    pub fn loses(&self, key: &str) {
        locked(&self.bucket).objects.remove(key);
    }

    /// How many parts the store has of all open uploads.
    pub fn open_parts(&self) -> usize {
        locked(&self.bucket).uploads.values().map(|upload| upload.parts.len()).sum()
    }

    /// The keys that begin so.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let bucket = locked(&self.bucket);
        bucket.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// What stands under a key.
    pub fn content(&self, key: &str) -> Option<Bytes> {
        locked(&self.bucket).objects.get(key).map(|stored| stored.content.clone())
    }

    /// The requests that came, as their first lines.
    pub fn asked(&self) -> Vec<String> {
        self.played.asked()
    }
}

pub async fn bucket(dialect: Dialect) -> (ObjectStorage, Server) {
    let server = Server::new(dialect).await;
    (server.storage(), server)
}
