//! The series of the table of growth.

/// Each gives a small table, a picture, and a sentence for each figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Series {
    Sessions,
    Transfers,
    Directory,
    File,
    Users,
    Bucket,
}

impl Series {
    pub const ALL: [Self; 6] =
        [Self::Sessions, Self::Transfers, Self::Directory, Self::File, Self::Users, Self::Bucket];

    /// As it is written on the command line; also the name of its picture.
    pub fn id(self) -> &'static str {
        match self {
            Self::Sessions => "growth-sessions",
            Self::Transfers => "growth-transfers",
            Self::Directory => "growth-directory",
            Self::File => "growth-file",
            Self::Users => "growth-users",
            Self::Bucket => "growth-bucket",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Sessions => "Idle sessions",
            Self::Transfers => "Transfers at once, of a disk",
            Self::Directory => "Entries of a directory",
            Self::File => "Size of a file",
            Self::Users => "Users in the configuration",
            Self::Bucket => "Uploads at once, to a bucket",
        }
    }
}
