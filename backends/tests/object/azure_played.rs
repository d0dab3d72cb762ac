//! Azure Blob Storage, played: copies that are answered before they are complete, snapshots, a hierarchical namespace.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chrono::Utc;
use wharf_backends::object::{AzureSettings, ObjectStorage, Tuning};
use wharf_testing::locked;
use wharf_testing::played::{Answer, Asked, Played, answer, decoded, md5};

use crate::cloud::PlayedCloud;
use crate::servers::path;

const CONTAINER: &str = "/account/files/";
const TIME: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
const EARLIER: &str = "Wed, 31 Dec 2025 23:59:00 GMT";
const LATER: &str = "Thu, 01 Jan 2026 00:01:00 GMT";

#[derive(Debug, Clone, Default)]
pub struct Blob {
    pub content: Bytes,
    pub metadata: HashMap<String, String>,
    pub has_snapshots: bool,
    /// Stored in parts, so that nobody knows a digest of it.
    pub lacks_digest: bool,
    /// The ids of its blocks, if it was put together of some; then it was stored a moment ago.
    pub blocks: Vec<String>,
    pub copy: Option<Copy>,
    /// The copy was made before all else, and something was set on it since.
    pub is_old_copy: bool,
    pub version: u64,
}

/// How a blob came to its place.
#[derive(Debug, Clone)]
pub struct Copy {
    pub id: String,
    pub status: &'static str,
    pub source: String,
}

impl Blob {
    pub fn of(content: &'static str) -> Self {
        Self { content: Bytes::from_static(content.as_bytes()), ..Self::default() }
    }

    pub fn folder() -> Self {
        Self { metadata: HashMap::from([("hdi_isfolder".to_owned(), "true".to_owned())]), ..Self::default() }
    }

    fn is_folder(&self) -> bool {
        self.metadata.contains_key("hdi_isfolder")
    }

    fn e_tag(&self) -> String {
        format!("\"0x{:X}\"", self.version)
    }

    fn copied_at(&self) -> &'static str {
        if self.is_old_copy { EARLIER } else { LATER }
    }

    fn md5(&self) -> Option<String> {
        (!self.lacks_digest && !self.is_folder()).then(|| BASE64_STANDARD.encode(md5(&self.content)))
    }

    fn headers(&self) -> Vec<(String, String)> {
        let time = match (&self.copy, self.blocks.as_slice()) {
            (Some(_), _) => LATER.to_owned(),
            (None, []) => TIME.to_owned(),
            (None, _) => Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        };
        let mut headers = vec![
            ("etag".to_owned(), self.e_tag()),
            ("last-modified".to_owned(), time),
            ("content-length".to_owned(), self.content.len().to_string()),
        ];
        headers.extend(self.md5().map(|md5| ("content-md5".to_owned(), md5)));
        headers
            .extend(self.metadata.iter().map(|(name, value)| (format!("x-ms-meta-{name}"), value.clone())));
        if let Some(Copy { id, status, source }) = &self.copy {
            headers.extend([
                ("x-ms-copy-id".to_owned(), id.clone()),
                ("x-ms-copy-status".to_owned(), (*status).to_owned()),
                ("x-ms-copy-source".to_owned(), source.clone()),
            ]);
            if *status == "success" {
                headers.push(("x-ms-copy-completion-time".to_owned(), self.copied_at().to_owned()));
            }
        }
        headers
    }
}

/// The blobs by their keys, and how the store is.
#[derive(Debug, Default)]
pub struct State {
    pub blobs: BTreeMap<String, Blob>,
    /// Blocks that belong to nothing yet, by their ids.
    blocks: BTreeMap<String, Bytes>,
    pub is_hierarchical: bool,
    /// Whether listings tell of its directories as objects, too.
    pub lists_folders: bool,
    /// Copies go on behind their answers, until somebody says that they are complete.
    pub copies_later: bool,
    changes: u64,
}

/// The store, which tests may change under the hands of the backend.
#[derive(Debug, Clone, Default)]
pub struct Azure(Arc<Mutex<State>>);

fn refused(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
    answer(status, &[("x-ms-error-code", code)], body)
}

impl Azure {
    pub fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.0)
    }

    pub fn keys(&self) -> Vec<String> {
        self.state().blobs.keys().cloned().collect()
    }
}

