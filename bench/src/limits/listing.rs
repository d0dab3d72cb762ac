//! One directory of very many keys, listed by one client.

use std::time::{Duration, Instant};

use super::entries::Entries;
use super::keys::{self, CONTENT};
use super::table::Table;
use super::watch::watched;
use super::{Bench, Limit, MEBIBYTE, Verb, with_last_words};
use crate::object::start_wharf;
use crate::problem::{Problem, Result};
use crate::progress;
use crate::rows::count;

/// The memory that a listing may take above that of the idle server, in MiB.
const ABOVE_IDLE: f64 = 64.0;

const BUCKET: &str = "listing";
const DIRECTORY: &str = "list";

pub fn measure(bench: &mut Bench<'_>, table: &mut Table) -> Result<()> {
    let (keys, within) = (bench.options.sizes.limits.keys, bench.options.sizes.limits.within);
    bench.store.make_bucket(BUCKET)?;
    progress(&format!("putting {} keys into the store", count(keys)));
    let took = keys::put(&bench.store, BUCKET, DIRECTORY, keys, within)?;
    progress(&format!("putting {} keys into the store took {took:.1} s", count(keys)));
    bench.notes.push(format!("{} keys of one byte were put into the store in {took:.0} s.", count(keys)));
    for verb in [Verb::Mlsd, Verb::List] {
        if let Err(problem) = list(bench, table, verb) {
            table.fail(Limit::Listing, &problem.to_string());
            progress(&format!("{}: {problem}", Limit::Listing.id()));
        }
    }
    Ok(())
}

fn list(bench: &mut Bench<'_>, table: &mut Table, verb: Verb) -> Result<()> {
    let sizes = &bench.options.sizes;
    let (keys, within) = (sizes.limits.keys, sizes.limits.within);
    let server = start_wharf(&bench.options.tools, bench.place, &bench.store, BUCKET, "")?;
    let mut session = server.login(Instant::now() + within)?;
    bench.settle();
    let idle = server.resident();
    let mut entries = Entries::new(verb, keys, CONTENT.len() as u64);
    let start = Instant::now();
    let mut first = None;
    let (listed, memory) = watched(&server, || {
        session.fetch(verb.name(), DIRECTORY, &mut |part| {
            first.get_or_insert_with(|| start.elapsed());
            entries.take(part);
        })
    })?;
    let took = start.elapsed();
    listed.map_err(|problem| with_last_words(problem, &server))?;
    let right = entries.right();
    let above = memory.most().saturating_sub(idle) as f64 / MEBIBYTE;

    let name = verb.name();
    table.all(format!("{name} of {} keys: entries", count(keys)), right, keys);
    table.at_most(format!("{name}: peak memory above idle, MiB"), above, ABOVE_IDLE);
    table.told(format!("{name}: memory before, MiB"), idle as f64 / MEBIBYTE);
    table.told(format!("{name}: first byte, s"), first.unwrap_or(Duration::MAX).as_secs_f64());
    table.told(format!("{name}: whole time, s"), took.as_secs_f64());
    progress(&format!(
        "{}: {name}: {right} entries in {:.1} s, {above:.1} MiB above {:.1} MiB; {}",
        Limit::Listing.id(),
        took.as_secs_f64(),
        idle as f64 / MEBIBYTE,
        memory.describe()
    ));
    entries.wrong().map_or(Ok(()), |wrong| Err(Problem::new(wrong)))
}
