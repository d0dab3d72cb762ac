use bytes::Bytes;
use futures_util::TryStreamExt;
use wharf_backends::memory::MemoryStorage;
use wharf_backends::{ByteRange, CreateMode, Storage, Upload as _};

use super::odd::{Odd, Way};
use super::played::{MARK, Play, Played};
use super::*;
use crate::charset::Charset;
use crate::config::{DefaultType, ScannerAddress};
use crate::listing_time::ListingTime;
use crate::ops::metrics::Metrics;
use crate::visit::layers::Layers;
use crate::visit::{Mount, MountTable, Permissions, Preferences, UserView, Visit};

/// Longer than anything takes here, and too long to wait for.
const LONG: Duration = Duration::from_secs(300);
/// Where nothing but its end can come.
const SHORT: Duration = Duration::from_millis(200);

fn path(text: &str) -> StoragePath {
    StoragePath::parse(text).unwrap()
}

fn memory() -> Arc<dyn Storage> {
    Arc::new(MemoryStorage::new(64 << 20))
}

fn scan_by(port: u16) -> config::Scan {
    let host = "127.0.0.1".to_owned();
    config::Scan {
        scanner: config::Scanner::Clamd(ScannerAddress::Tcp { host, port }),
        timeout: LONG,
        unavailable: Unscanned::Refuse,
        most: 1 << 20,
        over: Unscanned::Refuse,
        connections: 10,
        paths: vec![StoragePath::root()],
        quarantine: None,
    }
}

/// Somebody whose uploads are scanned, and what is behind them.
struct World {
    visit: Visit,
    metrics: Arc<Metrics>,
    quarantine: Arc<dyn Storage>,
}

impl World {
    fn new(scan: &config::Scan) -> Self {
        Self::with(scan, Permissions::FULL, memory())
    }

    fn with(scan: &config::Scan, permissions: Permissions, quarantine: Arc<dyn Storage>) -> Self {
        Self::of(scan, permissions, memory(), quarantine)
    }

    fn of(
        scan: &config::Scan,
        permissions: Permissions,
        store: Arc<dyn Storage>,
        quarantine: Arc<dyn Storage>,
    ) -> Self {
        let metrics = Metrics::new("native", 1);
        let kept = scan
            .quarantine
            .as_ref()
            .map(|kept| Quarantine::new(Arc::clone(&quarantine), kept.path.clone(), scan.timeout));
        let layer: Arc<dyn Layer> = Arc::new(Scan::new(scan, kept, metrics.scans()));
        let guest = Guest {
            name: "anna b".to_owned(),
            is_anonymous: false,
            session: 7,
            peer: "127.0.0.1:1".parse().unwrap(),
            facts: Arc::default(),
        };
        let preferences = Preferences {
            charset: Charset::Utf8,
            default_type: DefaultType::Image,
            listing_time: ListingTime::UTC,
        };
        let root = Mount::new(StoragePath::root(), store, StoragePath::root(), permissions);
        let view = UserView::new(MountTable::new(root, Vec::new()));
        let layers = Layers::of([layer]);
        let visit =
            Visit::new(guest, view, Arc::new(preferences), layers, Arc::clone(&metrics), Box::new(()));
        Self { visit, metrics, quarantine }
    }

    async fn store(&self, at: &str, mode: CreateMode, content: &[u8]) -> Result<()> {
        let mut upload = self.visit.create(&path(at), mode, 0).await?;
        for piece in content.chunks(300_000) {
            if let Err(error) = upload.write(Bytes::copy_from_slice(piece)).await {
                upload.abort().await?;
                return Err(error);
            }
        }
        upload.finish().await.map(drop)
    }

    async fn replace(&self, at: &str, content: &[u8]) -> Result<()> {
        self.store(at, CreateMode::Replace, content).await
    }

    async fn content(&self, at: &str) -> Option<Vec<u8>> {
        let body = self.visit.open(&path(at), ByteRange::ALL).await.ok()?;
        Some(body.into_stream().try_collect::<Vec<_>>().await.unwrap().concat())
    }

    fn count(&self, result: &str) -> u64 {
        let name = format!("wharf_scans_total{{result=\"{result}\"}} ");
        let text = self.metrics.text();
        text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
    }

    /// The names in the quarantine.
    async fn kept(&self) -> Vec<String> {
        let Ok(entries) = self.quarantine.list(&path("/q")).await else { return Vec::new() };
        entries.map_ok(|entry| entry.name).try_collect().await.unwrap()
    }
}

fn with_mark(before: usize, behind: usize) -> Vec<u8> {
    [&vec![b'a'; before][..], MARK, &vec![b'z'; behind]].concat()
}