impl PlayedCloud for Azure {
    fn answer(&self, asked: &Asked) -> Answer {
        self.state().answer(asked)
    }

    fn storage(played: &Played, tuning: Tuning) -> ObjectStorage {
        let settings = AzureSettings {
            endpoint: Some(format!("{}/account", played.url)),
            access_key: Some(BASE64_STANDARD.encode("key")),
            prefix: path("/"),
            tuning,
            ..AzureSettings::new("account", "files")
        };
        ObjectStorage::azure(settings).unwrap()
    }
}

impl State {
    pub fn put(&mut self, key: &str, mut blob: Blob) {
        self.changes += 1;
        blob.version = self.changes;
        self.blobs.insert(key.to_owned(), blob);
        if self.is_hierarchical
            && let Some((parent, _)) = key.rsplit_once('/')
            && !self.blobs.contains_key(parent)
        {
            self.put(parent, Blob::folder());
        }
    }

    /// Puts a blob together of blocks that were sent and belong to nothing yet.
    fn commit(&mut self, key: &str, asked: &Asked) -> Answer {
        let list = String::from_utf8_lossy(&asked.body).into_owned();
        let ids = list.split("<Uncommitted>").skip(1).map(|text| text.split('<').next().unwrap().to_owned());
        let blocks: Vec<String> = ids.collect();
        let content: Option<Vec<&[u8]>> = blocks.iter().map(|id| self.blocks.get(id).map(|b| &**b)).collect();
        let Some(content) = content else { return refused(400, "InvalidBlockList") };
        let content = Bytes::from(content.concat());
        self.blocks.clear();
        let metadata = asked.metadata("x-ms-meta-");
        self.put(key, Blob { content, metadata, blocks, lacks_digest: true, ..Blob::default() });
        answer(201, &[("etag", &self.blobs[key].e_tag())], "")
    }

