//! Google Cloud Storage, played: conditions and uploads in parts, which its emulator doesn't have.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum};
use serde_json::{Value, json};
use wharf_backends::object::{GcsSettings, ObjectStorage, Tuning};
use wharf_testing::locked;
use wharf_testing::played::{Answer, Asked, Played, answer, decoded, md5};

use crate::cloud::PlayedCloud;
use crate::servers::path;

const OBJECTS: &str = "/storage/v1/b/bucket/o";

#[derive(Debug, Clone, Default)]
pub struct Object {
    pub content: Bytes,
    pub metadata: HashMap<String, String>,
    /// Put together of parts, so that nobody knows an MD5 of it.
    pub lacks_md5: bool,
    pub generation: u64,
}

impl Object {
    pub fn of(content: &'static str) -> Self {
        Self { content: Bytes::from_static(content.as_bytes()), ..Self::default() }
    }
}

/// One in parts.
#[derive(Debug, Default)]
struct Upload {
    metadata: HashMap<String, String>,
    parts: BTreeMap<u32, Bytes>,
}

#[derive(Debug, Default)]
pub struct State {
    pub objects: BTreeMap<String, Object>,
    upload: Option<Upload>,
    changes: u64,
}

/// The store, which tests may change under the hands of the backend.
#[derive(Debug, Clone, Default)]
pub struct Google(Arc<Mutex<State>>);

impl Google {
    pub fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.0)
    }

    pub fn keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }
}

impl PlayedCloud for Google {
    fn answer(&self, asked: &Asked) -> Answer {
        self.state().answer(asked)
    }

    fn storage(played: &Played, tuning: Tuning) -> ObjectStorage {
        let settings = GcsSettings {
            endpoint: Some(played.url.clone()),
            prefix: path("/"),
            anonymous: true,
            tuning: Tuning { part_size: Tuning::MIN_PART_SIZE, ..tuning },
            ..GcsSettings::new("bucket")
        };
        ObjectStorage::gcs(settings).unwrap()
    }
}

fn refused(status: u16) -> Answer {
    let reason = if status == 404 { "notFound" } else { "conditionNotMet" };
    let body = json!({ "error": { "code": status, "message": "No.", "errors": [{ "reason": reason }] } });
    answer(status, &[], body.to_string())
}

fn document(body: &Value) -> Answer {
    answer(200, &[], body.to_string())
}

impl State {
    pub fn put(&mut self, name: &str, mut object: Object) {
        self.changes += 1;
        object.generation = self.changes;
        self.objects.insert(name.to_owned(), object);
    }

    fn resource(&self, name: &str) -> Option<Value> {
        let Object { content, metadata, lacks_md5, generation } = self.objects.get(name)?;
        let crc = u32::try_from(checksum(CrcAlgorithm::Crc32Iscsi, content)).unwrap();
        let mut resource = json!({
            "name": name, "size": content.len().to_string(), "generation": generation.to_string(),
            "crc32c": BASE64_STANDARD.encode(crc.to_be_bytes()), "timeCreated": "2026-01-01T00:00:00Z",
            "metadata": metadata,
        });
        if !lacks_md5 {
            resource["md5Hash"] = BASE64_STANDARD.encode(md5(content)).into();
        }
        Some(resource)
    }

    /// Whether an object is not the one that is wanted; 0 stands for none.
    fn differs(&self, name: &str, wanted: Option<&str>) -> bool {
        let generation = self.objects.get(name).map_or(0, |object| object.generation);
        wanted.is_some_and(|wanted| wanted != generation.to_string())
    }