#[tokio::test]
async fn what_is_clean_is_stored_and_what_is_not_is_not() {
    let played = Played::new(Play::Honest).await;
    let world = World::new(&scan_by(played.port));
    world.replace("/f", b"good").await.unwrap();
    assert_eq!(played.files(), [b"good"]);
    let error = world.replace("/f", &with_mark(500_000, 10)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert_eq!(error.advice(), Some("the scanner found Wharf.Mark in it"));
    assert_eq!(world.content("/f").await.unwrap(), b"good");
    world.replace("/new", MARK).await.unwrap_err();
    assert_eq!(world.content("/new").await, None);
    // There is nothing in it.
    world.replace("/empty", b"").await.unwrap();
    assert_eq!(played.files().len(), 3);
    assert_eq!((world.count("clean"), world.count("infected")), (2, 2));
}

#[tokio::test]
async fn no_verdict_is_no_good_one() {
    for (play, timeout) in [
        (Play::Silent, SHORT),
        (Play::Deaf, SHORT),
        (Play::Gone, LONG),
        (Play::GoneInTheMiddle, LONG),
        (Play::Early(b"what?\0"), LONG),
        (Play::Says(b"stream: OK"), LONG),
        (Play::Says(b""), LONG),
        (Play::Says(b"stream: OK\0stream: Wharf.Mark FOUND\0"), LONG),
        (Play::Says(b"stream: OK \0"), LONG),
        (Play::Says(b"stream:  FOUND\0"), LONG),
        (Play::Says(b"stream: Can't allocate memory ERROR\0"), LONG),
        (Play::Says(b"\xff\xfe\0"), LONG),
        (Play::Endless, LONG),
    ] {
        let played = Played::new(play).await;
        let mut scan = scan_by(played.port);
        // More than the sockets of both sides hold, for who does not read.
        let content = vec![b'a'; if play == Play::Deaf { 16 << 20 } else { 700_000 }];
        (scan.timeout, scan.most) = (timeout, 32 << 20);
        let world = World::new(&scan);
        let error = world.replace("/f", &content).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{play:?}: {error}");
        assert_eq!(world.content("/f").await, None, "{play:?}");
        assert_eq!((world.count("unavailable"), world.count("clean")), (1, 0), "{play:?}");
        scan.unavailable = Unscanned::Pass;
        let world = World::new(&scan);
        world.replace("/f", &content).await.unwrap();
        assert_eq!(world.content("/f").await.unwrap().len(), content.len(), "{play:?}");
        assert_eq!((world.count("passed"), world.count("clean")), (1, 0), "{play:?}");
    }
}

#[tokio::test]
async fn a_scanner_that_is_not_there_is_told_of() {
    // Nobody listens there while it is bound.
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let world = World::new(&scan_by(bound.local_addr().unwrap().port()));
    let error = world.replace("/f", b"content").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("there is no connection"), "{error}");
    assert_eq!(error.advice(), Some("it can't be scanned now, and is not stored; try again later"));
}

