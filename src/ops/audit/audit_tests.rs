use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;
use wharf_backends::{Error, ErrorKind, StoragePath};
use wharf_testing::json_schema::misfits;

use super::*;
use crate::config::Rotation;
use crate::ops::metrics::{Ending, Refusal};
use crate::visit::facts::{Mistake, Moved, Transfer, TransferEnd, Who, Wire};
use crate::visit::{Direction, TransferFailure};

const SCHEMA: &str = include_str!("../../../config/audit.schema.json");

/// 27 November 2026, 18:15:07 UTC, and some.
const TIME: Duration = Duration::new(1_795_803_307, 123_456_789);

fn peer() -> SocketAddr {
    "192.0.2.7:4021".parse().unwrap()
}

fn who(user: &str) -> Who<'_> {
    Who { session: 7, user, peer: peer() }
}

fn sink(to: AuditTo, format: AuditFormat) -> AuditSink {
    AuditSink { to, format, rotation: None, required: false, sha256: true }
}

fn to_file(path: &Path) -> AuditSink {
    sink(AuditTo::File(path.to_owned()), AuditFormat::Json)
}

fn start(sinks: &[AuditSink]) -> Arc<Audit> {
    Audit::start(sinks, &ListingTime::UTC).unwrap().unwrap()
}

fn tell(audit: &Audit, user: &str, what: What<'_>) {
    audit.hears(&Fact { time: UNIX_EPOCH + TIME, who: who(user), what });
}

fn transfer(direction: Direction, path: &str, bytes: u64) -> Arc<Transfer> {
    let moved = Arc::new(std::sync::atomic::AtomicU64::new(bytes));
    Arc::new(Transfer {
        direction,
        path: path.to_owned(),
        backend: "disk".to_owned(),
        offset: 0,
        size: None,
        began: std::time::Instant::now(),
        moved,
    })
}

const TLS: Wire = Wire {
    peer: None,
    active: Some(false),
    tls: Some(Some("1.3")),
    ascii: Some(false),
    compressed: Some(true),
};

struct Broken(Option<Error>);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection\nwas lost")
    }
}

impl TransferFailure for Broken {
    fn ending(&self) -> Ending {
        Ending::Refused("not_found")
    }

    fn of_storage(&self) -> Option<&Error> {
        self.0.as_ref()
    }
}

fn end(failure: Option<&dyn TransferFailure>) -> TransferEnd<'_> {
    let data_peer = Some(peer());
    TransferEnd { seconds: 1.5, data_peer, wire: Wire { peer: data_peer, ..TLS }, failure }
}

