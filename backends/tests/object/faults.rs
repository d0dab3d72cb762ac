//! Each operation against each fault of the store, at each kind of request that it sends: it works, or it fails and says
//! so, and nothing that is there is half or lost.

use std::time::{Duration, Instant};

use futures_util::{FutureExt, StreamExt};
use wharf_backends::contract::pattern;
use wharf_backends::object::{ObjectStorage, Tuning};
use wharf_backends::{ByteRange, CreateMode, Error, ErrorKind};
use wharf_testing::proxy::{Fault, Kind, Proxy, Record, When, Which, requests_of};

use crate::operations::{
    Directory, Download, Judgement, List, Operation, Place, Remove, Rename, RenameDirectory, Upload,
};
use crate::servers::{SERVERS, fresh_prefix, s3, settings_through, variable};
use crate::sizes::open_uploads;

const PART: usize = 5 << 20;

/// More than what is copied in one part.
const LARGE: usize = (6 << 20) + 500;

/// Cases that run at the same time.
const AT_ONCE: usize = 8;

/// How long one of them may take.
const LONGEST: Duration = Duration::from_secs(120);

/// A storage that gives up after few attempts, and not because a busy machine is slow: none of the faults is a silence.
fn impatient(proxy: &Proxy, server: &str, prefix: &str) -> ObjectStorage {
    let mut settings = settings_through(proxy, server, prefix);
    settings.tuning = Tuning {
        part_size: PART as u64,
        retries: 2,
        // So long a store is asked what became of an upload.
        retry_timeout: Duration::from_secs(20),
        connect_timeout: LONGEST,
        read_timeout: LONGEST,
        ..settings.tuning
    };
    ObjectStorage::s3(settings).unwrap()
}

/// What goes wrong, and what may become of an operation then.
struct Trouble {
    name: &'static str,
    fault: fn() -> Fault,
    /// If it passes, the operation must work.
    survived_once: bool,
    /// What a failure must be.
    told_as: &'static [ErrorKind],
}

const LOST: &[ErrorKind] = &[ErrorKind::Unavailable];

fn refusal(status: u16, code: &'static str) -> Fault {
    Fault::Answer { status, code, message: "The store says no." }
}

const TROUBLES: &[Trouble] = &[
    Trouble { name: "lost before", fault: || Fault::DropBefore, survived_once: true, told_as: LOST },
    Trouble { name: "lost after", fault: || Fault::DropAfter, survived_once: true, told_as: LOST },
    Trouble { name: "500", fault: || refusal(500, "InternalError"), survived_once: true, told_as: LOST },
    Trouble { name: "503", fault: || refusal(503, "SlowDown"), survived_once: true, told_as: LOST },
    Trouble {
        name: "403",
        fault: || refusal(403, "AccessDenied"),
        survived_once: false,
        told_as: &[ErrorKind::PermissionDenied],
    },
    Trouble {
        name: "answer cut",
        fault: || Fault::TruncatedAnswer { gate: None },
        survived_once: false,
        told_as: LOST,
    },
    Trouble { name: "request cut", fault: || Fault::TruncatedRequest, survived_once: true, told_as: LOST },
    // Whatever it is taken for, what is there must be right.
    Trouble { name: "wrong tag", fault: || Fault::WrongETag, survived_once: false, told_as: &[] },
    Trouble {
        name: "error in a 200",
        fault: || Fault::ErrorInside { code: "InternalError" },
        survived_once: true,
        told_as: LOST,
    },
];

impl Trouble {
    /// Whether a request of this kind can have it.
    fn can_meet(&self, kind: Kind, records: &[Record]) -> bool {
        let mut alike = records.iter().filter(|record| record.kind == kind);
        match self.name {
            "request cut" => alike.any(|record| record.up > 1),
            "answer cut" => alike.any(|record| record.down > 1),
            "error in a 200" => matches!(kind, Kind::Copy | Kind::PartCopy | Kind::Complete),
            _ => true,
        }
    }
}

struct Case {
    trouble: &'static Trouble,
    when: When,
    prefix: String,
}

impl Case {
    fn kind(&self) -> Kind {
        self.when.kind.unwrap()
    }

    fn name(&self) -> String {
        match self.when.which {
            Which::Nth(nth) => format!("{} at {} {nth}", self.trouble.name, self.kind()),
            Which::First(_) | Which::All => format!("{} at every {}", self.trouble.name, self.kind()),
        }
    }

    /// Whether parts may stay on the store: nothing that the client knows could remove them, so that it is for the sweep.
    fn may_leave_parts(&self, failed: Option<&Error>) -> bool {
        match self.kind() {
            // The store has begun it and could not say how it calls it.
            Kind::Create => matches!(self.trouble.name, "lost after" | "answer cut"),
            Kind::Abort => failed.is_some(),
            // It does not say whether it has made the object, whose bytes an abort could take.
            Kind::Complete => failed.is_some_and(|error| error.kind() == ErrorKind::Unavailable),
            _ => false,
        }
    }