    pub fn answer(&mut self, asked: &Asked) -> Answer {
        if asked.query("uploads").is_some() || asked.query("uploadId").is_some() {
            return self.in_parts(asked);
        }
        if let Some(name) = asked.path.strip_prefix("/bucket/") {
            return self.read(asked, &decoded(name));
        }
        let Some(name) = asked.path.strip_prefix(OBJECTS).filter(|name| !name.is_empty()) else {
            return self.list(asked.query("prefix").unwrap_or_default());
        };
        if let Some((from, to)) = name.split_once("/rewriteTo/b/bucket/o/") {
            let (from, to) = (decoded(&from[1..]), decoded(to));
            if self.differs(&from, asked.query("ifSourceGenerationMatch"))
                || self.differs(&to, asked.query("ifGenerationMatch"))
            {
                return refused(412);
            }
            let Some(copied) = self.objects.get(&from).cloned() else { return refused(404) };
            self.put(&to, copied);
            return document(&json!({ "done": true, "resource": self.resource(&to) }));
        }
        let name = decoded(&name[1..]);
        if self.differs(&name, asked.query("ifGenerationMatch")) {
            return refused(412);
        }
        if self.differs(&name, asked.query("generation")) {
            return refused(404);
        }
        match (asked.method.as_str(), self.resource(&name)) {
            (_, None) => refused(404),
            ("DELETE", _) => {
                self.objects.remove(&name);
                answer(204, &[], "")
            }
            (_, Some(resource)) => document(&resource),
        }
    }

    /// The content, by the XML API.
    fn read(&self, asked: &Asked, name: &str) -> Answer {
        let Some(Object { content, generation, .. }) = self.objects.get(name) else {
            return answer(404, &[], "<Error><Code>NoSuchKey</Code><Message>No.</Message></Error>");
        };
        let generation = generation.to_string();
        if asked.header("x-goog-if-generation-match").is_some_and(|wanted| wanted != generation) {
            return answer(412, &[], "<Error><Code>PreconditionFailed</Code><Message>No.</Message></Error>");
        }
        let told = ("x-goog-generation", generation.as_str());
        let range = asked.header("range").and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
        let Some((first, last)) = range else { return answer(200, &[told], content.clone()) };
        let first: usize = first.parse().unwrap();
        let last = last.parse().map_or(content.len() - 1, |last: usize| last.min(content.len() - 1));
        let range = format!("bytes {first}-{last}/{}", content.len());
        answer(206, &[told, ("content-range", &range)], content.slice(first..=last))
    }

    fn list(&self, prefix: &str) -> Answer {
        let names = self.objects.keys().filter(|name| name.starts_with(prefix));
        let items: Vec<_> = names.map(|name| self.resource(name).unwrap()).collect();
        document(&json!({ "kind": "storage#objects", "items": items }))
    }

    /// The one upload in parts that it can have.
    fn in_parts(&mut self, asked: &Asked) -> Answer {
        if asked.query("uploads").is_some() {
            let metadata = asked.metadata("x-goog-meta-");
            self.upload = Some(Upload { metadata, ..Upload::default() });
            let body = "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>k</Key><UploadId>id</UploadId>\
                        </InitiateMultipartUploadResult>";
            return answer(200, &[], body);
        }
        let Some(Upload { metadata, parts }) = &mut self.upload else {
            return answer(404, &[], "<Error><Code>NoSuchUpload</Code><Message>No.</Message></Error>");
        };
        if let Some(number) = asked.query("partNumber") {
            parts.insert(number.parse().unwrap(), asked.body.clone());
            let digits: String = md5(&asked.body).iter().map(|byte| format!("{byte:02x}")).collect();
            return answer(200, &[("etag", &format!("\"{digits}\""))], "");
        }
        let metadata = std::mem::take(metadata);
        let content = std::mem::take(parts).into_values().collect::<Vec<_>>().concat();
        self.upload = None;
        if asked.method == "POST" {
            let name = decoded(asked.path.strip_prefix("/bucket/").unwrap());
            let content = content.into();
            self.put(&name, Object { content, metadata, lacks_md5: true, ..Object::default() });
        }
        let body = "<CompleteMultipartUploadResult><Location>l</Location><Bucket>bucket</Bucket><Key>k</Key>\
                    <ETag>\"x-2\"</ETag></CompleteMultipartUploadResult>";
        answer(200, &[("x-goog-generation", &self.changes.to_string())], body)
    }
}