/// What is said before the end ends an upload, whose other bytes go nowhere.
#[tokio::test]
async fn what_is_said_early_ends_it() {
    for (says, advice, result) in [
        (&b"stream: Wharf.Mark FOUND\0"[..], "the scanner found Wharf.Mark in it", "infected"),
        (b"stream: OK\0", "it can't be scanned now, and is not stored; try again later", "unavailable"),
    ] {
        let played = Played::new(Play::Early(says)).await;
        let world = World::new(&scan_by(played.port));
        let mut upload = world.visit.create(&path("/f"), CreateMode::Replace, 0).await.unwrap();
        let error = loop {
            if let Err(error) = upload.write(Bytes::from_static(b"abc")).await {
                break error;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(error.advice(), Some(advice));
        // Nor does it go on after that.
        assert!(upload.write(Bytes::from_static(b"abc")).await.is_err());
        assert!(upload.finish().await.is_err());
        assert_eq!(world.content("/f").await, None);
        assert_eq!((world.count(result), world.count("clean")), (1, 0));
    }
}

#[tokio::test]
async fn large_files_are_refused_or_scanned_as_far_as_that_goes() {
    let played = Played::new(Play::Honest).await;
    let mut scan = scan_by(played.port);
    let most = 1 << 20;
    let world = World::new(&scan);
    world.replace("/f", &vec![b'a'; most]).await.unwrap();
    let error = world.replace("/g", &vec![b'a'; most + 1]).await.unwrap_err();
    assert_eq!((error.kind(), world.count("refused")), (ErrorKind::PermissionDenied, 1));
    assert_eq!(error.advice(), Some("it is larger than what can be scanned"));
    scan.over = Unscanned::Pass;
    let world = World::new(&scan);
    world.replace("/g", &with_mark(most, most)).await.unwrap();
    assert_eq!(world.content("/g").await.unwrap().len(), 2 * most + MARK.len());
    assert_eq!(played.files().last().unwrap().len(), most);
    let error = world.replace("/h", &with_mark(most - MARK.len(), most)).await.unwrap_err();
    assert_eq!(error.advice(), Some("the scanner found Wharf.Mark in it"));
    assert_eq!(["partly", "passed", "infected"].map(|result| world.count(result)), [1, 0, 1]);
}

/// The limit of the daemon is lower than ours.
#[tokio::test]
async fn what_the_scanner_does_not_take_is_not_clean() {
    let played = Played::new(Play::Early(b"INSTREAM size limit exceeded. ERROR\0")).await;
    let mut scan = scan_by(played.port);
    let world = World::new(&scan);
    let error = world.replace("/f", &[b'a'; 700_000]).await.unwrap_err();
    assert_eq!((error.kind(), world.count("refused")), (ErrorKind::PermissionDenied, 1));
    // What is said of a scanner that is down does not count here.
    scan.unavailable = Unscanned::Pass;
    World::new(&scan).replace("/f", &[b'a'; 700_000]).await.unwrap_err();
    // Nor is anything known of its first bytes.
    (scan.unavailable, scan.over) = (Unscanned::Refuse, Unscanned::Pass);
    let world = World::new(&scan);
    world.replace("/f", &[b'a'; 700_000]).await.unwrap_err();
    assert_eq!((world.content("/f").await, world.count("refused")), (None, 1));
    scan.unavailable = Unscanned::Pass;
    let world = World::new(&scan);
    world.replace("/f", &[b'a'; 700_000]).await.unwrap();
    assert_eq!(world.count("passed"), 1);
}

#[path = "piece_by_piece_tests.rs"]
mod piece_by_piece;

#[tokio::test]
async fn scans_take_turns() {
    let played = Played::new(Play::Honest).await;
    let mut scan = scan_by(played.port);
    (scan.connections, scan.timeout) = (1, Duration::from_secs(3));
    let world = World::new(&scan);
    let mut slow = world.visit.create(&path("/slow"), CreateMode::Replace, 0).await.unwrap();
    slow.write(Bytes::from_static(b"abc")).await.unwrap();
    let error = world.replace("/f", b"content").await.unwrap_err();
    assert!(error.to_string().contains("no connection to the scanner became free"), "{error}");
    slow.finish().await.unwrap();
    world.replace("/f", b"content").await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_scan() {
    let played = Played::new(Play::Honest).await;
    let mut scan = scan_by(played.port);
    scan.quarantine = Some(config::Quarantine { backend: "q".to_owned(), path: path("/q") });
    let world = World::new(&scan);
    let mut upload = world.visit.create(&path("/f"), CreateMode::Replace, 0).await.unwrap();
    upload.write(Bytes::from_static(b"abc")).await.unwrap();
    played.open.clone().wait_for(|open| *open == 1).await.unwrap();
    drop(upload);
    played.open.clone().wait_for(|open| *open == 0).await.unwrap();
    assert_eq!(world.kept().await, [""; 0]);
}

mod quarantine {
    use super::*;

    fn scan(port: u16) -> config::Scan {
        let quarantine = Some(config::Quarantine { backend: "q".to_owned(), path: path("/q") });
        config::Scan { quarantine, ..scan_by(port) }
    }

    #[tokio::test]
    async fn keeps_what_is_infected_and_nothing_else() {
        let played = Played::new(Play::Honest).await;
        let world = World::new(&scan(played.port));
        world.replace("/good", b"good").await.unwrap();
        world.replace("/old", b"wharf-finds-").await.unwrap();
        world.store("/old", CreateMode::Append, b"this-mark and more").await.unwrap_err();
        // A copy of what is clean goes when nobody waits any more.
        let names = loop {
            let names = world.kept().await;
            if names.iter().all(|name| !name.ends_with(".scanning")) {
                break names;
            }
            tokio::task::yield_now().await;
        };
        let [name, record] = &names[..] else { panic!("{names:?}") };
        assert!(name.ends_with("-anna_b-Wharf.Mark") && *record == format!("{name}.json"), "{names:?}");
        let read = async |name: &str| {
            let body = world.quarantine.open(&path(&format!("/q/{name}")), ByteRange::ALL).await.unwrap();
            body.into_stream().try_collect::<Vec<_>>().await.unwrap().concat()
        };
        assert_eq!(read(name).await, b"wharf-finds-this-mark and more");
        let record: serde_json::Value = serde_json::from_slice(&read(record).await).unwrap();
        for (key, value) in [
            ("user", "anna b"),
            ("peer", "127.0.0.1:1"),
            ("path", "/old"),
            ("finding", "Wharf.Mark"),
            ("sha256", "a13fdabad9925a0911dbb0284759e3d5f4081d7ba137f8ce898ef79d1b3966d1"),
        ] {
            assert_eq!(record[key], value, "{key}");
        }
        assert_eq!((&record["bytes"], &record["whole"]), (&30.into(), &true.into()));
        assert!(world.metrics.text().contains("wharf_scan_quarantined_total{result=\"kept\"} 1"));
    }

    /// What the scanner has found is kept and told of, whether the client waits for the end or not.
    #[tokio::test]
    async fn keeps_what_a_client_has_sent_who_leaves_at_the_end() {
        let played = Played::new(Play::Honest).await;
        let odd = Arc::new(Odd::new(Way::RenamesWhenTold(Semaphore::new(0))));
        let world = World::with(&scan(played.port), Permissions::FULL, Arc::clone(&odd) as _);
        let mut upload = world.visit.create(&path("/f"), CreateMode::Replace, 0).await.unwrap();
        upload.write(Bytes::from_static(MARK)).await.unwrap();
        let mut renames = odd.renames.subscribe();
        tokio::select! {
            done = upload.finish() => panic!("{done:?}"),
            renames = renames.wait_for(|renames| *renames == 1) => drop(renames.unwrap()),
        }
        let Way::RenamesWhenTold(told) = &odd.way else { unreachable!() };
        told.add_permits(1);
        // Its checksum is made on another thread.
        let kept = async {
            while !world.metrics.text().contains("wharf_scan_quarantined_total{result=\"kept\"} 1") {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, kept).await.unwrap();
        let names = world.kept().await;
        assert!(names.len() == 2 && names.iter().all(|name| !name.ends_with(".scanning")), "{names:?}");
    }

    #[tokio::test]
    async fn takes_as_much_as_it_has_room_for() {
        let played = Played::new(Play::Honest).await;
        let odd = Arc::new(Odd::new(Way::Narrow(1000)));
        let world = World::with(&scan(played.port), Permissions::FULL, odd);
        world.replace("/bad", &with_mark(2500, 0)).await.unwrap_err();
        assert!(world.metrics.text().contains("wharf_scan_quarantined_total{result=\"kept\"} 1"));
    }

    #[tokio::test]
    async fn one_that_fails_lets_nothing_in() {
        let played = Played::new(Play::Honest).await;
        // There is no room in it.
        let world = World::with(&scan(played.port), Permissions::FULL, Arc::new(MemoryStorage::new(10)));
        world.replace("/good", &[b'a'; 1000]).await.unwrap();
        let error = world.replace("/bad", &with_mark(1000, 0)).await.unwrap_err();
        assert_eq!(error.advice(), Some("the scanner found Wharf.Mark in it"));
        assert_eq!(world.content("/bad").await, None);
        assert!(world.metrics.text().contains("wharf_scan_quarantined_total{result=\"failed\"} 1"));
        assert_eq!(world.kept().await, [""; 0]);
    }
}

#[tokio::test]
async fn nothing_is_renamed_into_what_is_scanned() {
    let played = Played::new(Play::Honest).await;
    let mut scan = scan_by(played.port);
    scan.paths = vec![path("/in"), path("/deep/in")];
    let world = World::new(&scan);
    for directory in ["/in", "/in/below", "/out", "/out/in", "/deep", "/empty"] {
        world.visit.create_directory(&path(directory)).await.unwrap();
    }
    world.replace("/out/f", MARK).await.unwrap();
    world.replace("/out/in/f", MARK).await.unwrap();
    world.replace("/in/f", MARK).await.unwrap_err();
    world.replace("/in/g", b"good").await.unwrap();
    for (from, to) in [("/out/f", "/in/f"), ("/out", "/in/below/out"), ("/out/in", "/in/in")] {
        let error = world.visit.rename(&path(from), &path(to)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{from} {to}");
        assert!(error.advice().is_some_and(|advice| advice.contains("scanned")), "{error}");
    }
    world.visit.remove_directory(&path("/deep")).await.unwrap();
    // What would be below has been scanned nowhere.
    world.visit.rename(&path("/out"), &path("/deep")).await.unwrap_err();
    world.visit.rename(&path("/in/g"), &path("/in/below/h")).await.unwrap();
    world.visit.rename(&path("/in/below/h"), &path("/out/h")).await.unwrap();
    world.visit.rename(&path("/out/h"), &path("/empty/h")).await.unwrap();
}
