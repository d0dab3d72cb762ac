//! Very many small objects: put into the store's directory of buckets, which takes them without a signature.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

use crate::measure::on_threads;
use crate::object::Store;
use crate::place::small_name;
use crate::problem::{Doing, Problem, Result};
use crate::stream::{SILENCE, dial};

/// The content of each key.
pub const CONTENT: &[u8] = b"x";

/// More keep the store no busier.
const CONNECTIONS: usize = 8;
/// The number of requests that are sent before their answers are read. All of these fit into the buffers of a connection.
const AT_ONCE: usize = 32;
/// The longest answer and line that are read.
const LONGEST: u64 = 64 << 10;

/// Puts so many into a directory of a bucket, and says how long it took in seconds.
pub fn put(store: &Store, bucket: &str, directory: &str, count: usize, within: Duration) -> Result<f64> {
    let start = Instant::now();
    let address = ([127, 0, 0, 1], store.filer()).into();
    on_threads(CONNECTIONS, |thread| {
        let doing = || "putting keys into the store".to_owned();
        let mut writer = dial(address, SILENCE).doing(doing)?;
        let mut reader = BufReader::new(writer.try_clone().doing(doing)?);
        let mine: Vec<usize> = (thread..count).step_by(CONNECTIONS).collect();
        for some in mine.chunks(AT_ONCE) {
            let mut requests = Vec::new();
            for number in some {
                let name = small_name(*number);
                let length = CONTENT.len();
                let head = format!(
                    "PUT /buckets/{bucket}/{directory}/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n"
                );
                requests.extend_from_slice(head.as_bytes());
                requests.extend_from_slice(CONTENT);
            }
            writer.write_all(&requests).doing(doing)?;
            for _ in some {
                answer(&mut reader).doing(doing)?;
            }
            if start.elapsed() > within {
                return Err(Problem::new(format!("{}: it took longer than {} s", doing(), within.as_secs())));
            }
        }
        Ok(())
    })?;
    Ok(start.elapsed().as_secs_f64())
}

/// Reads one answer, which has to be a success with a length.
fn answer(reader: &mut impl BufRead) -> Result<()> {
    let status = line(reader)?;
    let mut length = None;
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<u64>().ok();
        }
    }
    let length = length.filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| Problem::new(format!("\"{status}\" has no length")))?;
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body).doing(|| "reading an answer".to_owned())?;
    match status.split_whitespace().nth(1) {
        Some(code) if code.starts_with('2') => Ok(()),
        _ => Err(Problem::new(format!("the store answered \"{status}\": {}", body.trim()))),
    }
}

fn line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    reader.take(LONGEST).read_line(&mut line).doing(|| "reading an answer".to_owned())?;
    match line.strip_suffix('\n') {
        Some(line) => Ok(line.trim_end().to_owned()),
        None => Err(Problem::new("an answer of the store broke off")),
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
