//! The operations of threads with a disk, and their number.

/// An operation with a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Looks at a name.
    Stat,
    /// Lists a directory.
    List,
    /// Opens a file for reading.
    Open,
    /// Reads from a file.
    Read,
    /// Begins an upload.
    Begin,
    /// Writes bytes of an upload.
    Write,
    /// Gives an upload its name, or adds it to the end of a file.
    Finish,
    /// Removes the temporary file of an upload that was given up.
    Abort,
    /// Closes a file.
    Close,
    /// Removes a file or a directory.
    Remove,
    /// Makes a directory.
    MakeDirectory,
    /// Renames a file or directory.
    Rename,
    /// Sets a time or permission bits.
    SetAttributes,
    /// Computes a checksum.
    Digest,
    /// Asks for the available space.
    Available,
    /// Looks for temporary files of uploads.
    Sweep,
    /// Checks whether the disk is there.
    Look,
}

impl Operation {
    /// All operations.
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

    /// A word for labels.
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

    /// Whether others see its effect, so that a client without a reply has to look.
    pub(super) fn is_seen(self) -> bool {
        matches!(self, Self::Finish | Self::Remove | Self::MakeDirectory | Self::Rename | Self::SetAttributes)
    }
}

/// The load of a disk's threads at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskLoad {
    /// The most operations that may run at once.
    pub share: usize,
    /// Running operations.
    pub running: usize,
    /// Running operations that have made no step for longer than the time limit.
    pub hanging: usize,
    /// How many operations were given up so far, because the disk did not answer in time, or none of its threads became
    /// free.
    pub timeouts: Vec<(Operation, u64)>,
}

impl DiskLoad {
    /// Whether the disk answers no operation any more.
    pub fn is_stuck(&self) -> bool {
        self.hanging >= self.share
    }
}
