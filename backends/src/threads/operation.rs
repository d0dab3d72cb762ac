//! What threads do with a disk, and how much of it.

/// What a thread does with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Looks at a name.
    Stat,
    /// Lists a directory.
    List,
    /// Opens a file to read it.
    Open,
    /// Reads from a file.
    Read,
    /// Begins an upload.
    Begin,
    /// Writes what an upload brings.
    Write,
    /// Gives an upload its name, or puts it behind the end of a file.
    Finish,
    /// Removes what an upload has left that was given up.
    Abort,
    /// Closes a file.
    Close,
    /// Removes a file or a directory.
    Remove,
    /// Makes a directory.
    MakeDirectory,
    /// Gives something another name.
    Rename,
    /// Sets a time or permission bits.
    SetAttributes,
    /// Computes a checksum.
    Digest,
    /// Asks how much room there is.
    Available,
    /// Looks for what uploads have left.
    Sweep,
    /// Looks whether the disk is there.
    Look,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Stat,
        Self::List,
        Self::Open,
        Self::Read,
        Self::Begin,
        Self::Write,
        Self::Finish,
        Self::Abort,
        Self::Close,
        Self::Remove,
        Self::MakeDirectory,
        Self::Rename,
        Self::SetAttributes,
        Self::Digest,
        Self::Available,
        Self::Sweep,
        Self::Look,
    ];

    /// A word for it, made for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::List => "list",
            Self::Open => "open",
            Self::Read => "read",
            Self::Begin => "begin",
            Self::Write => "write",
            Self::Finish => "finish",
            Self::Abort => "abort",
            Self::Close => "close",
            Self::Remove => "remove",
            Self::MakeDirectory => "make_directory",
            Self::Rename => "rename",
            Self::SetAttributes => "set_attributes",
            Self::Digest => "digest",
            Self::Available => "available",
            Self::Sweep => "sweep",
            Self::Look => "look",
        }
    }

    /// Whether others see what it does, so that somebody who does not hear of its end has to look.
    pub(super) fn is_seen(self) -> bool {
        matches!(self, Self::Finish | Self::Remove | Self::MakeDirectory | Self::Rename | Self::SetAttributes)
    }
}

/// What is known of the threads of a disk at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskLoad {
    /// The most operations that run at once.
    pub share: usize,
    /// Those that run.
    pub running: usize,
    /// Those of them that have made no step for longer than the time limit.
    pub hanging: usize,
    /// How many were given up so far, as the disk did not answer in time, or none of its threads became free.
    pub timeouts: Vec<(Operation, u64)>,
}

impl DiskLoad {
    /// Whether the disk answers nobody any more.
    pub fn is_stuck(&self) -> bool {
        self.hanging >= self.share
    }
}