    pub fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.query("comp") == Some("list") {
            return self.list(asked.query("prefix").unwrap_or_default(), asked.query("delimiter").is_some());
        }
        let key = decoded(asked.path.strip_prefix(CONTAINER).unwrap());
        let found = self.blobs.get(&key).cloned();
        let does_match = |wanted: &str| found.as_ref().is_some_and(|blob| blob.e_tag() == wanted);
        if asked.header("if-match").is_some_and(|wanted| !does_match(wanted)) {
            return refused(412, "ConditionNotMet");
        }
        if asked.header("if-none-match").is_some() && found.is_some() {
            return refused(409, "BlobAlreadyExists");
        }
        match (asked.method.as_str(), asked.query("comp"), found) {
            ("PUT", Some("copy"), found) => self.abort(&key, found, asked.query("copyid").unwrap()),
            ("PUT", None, found) if asked.header("x-ms-copy-source").is_some() => {
                self.copy(&key, found, asked)
            }
            ("PUT", None, _) => {
                let (content, metadata) = (asked.body.clone(), asked.metadata("x-ms-meta-"));
                self.put(&key, Blob { content, metadata, ..Blob::default() });
                answer(201, &[("etag", &self.blobs[&key].e_tag())], "")
            }
            ("PUT", Some("block"), _) => {
                self.blocks.insert(asked.query("blockid").unwrap().to_owned(), asked.body.clone());
                answer(201, &[], "")
            }
            ("PUT", Some("blocklist"), _) => self.commit(&key, asked),
            ("GET", Some("blocklist"), _)
                if asked.query("blocklisttype") == Some("uncommitted") && !self.blocks.is_empty() =>
            {
                let block = |(id, content): (&String, &Bytes)| {
                    format!("<Block><Name>{id}</Name><Size>{}</Size></Block>", content.len())
                };
                let blocks: String = self.blocks.iter().map(block).collect();
                let list = format!("<BlockList><UncommittedBlocks>{blocks}</UncommittedBlocks></BlockList>");
                answer(200, &[], list)
            }
            (_, _, None) => refused(404, "BlobNotFound"),
            ("GET", Some("blocklist"), Some(blob)) => {
                let block = |id: &String| format!("<Block><Name>{id}</Name><Size>1</Size></Block>");
                let blocks: String = blob.blocks.iter().map(block).collect();
                let list = format!("<BlockList><CommittedBlocks>{blocks}</CommittedBlocks></BlockList>");
                answer(200, &[], list)
            }
            ("PUT", Some("metadata"), Some(blob)) => {
                self.put(&key, Blob { metadata: asked.metadata("x-ms-meta-"), ..blob });
                answer(200, &[], "")
            }
            ("DELETE", _, Some(blob)) if blob.has_snapshots => refused(409, "SnapshotsPresent"),
            ("DELETE", ..) if self.is_hierarchical && self.holds(&key) => refused(409, "DirectoryIsNotEmpty"),
            ("DELETE", ..) => {
                self.blobs.remove(&key);
                answer(202, &[], "")
            }
            (_, _, Some(blob)) => {
                let headers = blob.headers();
                let headers: Vec<_> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let content = if asked.method == "HEAD" { Bytes::new() } else { blob.content };
                answer(200, &headers, content)
            }
        }
    }

    fn holds(&self, directory: &str) -> bool {
        self.blobs.keys().any(|key| key.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/')))
    }

    fn copy(&mut self, key: &str, found: Option<Blob>, asked: &Asked) -> Answer {
        let is_pending = |blob: &Blob| blob.copy.as_ref().is_some_and(|copy| copy.status == "pending");
        if found.as_ref().is_some_and(is_pending) {
            return refused(409, "PendingCopyOperation");
        }
        let source = asked.header("x-ms-copy-source").unwrap().to_owned();
        let from = decoded(source.split_once(CONTAINER).unwrap().1);
        let Some(from) = self.blobs.get(&from).cloned() else { return refused(404, "BlobNotFound") };
        if asked.header("x-ms-source-if-match").is_some_and(|wanted| from.e_tag() != wanted) {
            return refused(412, "SourceConditionNotMet");
        }
        if self.is_hierarchical && from.is_folder() {
            return refused(409, "ResourceTypeMismatch");
        }
        let (status, content) = match self.copies_later {
            true => ("pending", Bytes::new()),
            false => ("success", from.content.clone()),
        };
        let id = format!("copy-{}", self.changes);
        let copy = Some(Copy { id: id.clone(), status, source });
        self.put(key, Blob { content, copy, has_snapshots: false, ..from });
        answer(
            202,
            &[("x-ms-copy-id", &id), ("x-ms-copy-status", status), ("etag", &self.blobs[key].e_tag())],
            "",
        )
    }

    fn abort(&mut self, key: &str, found: Option<Blob>, id: &str) -> Answer {
        let Some(mut blob) = found else { return refused(404, "BlobNotFound") };
        match &mut blob.copy {
            Some(copy) if copy.id == id && copy.status == "pending" => copy.status = "aborted",
            _ => return refused(409, "NoPendingCopyOperation"),
        }
        self.put(key, blob);
        answer(204, &[], "")
    }

    /// All of it on one page.
    fn list(&self, prefix: &str, is_delimited: bool) -> Answer {
        let (mut blobs, mut last) = (String::new(), String::new());
        for (key, blob) in self.blobs.iter().filter(|(key, _)| key.starts_with(prefix)) {
            if is_delimited && let Some((name, _)) = key[prefix.len()..].split_once('/') {
                let below = format!("{prefix}{name}/");
                if below != last {
                    write!(blobs, "<BlobPrefix><Name>{below}</Name></BlobPrefix>").unwrap();
                    last = below;
                }
                continue;
            }
            let digest =
                blob.md5().map_or_else(String::new, |md5| format!("<Content-MD5>{md5}</Content-MD5>"));
            write!(
                blobs,
                "<Blob><Name>{key}</Name><Properties><Last-Modified>{TIME}</Last-Modified><Etag>{}</Etag>\
                 <Content-Length>{}</Content-Length>{digest}</Properties><Metadata>",
                blob.e_tag().trim_matches('"'),
                blob.content.len()
            )
            .unwrap();
            for (name, value) in &blob.metadata {
                write!(blobs, "<{name}>{value}</{name}>").unwrap();
            }
            blobs.push_str("</Metadata></Blob>");
        }
        answer(200, &[], format!("<EnumerationResults><Blobs>{blobs}</Blobs></EnumerationResults>"))
    }
}