    async fn run(&self, operation: &dyn Operation, server: &'static str) -> Judgement {
        let place = Place { server, prefix: self.prefix.clone(), direct: s3(server, &self.prefix) };
        if !operation.only_reads() {
            operation.prepare(&place).await;
        }
        let proxy = Proxy::before(&variable(server)).await;
        let rule = proxy.fault(self.when, (self.trouble.fault)());
        let storage = impatient(&proxy, server, &self.prefix);
        let ran = tokio::time::timeout(LONGEST, operation.run(&storage));
        let failed = match ran.await.map_err(|_| "it did not end".to_owned())? {
            Ok(judgement) => judgement.map(|()| None)?,
            Err(error) => Some(error),
        };
        if rule.hits() == 0 && operation.waits_for_all() {
            return Err("the request was never sent".to_owned());
        }
        operation.judge(&place, failed.as_ref()).await.map_err(|wrong| match &failed {
            None => format!("told as a success, but {wrong}"),
            Some(error) => format!("{wrong}, and it was told as: {error}"),
        })?;
        if let Some(error) = &failed {
            if self.trouble.survived_once && matches!(self.when.which, Which::Nth(_)) {
                return Err(format!("it passed, and yet: {error}"));
            }
            if !self.trouble.told_as.is_empty() && !self.trouble.told_as.contains(&error.kind()) {
                return Err(format!("told as: {error}"));
            }
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.may_leave_parts(failed.as_ref()) && open_uploads(server, &self.prefix).await > 0 {
            if Instant::now() > deadline {
                return Err("parts were left on the store".to_owned());
            }
        }
        Ok(())
    }
}

/// Runs an operation undisturbed to learn what it sends, and then with each fault at each kind of that.
async fn meets_every_fault(operation: impl Operation) {
    let server = SERVERS[0];
    let prefix = fresh_prefix();
    let place = Place { server, direct: s3(server, &prefix), prefix: prefix.clone() };
    operation.prepare(&place).await;
    let proxy = Proxy::before(&variable(server)).await;
    let storage = impatient(&proxy, server, &prefix);
    let (done, records) = requests_of(&proxy, operation.run(&storage)).await;
    done.unwrap().unwrap();
    operation.judge(&place, None).await.unwrap();

    let mut kinds: Vec<Kind> = records.iter().map(|record| record.kind).collect();
    kinds.sort();
    kinds.dedup();
    let mut cases = Vec::new();
    for kind in kinds {
        let count = records.iter().filter(|record| record.kind == kind).count();
        let mut moments = vec![When::nth(kind, 1), When::every(kind)];
        moments.extend((count > 1).then_some(When::nth(kind, count)));
        for trouble in TROUBLES.iter().filter(|trouble| trouble.can_meet(kind, &records)) {
            cases.extend(moments.iter().map(|when| {
                let prefix = if operation.only_reads() { prefix.clone() } else { fresh_prefix() };
                Case { trouble, when: *when, prefix }
            }));
        }
    }
    assert!(cases.len() >= 10);
    let operation = &operation;
    let wrong: Vec<String> = futures_util::stream::iter(&cases)
        .map(|case| {
            async move { case.run(operation, server).await.map_err(|e| format!("{}: {e}", case.name())) }
                .boxed()
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(|judgement| std::future::ready(judgement.err()))
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} of {} cases:\n  {}", wrong.len(), cases.len(), wrong.join("\n  "));
}

macro_rules! faults {
    ($($case:ident: $operation:expr;)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $case() {
            meets_every_fault($operation).await;
        })+
    };
}

faults! {
    small_upload: Upload::of(CreateMode::Replace, None, 1000);
    small_upload_over_another: Upload::of(CreateMode::Replace, Some(500), 1000);
    small_upload_of_a_new_file: Upload::of(CreateMode::New, None, 1000);
    upload_in_parts: Upload::of(CreateMode::Replace, Some(500), 12 << 20);
    upload_in_parts_that_is_aborted: Upload { finishes: false, ..Upload::of(CreateMode::Replace, Some(500), 12 << 20) };
    append_to_a_small_file: Upload::of(CreateMode::Append, Some(500), 1000);
    append_to_a_large_file: Upload::of(CreateMode::Append, Some(LARGE), 1000);
    resume_of_a_small_file: Upload::of(CreateMode::Resume(300), Some(500), 1000);
    resume_of_a_large_file: Upload::of(CreateMode::Resume(LARGE as u64 - 200), Some(LARGE), PART + 1);
    small_download: Download { content: pattern(1000, 1), range: ByteRange::ALL };
    large_download: Download { content: pattern(6 << 20, 1), range: ByteRange::ALL };
    download_of_a_part: Download { content: pattern(3 << 20, 1), range: ByteRange { offset: 12_345, length: Some(2 << 20) } };
    rename_of_a_file: Rename { replaced: None };
    rename_over_another_file: Rename { replaced: Some(pattern(100, 3)) };
    rename_of_a_directory: RenameDirectory;
    making_a_directory: Directory { made: true };
    removing_a_directory: Directory { made: false };
    listing: List;
    removing_a_file: Remove;
}
