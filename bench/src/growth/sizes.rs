//! The points of each series.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Sessions that do nothing.
    pub sessions: &'static [usize],
    /// How long their processor time is measured.
    pub idle: Duration,
    pub transfers: &'static [usize],
    /// The span in which the bytes of all transfers count.
    pub span: Duration,
    /// The file that is downloaded, again and again.
    pub download: u64,
    pub entries: &'static [usize],
    pub files: &'static [u64],
    /// After this time the rest of a file is not read.
    pub file_within: Duration,
    pub users: &'static [usize],
    pub uploads: &'static [usize],
    /// The size of a file that is uploaded to a bucket, and the least number of files of all sessions together.
    pub upload: u64,
    pub upload_files: usize,
    /// How long one measurement may take.
    pub within: Duration,
}

impl Sizes {
    pub const FULL: Self = Self {
        sessions: &[1, 10, 100, 1_000, 10_000],
        idle: Duration::from_secs(20),
        transfers: &[1, 10, 100, 1_000],
        span: Duration::from_secs(5),
        download: 1 << 30,
        entries: &[1_000, 10_000, 100_000, 1_000_000],
        files: &[1 << 20, 64 << 20, 1 << 30, 16 << 30, 64 << 30],
        file_within: Duration::from_secs(30),
        users: &[10, 1_000, 10_000, 100_000],
        uploads: &[1, 10, 100, 1_000],
        upload: 8 << 20,
        upload_files: 100,
        within: Duration::from_secs(240),
    };

    /// For trying whether everything works. The figures say little.
    pub const QUICK: Self = Self {
        sessions: &[1, 10, 100],
        idle: Duration::from_secs(1),
        transfers: &[1, 10],
        span: Duration::from_millis(500),
        download: 32 << 20,
        entries: &[1_000, 10_000],
        files: &[1 << 20, 64 << 20],
        file_within: Duration::from_secs(5),
        users: &[10, 1_000],
        uploads: &[1, 10],
        upload_files: 10,
        within: Duration::from_secs(30),
        ..Self::FULL
    };
}
