//! `wharf uploads`.

use clap::Args;

use super::Outcome;
use super::control::Reach;
use crate::ops::control::{BACKEND, OWNER, REMOVE, Request};

/// Show uploads that were broken off and are kept for their users, or remove one.
///
/// Paths are those of the backend. They are kept for the users who have `resume_uploads`, and removed when their time is over.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wharf uploads
  wharf uploads --remove /in/video.mp4 --user scanner --backend lake

Exit status: 0 success, 1 the server can't be reached, a backend can't be asked or there is no such upload,
2 bad configuration or usage.")]
pub(super) struct Uploads {
    /// Remove what is kept under this path.
    #[arg(long, value_name = "PATH", requires = "user", requires = "backend")]
    remove: Option<String>,
    /// The user whose upload is removed.
    #[arg(long, value_name = "NAME", requires = "remove")]
    user: Option<String>,
    /// The backend that keeps it.
    #[arg(long, value_name = "NAME", requires = "remove")]
    backend: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

impl Uploads {
    pub(super) fn run(self) -> Outcome {
        let mut request = Request::of("uploads");
        for (key, value) in [(REMOVE, self.remove), (OWNER, self.user), (BACKEND, self.backend)] {
            if let Some(value) = value {
                request.arguments.insert(key.to_owned(), value.into());
            }
        }
        self.reach.ask(&request)
    }
}
