use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use wharf_backends::ErrorKind;
use wharf_backends::observe::{Answer, Outcome, Request};
use wharf_backends::threads::{DiskThreads, Operation};

use super::*;
use crate::config::{AuditFormat, AuditSink, AuditTo};
use crate::listing_time::ListingTime;

/// One of each.
fn full() -> (Arc<Metrics>, OpenSession) {
    let metrics = Metrics::new("native", 100);
    let session = metrics.session_opened();
    metrics.session_refused(Refusal::Stopping);
    metrics.login(Login::Success);
    metrics.login_begins().is_over();
    metrics.session_displaced();
    metrics.handshake(Handshake::Data, true);
    metrics.cluster().relayed(1, Way::To);
    metrics.cluster().bytes(1, Way::From).inc_by(1);
    metrics.cluster().failed(Some(1), RelayFailure::Timeout);
    metrics.cluster().replicas(2, 0);
    metrics.cluster().told(Way::To, 1);
    metrics.keeps_uploads("lake", &[]);
    metrics.command("STOR");
    metrics.reply(226);
    metrics.command_failed("not_found");
    let transfer = metrics.transfer_started("upload");
    transfer.moved().store(1000, Ordering::Relaxed);
    transfer.end(Ending::Failed("stalled"));
    let observer = metrics.observer("lake\"\n");
    observer.request(Request::Put, Answer::Done, Duration::from_millis(30));
    observer.retry(Request::Put);
    observer.operation(Operation::Finish, Outcome::Done, Duration::from_micros(30));
    metrics.tls_files_are_in_use(None, &[("tls.crt".into(), None)]);
    metrics.watch_buffers(Buffers::new(64 << 20, None));
    let disks = vec![("disk".to_owned(), DiskThreads::new("disk", Duration::from_secs(60)))];
    metrics.watch_disks(move || disks.clone());
    let (to, format) = (AuditTo::Stdout, AuditFormat::Json);
    let sink = AuditSink { to, format, rotation: None, required: false, sha256: false };
    metrics.watch_audit(Audit::start(&[sink], &ListingTime::UTC).unwrap().unwrap());
    let receivers = vec![("hook".to_owned(), ReceiverNumbers::default())];
    metrics.watch_events(move || EventNumbers { receivers: receivers.clone(), ..EventNumbers::default() });
    (metrics, session)
}

fn names(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
}

#[test]
fn every_metric_is_described() {
    let document = include_str!("../../../docs/metrics.md");
    let described: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next())
        .filter(|name| name.starts_with("wharf_") || name.starts_with("process_"))
        .collect();
    let (metrics, _session) = full();
    assert_eq!(names(&metrics.text()), described, "docs/metrics.md");
}

#[test]
fn names_of_backends_are_escaped() {
    let (metrics, _session) = full();
    let text = metrics.text();
    assert!(
        text.contains(r#"wharf_backend_requests_total{backend="lake\"\n",request="put",result="done"} 1"#),
        "{text}"
    );
    assert!(text.contains("wharf_buffer_memory_limit_bytes 67108864\n"), "{text}");
}

#[test]
fn operations_are_counted_by_what_became_of_them_and_by_their_time() {
    let metrics = Metrics::new("native", 100);
    let observer = metrics.observer("disk");
    observer.operation(Operation::Finish, Outcome::Done, Duration::from_micros(30));
    observer.operation(Operation::Finish, Outcome::Failed(ErrorKind::NoSpace), Duration::from_secs(2));
    // The backend is opened again, as a reload does.
    metrics.observer("disk").operation(Operation::Finish, Outcome::Abandoned, Duration::from_secs(100));
    let text = metrics.text();
    let ours: Vec<&str> = text.lines().filter(|line| line.starts_with("wharf_backend_operation")).collect();
    let expected = [
        r#"s_total{backend="disk",operation="finish",result="done"} 1"#,
        r#"s_total{backend="disk",operation="finish",result="abandoned"} 1"#,
        r#"s_total{backend="disk",operation="finish",result="no_space"} 1"#,
        r#"s_total{backend="disk",operation="finish",result="unavailable"} 0"#,
        r#"_duration_seconds_sum{backend="disk",operation="finish"} 102.00003"#,
        r#"_duration_seconds_count{backend="disk",operation="finish"} 3"#,
    ];
    let bounds = [("2.5e-05", 0), ("0.0001", 1), ("1", 1), ("5", 2), ("60", 2), ("+Inf", 3)];
    let buckets = bounds.map(|(bound, count)| {
        format!(r#"_duration_seconds_bucket{{backend="disk",operation="finish",le="{bound}"}} {count}"#)
    });
    for line in expected.into_iter().chain(buckets.iter().map(String::as_str)) {
        assert!(ours.contains(&&*format!("wharf_backend_operation{line}")), "{line} in\n{ours:#?}");
    }
}

#[test]
fn every_request_has_a_word_of_its_own() {
    let words: BTreeSet<&str> = Request::ALL.iter().map(|request| request.as_str()).collect();
    assert_eq!(words.len(), Request::ALL.len());
}

#[test]
fn every_word_is_described() {
    let document = include_str!("../../../docs/metrics.md");
    let words = Request::ALL.iter().map(|request| request.as_str());
    let words = words.chain(Operation::ALL.iter().map(|operation| operation.as_str()));
    for word in words.chain(transfers::STORAGE_CAUSES).chain(transfers::TRANSFER_CAUSES) {
        assert!(document.contains(&format!("`{word}`")), "{word} in docs/metrics.md");
    }
}

/// A rate sees no first time.
#[test]
fn failures_are_there_before_they_happen() {
    let text = Metrics::new("native", 100).text();
    for cause in ["no_data_connection", "unavailable", "defect"] {
        let line = format!("wharf_transfer_failures_total{{cause=\"{cause}\"}} 0\n");
        assert!(text.contains(&line), "{line} in\n{text}");
    }
    assert!(text.contains("wharf_command_failures_total{cause=\"unavailable\"} 0\n"), "{text}");
}

#[test]
fn a_transfer_that_is_dropped_counts_as_failed_and_its_bytes_stay() {
    let metrics = Metrics::new("native", 100);
    let transfer = metrics.transfer_started("download");
    transfer.moved().store(7, Ordering::Relaxed);
    assert!(metrics.text().contains("wharf_transfers_running{operation=\"download\"} 1\n"));
    assert!(metrics.text().contains("wharf_transfer_bytes_total{operation=\"download\"} 7\n"));
    drop(transfer);
    let text = metrics.text();
    assert!(text.contains("wharf_transfers_running{operation=\"download\"} 0\n"), "{text}");
    assert!(text.contains("wharf_transfer_bytes_total{operation=\"download\"} 7\n"), "{text}");
    assert!(text.contains("wharf_transfers_total{operation=\"download\",result=\"failed\"} 1\n"), "{text}");
    assert!(text.contains("wharf_transfer_failures_total{cause=\"session_ended\"} 1\n"), "{text}");
}

#[test]
fn a_session_is_open_until_it_is_dropped() {
    let metrics = Metrics::new("native", 100);
    let session = metrics.session_opened();
    assert!(metrics.text().contains("wharf_sessions_open 1\n"));
    drop(session);
    assert!(metrics.text().contains("wharf_sessions_open 0\n"));
    assert!(metrics.text().contains("wharf_sessions_accepted_total 1\n"));
}
