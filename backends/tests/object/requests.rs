//! How many requests each operation costs: stores bill them, and each is a wait.

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use wharf_backends::contract::{contents, names_in, pattern, put, read};
use wharf_backends::object::{ObjectStorage, Tuning};
use wharf_backends::{ByteRange, CreateMode, ErrorKind, Storage};
use wharf_testing::proxy::{Kind, Proxy, Record, requests_of};

use crate::servers::{SERVERS, fresh_prefix, path, raw, s3, settings_through, variable};

/// Each operation, and the most requests that it may send. Whether a name is free is 1 LIST, and 1 more for a directory above
/// it that was not seen; where there is none, 1 HEAD for each above that.
const PROMISES: &[(&str, usize)] = &[
    ("stat of a file", 1),
    ("entering a directory", 1),
    ("entering an empty directory", 1),
    ("list of 1 entry", 1),
    ("list of 1000 entries", 1),
    ("list of 1001 entries", 2),
    ("list of 2500 entries", 3),
    ("list of a directory with a marker", 1),
    ("list of an empty directory with a marker", 1),
    ("list of files and directories", 1),
    ("upload of a small file", 2),
    ("upload of an empty file", 2),
    ("upload into a deep directory", 7),
    ("upload that overwrites", 3),
    ("upload into a directory that was entered", 2),
    ("upload that replaces what was just stored", 1),
    ("upload of exactly one part", 3),
    ("upload of three parts", 7),
    ("upload of three parts that overwrites", 7),
    ("download of a small file", 1),
    ("download from an offset", 1),
    ("removal of a file after a stat", 1),
    ("removal of a file after a list", 1),
    ("removal of a file after its upload", 1),
    ("removal of a file not seen before", 2),
    ("making a directory", 2),
    ("making a directory in a deep one", 6),
    ("removal of an empty directory", 3),
    ("removal of an empty directory just made", 3),
    ("rename of a file not seen before", 5),
    ("rename of a file after a stat", 4),
    ("rename of a file into a deep directory", 9),
];

const PART: u64 = 5 << 20;

/// A server, a proxy before it, and the promises that were broken.
struct Bench {
    server: &'static str,
    proxy: Proxy,
    prefix: String,
    /// Past the proxy, to prepare.
    direct: ObjectStorage,
    broken: Vec<String>,
}

impl Bench {
    async fn new(server: &'static str) -> Self {
        let prefix = fresh_prefix();
        let proxy = Proxy::before(&variable(server)).await;
        Self { server, proxy, direct: s3(server, &prefix), prefix, broken: Vec::new() }
    }

    /// A storage that has seen nothing yet.
    fn cold(&self) -> ObjectStorage {
        let mut settings = settings_through(&self.proxy, self.server, &self.prefix);
        settings.tuning = Tuning { part_size: PART, ..settings.tuning };
        ObjectStorage::s3(settings).unwrap()
    }

    async fn has(&self, at: &str) {
        put(&self.direct, at, b"content", CreateMode::Replace).await.unwrap();
    }

    /// Runs an operation that must work, and holds its requests against the promise of that name.
    async fn costs<T, E: std::fmt::Display>(
        &mut self,
        name: &str,
        operation: impl Future<Output = Result<T, E>>,
    ) -> Vec<Record> {
        let (_, most) = *PROMISES.iter().find(|(promised, _)| *promised == name).unwrap();
        let (done, records) = requests_of(&self.proxy, operation).await;
        if let Err(error) = done {
            panic!("{}: {name}: {error}", self.server);
        }
        assert!(!records.is_empty(), "{name} did not go through the proxy");
        if records.len() > most {
            self.broken.push(format!("{name}: {most} promised, {} sent: {}", records.len(), kinds(&records)));
        }
        records
    }

    fn finish(self) {
        assert!(self.broken.is_empty(), "{}:\n  {}", self.server, self.broken.join("\n  "));
    }
}

fn kinds(records: &[Record]) -> String {
    records.iter().map(|record| record.kind.to_string()).collect::<Vec<_>>().join(" ")
}