/// Every kind of fact and act.
fn tell_everything(audit: &Audit) {
    let path = StoragePath::parse("/in/a b").unwrap();
    let (refused, down) = (Error::new(ErrorKind::NotFound, &path), Error::new(ErrorKind::Unavailable, &path));
    let moved = Moved { received: 5, sent: 6 };
    let (file, listing) = (transfer(Direction::Upload, "/in/a b", 5), transfer(Direction::Listing, "/", 9));
    let (lost, missing) = (Broken(None), Broken(Some(Error::new(ErrorKind::NotFound, &path))));
    for (user, what) in [
        ("", What::SessionRefused { cause: Refusal::LockedOut }),
        ("", What::SessionDisplaced),
        ("anna", What::LoggedIn { host: None, proof: "password", encrypted: true }),
        ("hunter2", What::LoginFailed { cause: "there is no such user" }),
        ("anna", What::OtherCertificate { subject: None, sha256: &[1; 32] }),
        ("anna", What::LoginAbandoned),
        ("anna", What::AddressLockedOut),
        ("anna", What::NameLockedOut),
        ("anna", What::AccountExpired),
        ("anna", What::TooManyTransfers),
        ("anna", What::TransferBegan { transfer: &file }),
        ("anna", What::Mistaken { mistake: Mistake::Silent }),
        ("anna", What::Digested { sha256: &[0xab; 32] }),
        ("anna", What::TransferEnded { transfer: &file, end: end(None) }),
        ("anna", What::TransferEnded { transfer: &file, end: end(Some(&lost)) }),
        ("anna", What::TransferEnded { transfer: &file, end: end(Some(&missing)) }),
        ("anna", What::TransferEnded { transfer: &listing, end: end(None) }),
        ("anna", What::Changed { operation: "RNTO", path: &path, to: Some(&path), value: None }),
        ("anna", What::Changed { operation: "SITE CHMOD", path: &path, to: None, value: Some("0640") }),
        ("anna", What::Changed { operation: "DELE", path: &path, to: None, value: None }),
        ("anna", What::UploadKept { path: &path, bytes: 5 }),
        ("anna", What::UploadRemoved { path: &path, bytes: 5 }),
        ("anna", What::CommandFailed { operation: "SIZE", error: &refused }),
        ("anna", What::CommandFailed { operation: "SIZE", error: &down }),
        (
            "anna",
            What::ScanFound { path: &path, finding: "Eicar", scanner: "clamd", quarantined: Some("/q/1") },
        ),
        ("anna", What::ScanFound { path: &path, finding: "Eicar", scanner: "clamd", quarantined: None }),
        ("anna", What::ScanUnavailable { path: &path, scanner: "clamd", cause: "no answer", passed: true }),
        ("anna", What::ScanUnavailable { path: &path, scanner: "clamd", cause: "no answer", passed: false }),
        ("anna", What::LoggedOut { moved }),
        ("anna", What::SessionClosed { moved, lasted: Duration::from_millis(2500) }),
        ("", What::SessionClosed { moved, lasted: Duration::ZERO }),
    ] {
        tell(audit, user, what);
    }
    for outcome in [Ok(()), Err("it is wrong")] {
        audit.hears_act(UNIX_EPOCH + TIME, &Act { by: "SIGHUP", action: "reload", detail: "a", outcome });
    }
    audit.hears_act(UNIX_EPOCH + TIME, &Act { by: "signal", action: "stop", detail: "", outcome: Ok(()) });
}

/// The lines, each of which fits the schema.
#[track_caller]
fn records(text: &str) -> Vec<Value> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let record = |line: &str| {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(misfits(&schema, &schema, &record, ""), Vec::<String>::new(), "{line}");
        record
    };
    text.lines().map(record).collect()
}

#[test]
fn every_fact_that_counts_is_a_line_that_fits_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let audit = start(&[to_file(&path)]);
    tell_everything(&audit);
    audit.end();
    let text = fs::read_to_string(&path).unwrap();
    let records = records(&text);
    let events: Vec<&str> = records.iter().map(|record| record["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "session.refused",
            "login",
            "login.failed",
            "login.certificate",
            "login.abandoned",
            "lockout",
            "lockout",
            "account.expired",
            "transfer.refused",
            "transfer",
            "transfer",
            "transfer",
            "change",
            "change",
            "change",
            "upload.kept",
            "upload.removed",
            "command.refused",
            "command.failed",
            "scan.found",
            "scan.found",
            "scan.unavailable",
            "scan.unavailable",
            "logout",
            "session.end",
            "act",
            "act",
            "act"
        ]
    );
    // Each kind of record of the schema was there.
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for kind in schema["oneOf"].as_array().unwrap() {
        let name = kind["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        let event = schema["definitions"][name]["properties"]["event"]["const"].as_str().unwrap();
        assert!(events.contains(&event), "no test has the record {event}");
    }
    assert_eq!(
        text.lines().nth(9).unwrap(),
        format!(
            r#"{{"schema":1,"time":"2026-11-27T18:15:07.123456Z","event":"transfer","session":7,"user":"anna","peer":"192.0.2.7:4021","data_peer":"192.0.2.7:4021","operation":"upload","path":"/in/a b","offset":0,"bytes":5,"seconds":1.5,"active":false,"tls":"1.3","type":"I","mode":"Z","sha256":"{}","result":"complete"}}"#,
            "ab".repeat(32)
        )
    );
    let results: Vec<_> = records[9..12].iter().map(|record| record["result"].clone()).collect();
    assert_eq!(results, ["complete", "failed", "refused"]);
    assert_eq!(records[10].get("sha256"), None);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o137, 0, "{mode:o}");
}

