//! The rows of the table of limits.

/// The rows: each gives several lines of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Uploads,
    Listing,
}

impl Limit {
    pub const ALL: [Self; 2] = [Self::Uploads, Self::Listing];

    /// As it is written on the command line.
    pub fn id(self) -> &'static str {
        match self {
            Self::Uploads => "uploads",
            Self::Listing => "listing",
        }
    }
}
