//! A file of more and more bytes, nearly all of which take no room on the disk.

use std::fs::{self, File};
use std::time::Instant;

use super::figures::{Figures, Shape};
use super::{Bench, MEBIBYTE, start};
use crate::limits::watch::watched;
use crate::measure::{BUFFER, megabytes};
use crate::problem::{Doing, Problem, Result};
use crate::progress;
use crate::rows::bytes;

const NAME: &str = "growth-file";
/// Small files are downloaded again and again, until about so much has come.
const TOGETHER: u64 = 1 << 30;
const REPEATED: u64 = 100;

pub fn measure(bench: &mut Bench<'_>) -> Result<Figures> {
    let mut figures = Figures::new("size", &[""]).growing("RETR, MB/s", Shape::Holds, 0.0).growing(
        "peak memory above idle, MiB",
        Shape::Flat,
        2.0,
    );
    for size in bench.sizes.files {
        let name = format!("RETR {}", bytes(*size));
        if let Some(values) = bench.point(&name, |bench| point(bench, *size)) {
            progress(&format!("{name}: {values:.2?}"));
            figures.add(0, *size as f64, bytes(*size), values);
        }
    }
    fs::remove_file(bench.place.data().join(NAME)).ok();
    bench.notes.push("The files are sparse: their bytes come from no disk.".to_owned());
    Ok(figures)
}

fn point(bench: &mut Bench<'_>, size: u64) -> Result<Vec<f64>> {
    let path = bench.place.data().join(NAME);
    File::create(&path).and_then(|file| file.set_len(size)).doing(|| format!("making {}", path.display()))?;
    let server = start::plain(bench)?;
    let mut session = server.login(bench.until())?;
    bench.settle();
    let idle = server.resident();
    let (mut buffer, mut came) = (vec![0; BUFFER], 0);
    let repeated = (TOGETHER / size).clamp(1, REPEATED);
    let start = Instant::now();
    let (read, memory) = watched(&server, || {
        for _ in 0..repeated {
            let whole = session.retrieve_while(NAME, &mut buffer, &mut |count| {
                came += count;
                start.elapsed() < bench.sizes.file_within
            })?;
            if !whole {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    let took = start.elapsed().as_secs_f64();
    let read = read.map_err(|problem: Problem| start::with_last_words(problem, &server))?;
    if !read {
        let part = came as f64 / f64::from(1 << 30);
        bench.notes.push(format!("Of {}, the first {part:.1} GiB were read, in {took:.0} s.", bytes(size)));
    } else if came != size * repeated {
        return Err(Problem::new(format!("{came} bytes came, not {}", size * repeated)));
    }
    Ok(vec![megabytes(came) / took, memory.most().saturating_sub(idle) as f64 / MEBIBYTE])
}