#[test]
fn a_login_without_tls_where_that_is_required_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit");
    let audit = start(&[to_file(&path)]);
    tell(&audit, "anna", What::Mistaken { mistake: Mistake::LoginWithoutTls });
    audit.end();
    let records = records(&fs::read_to_string(&path).unwrap());
    assert_eq!((&records[0]["event"], &records[0]["user"]), (&"login.failed".into(), &"anna".into()));
}

/// Whoever is refused may ask again at once, for anything, and must not fill the disk with that.
#[test]
fn a_client_that_is_refused_over_and_over_has_few_and_short_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit");
    let audit = start(&[to_file(&path)]);
    let long = StoragePath::parse(&format!("/{}", "ü".repeat(2000))).unwrap();
    let error = Error::new(ErrorKind::NotFound, &long);
    for _ in 0..10_000 {
        tell(&audit, "anna", What::CommandFailed { operation: "SIZE", error: &error });
    }
    audit.end();
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().count();
    assert!((200..5000).contains(&lines), "{lines}");
    assert!(text.lines().all(|line| line.len() < 4096));
}

/// A name can hold anything that a client can send.
#[test]
fn no_name_ends_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let (json, old) = (folder.path().join("json"), folder.path().join("xferlog"));
    let audit = start(&[to_file(&json), sink(AuditTo::File(old.clone()), AuditFormat::Xferlog)]);
    let names = [
        "/a\u{1b}[2Jb",
        "/a\u{7f}\u{9b}2Jb",
        "/a\u{85}b\u{2028}c",
        "/a\tb c",
        "/ü\u{fffd}",
        "/\"\\},{",
        "/\u{202e}fdp.exe",
    ];
    for name in names {
        let file = transfer(Direction::Download, name, 5);
        tell(&audit, "anna", What::TransferEnded { transfer: &file, end: end(None) });
        tell(&audit, "ev\nil", What::LoginFailed { cause: "a\nb" });
    }
    audit.end();
    let (json, old) = (fs::read_to_string(&json).unwrap(), fs::read_to_string(&old).unwrap());
    let paths: Vec<Value> =
        records(&json).into_iter().filter_map(|mut record| Some(record.get_mut("path")?.take())).collect();
    assert_eq!(paths, names);
    assert_eq!((json.lines().count(), old.lines().count()), (2 * names.len(), names.len()));
    assert!(!json.chars().chain(old.chars()).any(|c| c.is_control() && c != '\n'), "{json}");
    assert!(!json.contains('\u{2028}') && !format!("{json}{old}").contains('\u{202e}'), "{json}");
    for line in old.lines() {
        assert_eq!(line.split(' ').filter(|field| !field.is_empty()).count(), 18, "{line}");
    }
}

#[test]
fn an_xferlog_has_the_fields_that_its_man_page_lists() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("xferlog");
    let zone = ListingTime::named("Europe/Berlin").unwrap();
    let sinks = [sink(AuditTo::File(path.clone()), AuditFormat::Xferlog)];
    let audit = Audit::start(&sinks, &zone).unwrap().unwrap();
    tell_everything(&audit);
    let download = transfer(Direction::Download, "/out/b", 12);
    let wire = Wire { ascii: Some(true), compressed: None, ..TLS };
    tell(
        &audit,
        "anonymous",
        What::TransferEnded { transfer: &download, end: TransferEnd { wire, seconds: 0.2, ..end(None) } },
    );
    audit.end();
    assert_eq!(
        fs::read_to_string(&path).unwrap().lines().collect::<Vec<_>>(),
        [
            "Fri Nov 27 19:15:07 2026 2 192.0.2.7 5 /in/a_b b C i r anna ftp 0 * c",
            "Fri Nov 27 19:15:07 2026 2 192.0.2.7 5 /in/a_b b C i r anna ftp 0 * i",
            "Fri Nov 27 19:15:07 2026 2 192.0.2.7 5 /in/a_b b C i r anna ftp 0 * i",
            "Fri Nov 27 19:15:07 2026 0 192.0.2.7 0 /in/a_b b _ d r anna ftp 0 * c",
            "Fri Nov 27 19:15:07 2026 0 192.0.2.7 12 /out/b a _ o a anonymous ftp 0 * c",
        ]
    );
}