async fn upload(storage: &ObjectStorage, at: &str, content: &[u8]) -> wharf_backends::Result<()> {
    let mut upload = storage.create(&path(at), CreateMode::Replace).await?;
    for chunk in content.chunks(64 << 10) {
        upload.write(Bytes::copy_from_slice(chunk)).await?;
    }
    upload.finish().await.map(drop)
}

async fn list(storage: &ObjectStorage, at: &str) -> wharf_backends::Result<usize> {
    let mut entries = storage.list(&path(at)).await?;
    let mut count = 0;
    while let Some(entry) = entries.next().await {
        entry?;
        count += 1;
    }
    Ok(count)
}

async fn rename(storage: &ObjectStorage, from: &str, to: &str) -> wharf_backends::Result<()> {
    storage.rename(&path(from), &path(to), true).await
}

macro_rules! on_both_servers {
    ($($case:ident),+ $(,)?) => {
        mod seaweedfs {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::Bench::new(super::SERVERS[0]).await).await;
            })+
        }

        mod moto {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::Bench::new(super::SERVERS[1]).await).await;
            })+
        }
    };
}

on_both_servers!(stat, listings, small_uploads, uploads_in_parts, downloads, removals, directories, renames);

async fn stat(mut bench: Bench) {
    bench.has("/d/f").await;
    let storage = bench.cold();
    bench.costs("stat of a file", storage.stat(&path("/d/f"))).await;
    let storage = bench.cold();
    bench.costs("entering a directory", storage.enter(&path("/d"))).await;
    bench.direct.create_directory(&path("/e")).await.unwrap();
    let storage = bench.cold();
    bench.costs("entering an empty directory", storage.enter(&path("/e"))).await;
    for (at, kind) in [("/d/f", ErrorKind::NotADirectory), ("/gone", ErrorKind::NotFound)] {
        assert_eq!(storage.enter(&path(at)).await.unwrap_err().kind(), kind);
    }
    bench.finish();
}

async fn listings(mut bench: Bench) {
    for count in [1, 1000, 1001, 2500] {
        let store = raw(bench.server);
        let puts = (0..count).map(|n| {
            let key = Path::parse(format!("{}/{count}/{n:04}", bench.prefix)).unwrap();
            let store = store.clone();
            async move { store.put(&key, PutPayload::from_static(b"x")).await }
        });
        let done: Vec<_> = futures_util::stream::iter(puts).buffer_unordered(32).collect().await;
        assert!(done.iter().all(Result::is_ok));
        let storage = bench.cold();
        let entries = if count == 1 { "entry" } else { "entries" };
        let name = format!("list of {count} {entries}");
        let all = async {
            let listed = list(&storage, &format!("/{count}")).await?;
            assert_eq!(listed, count);
            Ok::<_, wharf_backends::Error>(())
        };
        bench.costs(&name, all).await;
    }
    bench.direct.create_directory(&path("/marked")).await.unwrap();
    let storage = bench.cold();
    bench.costs("list of an empty directory with a marker", list(&storage, "/marked")).await;
    bench.has("/marked/f").await;
    let storage = bench.cold();
    bench.costs("list of a directory with a marker", list(&storage, "/marked")).await;
    bench.has("/marked/g/h").await;
    bench.direct.create_directory(&path("/marked/i")).await.unwrap();
    let storage = bench.cold();
    bench.costs("list of files and directories", list(&storage, "/marked")).await;
    assert_eq!(names_in(&storage, "/marked").await, ["f", "g", "i"]);
    bench.finish();
}

async fn small_uploads(mut bench: Bench) {
    bench.has("/old/f").await;
    for (name, at, content) in [
        ("upload of a small file", "/f", &b"content"[..]),
        ("upload of an empty file", "/empty", b""),
        ("upload into a deep directory", "/a/b/c/d/e/f", b"content"),
        ("upload that overwrites", "/old/f", b"new content"),
    ] {
        let storage = bench.cold();
        bench.costs(name, upload(&storage, at, content)).await;
        assert_eq!(contents(&bench.direct, at).await, content);
    }
    let storage = bench.cold();
    storage.enter(&path("/old")).await.unwrap();
    bench.costs("upload into a directory that was entered", upload(&storage, "/old/g", b"content")).await;
    bench.costs("upload that replaces what was just stored", upload(&storage, "/old/g", b"other")).await;
    bench.finish();
}

