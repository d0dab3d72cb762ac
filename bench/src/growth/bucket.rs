//! Uploads to a bucket at once.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::figures::{Figures, Shape};
use super::{Bench, MEBIBYTE, start};
use crate::client::Session;
use crate::limits::watch::watched;
use crate::measure::{log_in, megabytes, on_threads};
use crate::object::{Store, start_wharf, store};
use crate::problem::{Problem, Result};
use crate::progress;
use crate::rows::{bytes, count};

const THREADS: usize = 8;
const BUCKET: &str = "growth";
/// More sessions than the defaults allow one address.
const SETTINGS: &str = "  limits: { sessions: 20000, sessions_per_ip: 20000 }\n";
const BLOCK: usize = 64 << 10;
/// A client waits as long as the server does before it gives up (`server.idle_timeout`).
const PATIENCE: Duration = Duration::from_secs(300);
/// The space that the store leaves free, and the space that it needs beside the content of the files.
const ROOM_BESIDE: u64 = 2 << 30;

pub fn measure(bench: &mut Bench<'_>) -> Result<Figures> {
    let mut figures = Figures::new("sessions", &[""])
        .growing("all together, MB/s", Shape::Holds, 0.0)
        .growing("peak memory, MiB", Shape::Flat, 0.0)
        .drawn("processor time of the server for a GiB, s");
    store::missing(&bench.options.tools)?;
    progress("starting the object store");
    let store =
        Store::start(&bench.options.tools, &bench.place.folder_of("store")?, &[], bench.sizes.within)?;
    let size = bench.sizes.upload;
    // Here and there: control connection and data connection; and one to the store.
    for number in bench.permitted(bench.sizes.uploads, 3, "uploads") {
        let name = format!("{} uploads to a bucket", count(number));
        let values = bench.point(&name, |bench| {
            store.make_bucket(BUCKET)?;
            let values = point(bench, &store, number);
            store.remove_bucket(BUCKET)?;
            values
        });
        if let Some(values) = values {
            progress(&format!("{name}: {values:.2?}"));
            figures.add(0, number as f64, count(number), values);
        }
    }
    bench.notes.push(format!(
        "Each session uploads files of {}, one after the other: {} files of all together, and at least one each.",
        bytes(size),
        count(bench.sizes.upload_files)
    ));
    bench.notes.push(format!("The store: `{}`.", store::version(&bench.options.tools)?));
    Ok(figures)
}

fn point(bench: &mut Bench<'_>, store: &Store, number: usize) -> Result<Vec<f64>> {
    let size = bench.sizes.upload;
    let files = bench.sizes.upload_files.div_ceil(number);
    let total = size * (files * number) as u64;
    bench.needs_room(total + ROOM_BESIDE)?;
    let server = start_wharf(&bench.options.tools, bench.place, store, BUCKET, SETTINGS)?
        .with_patient_clients(PATIENCE);
    let until = bench.until();
    let sessions = log_in(&server, number, THREADS.min(number), until)?;
    let sessions: Vec<Mutex<Session>> = sessions.into_iter().map(Mutex::new).collect();
    bench.settle();
    let (start, used) = (Instant::now(), server.processor_time());
    let (stored, memory) = watched(&server, || {
        on_threads(number, |one| {
            let mut session = sessions[one].lock().map_err(|_| Problem::new("a session was lost"))?;
            (0..files).try_for_each(|file| session.store(&name(one, file), &bench.block[..BLOCK], size))
        })
    })?;
    stored.map_err(|problem| start::with_last_words(problem, &server))?;
    let (took, used) = (start.elapsed().as_secs_f64(), server.processor_time() - used);
    let last = name(number - 1, files - 1);
    let found = store.size(BUCKET, &last)?;
    if found != size {
        return Err(Problem::new(format!("{last} has {found} bytes in the store, not {size}")));
    }
    Ok(vec![
        megabytes(total) / took,
        memory.most() as f64 / MEBIBYTE,
        used / (total as f64 / f64::from(1 << 30)),
    ])
}

fn name(session: usize, file: usize) -> String {
    format!("session-{session}-{file}")
}