#[test]
fn a_file_that_was_moved_away_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("audit"), folder.path().join("audit.old"));
    let audit = start(&[to_file(&path)]);
    tell(&audit, "first", What::LoginAbandoned);
    while audit.loads().any(|(_, load)| load.written == 0) {
        std::thread::yield_now();
    }
    fs::rename(&path, &old).unwrap();
    // With the next line; and without one, when the configuration is read again.
    tell(&audit, "second", What::LoginAbandoned);
    audit.end();
    assert!(fs::read_to_string(&old).unwrap().contains("first"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("second") && !text.contains("first"), "{text}");
}

#[test]
fn a_full_file_gets_another_name_and_so_many_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit");
    let rotation = Some(Rotation { size: 4000, keep: 2 });
    let audit = start(&[AuditSink { rotation, ..to_file(&path) }]);
    for number in 0..200_u64 {
        tell(&audit, &number.to_string(), What::LoginAbandoned);
        while audit.loads().any(|(_, load)| load.written <= number) {
            std::thread::yield_now();
        }
    }
    audit.end();
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["audit", "audit.1", "audit.2"]);
    let mut users = Vec::new();
    for name in ["audit.2", "audit.1", "audit"] {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(text.len() <= 4000, "{name}: {}", text.len());
        users.extend(
            records(&text).iter().map(|record| record["user"].as_str().unwrap().parse::<u64>().unwrap()),
        );
    }
    // The last of them, without a gap.
    let first = users[0];
    assert_eq!(users, (first..200).collect::<Vec<_>>());
    assert!(first > 100, "{first}");
}

#[test]
fn what_is_no_file_is_refused_without_waiting_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = Audit::start(&[to_file(folder.path())], &ListingTime::UTC).unwrap_err();
    assert!(error.to_string().contains("the audit can't be written to /"), "{error}");
}

/// The header of RFC 5424, and the record behind it.
#[track_caller]
fn message(text: &str) -> Value {
    let fields: Vec<&str> = text.splitn(8, ' ').collect();
    let process = std::process::id().to_string();
    let fixed = [fields[1], fields[3], fields[4], fields[6]];
    assert_eq!(fixed, ["2026-11-27T18:15:07.123456Z", "wharf", &process, "-"], "{text}");
    assert!(matches!(fields[0], "<84>1" | "<86>1"), "{text}");
    let record = records(fields[7]).remove(0);
    assert_eq!(fields[5], record["event"], "{text}");
    record
}

#[test]
fn a_system_log_of_this_machine_gets_a_datagram_for_each_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    let audit = start(&[sink(AuditTo::Syslog(SyslogAddress::Unix(path)), AuditFormat::Json)]);
    tell_everything(&audit);
    let mut buffer = vec![0; 64 * 1024];
    for number in 0..21 {
        let size = socket.recv(&mut buffer).unwrap();
        let text = std::str::from_utf8(&buffer[..size]).unwrap();
        let record = message(text);
        let is_found = ["lockout", "scan.found"].iter().any(|event| record["event"] == **event);
        let is_warning = is_found || record.get("cause").is_some();
        assert_eq!(text.starts_with("<84>"), is_warning, "{number}: {text}");
    }
    audit.end();
}

#[test]
fn a_system_log_that_comes_back_gets_what_waited() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let audit = start(&[sink(AuditTo::Syslog(SyslogAddress::Tcp(place)), AuditFormat::Json)]);
    for round in ["first", "second"] {
        tell(&audit, round, What::LoginAbandoned);
        let (mut stream, _) = listener.accept().unwrap();
        let mut length = Vec::new();
        let mut byte = [0];
        while stream.read_exact(&mut byte).is_ok() && byte != *b" " {
            length.extend(byte);
        }
        let length: usize = String::from_utf8(length).unwrap().parse().unwrap();
        let mut text = vec![0; length];
        stream.read_exact(&mut text).unwrap();
        assert_eq!(message(std::str::from_utf8(&text).unwrap())["user"], round);
        // The connection ends, and the next line needs another one.
    }
    audit.end();
}