async fn uploads_in_parts(mut bench: Bench) {
    let content = pattern(PART as usize, 1);
    bench.costs("upload of exactly one part", upload(&bench.cold(), "/d/f", &content)).await;
    assert!(contents(&bench.direct, "/d/f").await == content);
    let content = pattern(12 << 20, 1);
    for name in ["upload of three parts", "upload of three parts that overwrites"] {
        let storage = bench.cold();
        let records = bench.costs(name, upload(&storage, "/d/f", &content)).await;
        let sent: u64 =
            records.iter().filter(|record| record.kind == Kind::Part).map(|record| record.up).sum();
        assert!(sent >= content.len() as u64, "{sent} bytes were sent in parts");
        assert!(contents(&bench.direct, "/d/f").await == content);
    }
    bench.finish();
}

async fn downloads(mut bench: Bench) {
    bench.has("/d/f").await;
    let storage = bench.cold();
    bench.costs("download of a small file", read(&storage, "/d/f", ByteRange::ALL)).await;
    let storage = bench.cold();
    let rest = read(&storage, "/d/f", ByteRange::from_offset(3));
    let records = bench.costs("download from an offset", rest).await;
    assert!(records.iter().any(|record| record.range.as_deref().is_some_and(|r| r.starts_with("bytes=3-"))));
    bench.finish();
}

async fn removals(mut bench: Bench) {
    bench.has("/d/f").await;
    let storage = bench.cold();
    storage.stat(&path("/d/f")).await.unwrap();
    bench.costs("removal of a file after a stat", storage.remove_file(&path("/d/f"))).await;

    bench.has("/d/f").await;
    let storage = bench.cold();
    list(&storage, "/d").await.unwrap();
    bench.costs("removal of a file after a list", storage.remove_file(&path("/d/f"))).await;

    let storage = bench.cold();
    upload(&storage, "/d/f", b"content").await.unwrap();
    bench.costs("removal of a file after its upload", storage.remove_file(&path("/d/f"))).await;

    bench.has("/d/f").await;
    let storage = bench.cold();
    bench.costs("removal of a file not seen before", storage.remove_file(&path("/d/f"))).await;
    assert!(bench.direct.stat(&path("/d/f")).await.is_err());
    bench.finish();
}

async fn directories(mut bench: Bench) {
    for (making, at) in [("making a directory", "/d"), ("making a directory in a deep one", "/a/b/c/d/e")] {
        let storage = bench.cold();
        bench.costs(making, storage.create_directory(&path(at))).await;
        bench.costs("removal of an empty directory just made", storage.remove_directory(&path(at))).await;
        bench.direct.create_directory(&path(at)).await.unwrap();
        let storage = bench.cold();
        bench.costs("removal of an empty directory", storage.remove_directory(&path(at))).await;
        assert!(bench.direct.stat(&path(at)).await.is_err());
    }
    bench.finish();
}

async fn renames(mut bench: Bench) {
    bench.has("/d/f").await;
    let storage = bench.cold();
    let renamed = rename(&storage, "/d/f", "/d/g");
    bench.costs("rename of a file not seen before", renamed).await;

    storage.stat(&path("/d/g")).await.unwrap();
    let renamed = rename(&storage, "/d/g", "/d/h");
    bench.costs("rename of a file after a stat", renamed).await;

    let storage = bench.cold();
    let renamed = rename(&storage, "/d/h", "/a/b/c/d/e");
    bench.costs("rename of a file into a deep directory", renamed).await;
    assert_eq!(contents(&bench.direct, "/a/b/c/d/e").await, b"content");
    assert!(bench.direct.stat(&path("/d/h")).await.is_err());
    bench.finish();
}
