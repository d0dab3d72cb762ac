//! How much is moved, and how often.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// How often each server is measured in each row.
    pub rounds: u32,
    pub big: u64,
    pub small_files: usize,
    pub small: usize,
    /// The size of an append, the number of appends, and the size of the smaller file before.
    pub tail: usize,
    pub tails: usize,
    pub log: u64,
    pub logins_for: Duration,
    pub login_connections: usize,
    pub sessions: usize,
    pub session_files: usize,
    pub session_file: usize,
    pub entries: usize,
    pub idle: usize,
    pub objects: Objects,
    pub far: Far,
    pub limits: Limits,
    /// How long one measurement may take.
    pub limit: Duration,
}

/// The files for an object store, beside `big`.
#[derive(Debug, Clone, Copy)]
pub struct Objects {
    pub small_files: usize,
    pub small: usize,
    pub clients: usize,
    pub client_files: usize,
    pub client_file: usize,
    /// One page of a listing.
    pub entries: usize,
}

/// The load for a store far away, beside `big` and the small files of an object store.
#[derive(Debug, Clone, Copy)]
pub struct Far {
    pub files: usize,
    pub sessions: usize,
    pub session_files: usize,
    /// In one directory, and in a larger one.
    pub keys: usize,
    pub many: usize,
    pub renamed: usize,
    pub deleted: usize,
    /// The tree that is mirrored, and the files of each of its folders.
    pub folders: usize,
    pub folder_files: usize,
    /// How long one measurement may take.
    pub limit: Duration,
}

impl Far {
    /// All files of the tree.
    pub fn tree(&self) -> usize {
        self.folders * self.folder_files
    }
}

/// The load for the limits on Wharf's memory.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// At once.
    pub uploads: usize,
    pub upload: u64,
    /// How long a slow client takes for its upload if it never has to wait.
    pub slow: Duration,
    /// In one directory.
    pub keys: usize,
    /// How long one of these measurements may take, and what is done for it before.
    pub within: Duration,
}

impl Sizes {
    pub const FULL: Self = Self {
        rounds: 3,
        big: 1 << 30,
        small_files: 10_000,
        small: 4 << 10,
        tail: 100,
        tails: 2_000,
        log: 1 << 10,
        logins_for: Duration::from_secs(3),
        login_connections: 8,
        sessions: 200,
        session_files: 20,
        session_file: 256 << 10,
        entries: 100_000,
        idle: 1_000,
        objects: Objects {
            small_files: 2_000,
            small: 16 << 10,
            clients: 32,
            client_files: 4,
            client_file: 8 << 20,
            entries: 1_000,
        },
        far: Far {
            files: 100,
            sessions: 16,
            session_files: 20,
            keys: 3_000,
            many: 100_000,
            renamed: 50,
            deleted: 50,
            folders: 10,
            folder_files: 20,
            limit: Duration::from_secs(300),
        },
        limits: Limits {
            uploads: 1_000,
            upload: 20 << 20,
            slow: Duration::from_secs(90),
            keys: 500_000,
            within: Duration::from_secs(540),
        },
        limit: Duration::from_secs(180),
    };

    /// For trying whether everything works. The figures say little.
    pub const QUICK: Self = Self {
        rounds: 1,
        big: 32 << 20,
        small_files: 200,
        tails: 50,
        logins_for: Duration::from_millis(300),
        sessions: 20,
        session_files: 2,
        entries: 2_000,
        idle: 50,
        objects: Objects {
            small_files: 100,
            clients: 8,
            client_files: 2,
            entries: 100,
            ..Self::FULL.objects
        },
        far: Far {
            files: 10,
            sessions: 4,
            session_files: 5,
            keys: 50,
            many: 1_100,
            renamed: 5,
            deleted: 5,
            folders: 2,
            folder_files: 5,
            limit: Duration::from_secs(10),
        },
        limits: Limits {
            uploads: 50,
            slow: Duration::from_secs(25),
            keys: 20_000,
            within: Duration::from_secs(90),
            ..Self::FULL.limits
        },
        limit: Duration::from_secs(20),
        ..Self::FULL
    };
}
