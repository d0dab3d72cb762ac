//! Where a backend keeps what it has, for comparing.

use std::path::{Path, PathBuf};

use wharf_backends::StoragePath;

/// A place in a store: two backends may have places of which one is in the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// The store: a disk of this machine, or a bucket of a service.
    store: String,
    steps: Vec<String>,
}

impl Ground {
    /// A directory of this machine, wherever links lead to.
    pub fn of_directory(directory: &Path) -> Self {
        let real = canonical(directory);
        let steps = real.components().filter_map(|step| match step {
            std::path::Component::Normal(step) => Some(step.to_string_lossy().into_owned()),
            _ => None,
        });
        Self { store: DISK.to_owned(), steps: steps.collect() }
    }

    /// A prefix of a bucket. What stands before the bucket says whose it is: the kind of service, and where that is.
    pub fn of_bucket(service: &str, endpoint: Option<&str>, bucket: &str, prefix: &StoragePath) -> Self {
        // The same server, by whichever protocol; and that of the service itself, which may be written down or not.
        let host = endpoint.map(|url| url.split_once("://").map_or(url, |(_, rest)| rest));
        let host = host.unwrap_or_default().trim_end_matches('/').to_ascii_lowercase();
        let is_own = OWN_HOSTS.iter().any(|own| host == *own || host.ends_with(&format!(".{own}")));
        let host = if is_own { "" } else { &host };
        Self {
            store: format!("{service} {host} {bucket}"),
            steps: prefix.segments().map(str::to_owned).collect(),
        }
    }

    /// A directory below it.
    pub fn below(self, path: &StoragePath) -> Self {
        let Self { store, mut steps } = self;
        steps.extend(path.segments().map(str::to_owned));
        if store == DISK {
            let path: PathBuf = std::iter::once("/".to_owned()).chain(steps).collect();
            return Self::of_directory(&path);
        }
        Self { store, steps }
    }

    /// Whether the other one is in it, or is it.
    pub fn holds(&self, other: &Self) -> bool {
        self.store == other.store && other.steps.starts_with(&self.steps)
    }

    /// Whether one of both is in the other.
    pub fn meets(&self, other: &Self) -> bool {
        self.store == other.store
            && (self.steps.starts_with(&other.steps) || other.steps.starts_with(&self.steps))
    }
}

/// The disks of this machine.
const DISK: &str = "disk";

/// The hosts of the services themselves.
const OWN_HOSTS: [&str; 3] = ["amazonaws.com", "storage.googleapis.com", "blob.core.windows.net"];

/// A path without links, as far as it exists.
fn canonical(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    let mut at = path;
    loop {
        if let Ok(real) = at.canonicalize() {
            return missing.into_iter().rev().fold(real, |path, name| path.join(name));
        }
        let (Some(parent), Some(name)) = (at.parent(), at.file_name()) else { return path.to_owned() };
        missing.push(name);
        at = parent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lake(endpoint: Option<&str>, bucket: &str, prefix: &str) -> Ground {
        Ground::of_bucket("s3", endpoint, bucket, &StoragePath::parse(&format!("/{prefix}")).unwrap())
    }

    #[test]
    fn buckets_are_the_same_by_whatever_is_written() {
        let all = lake(None, "b", "");
        for other in [
            lake(None, "b", "wharf"),
            lake(Some("https://s3.eu-west-1.amazonaws.com"), "b", "x"),
            lake(Some("HTTPS://S3.amazonaws.com/"), "b", ""),
        ] {
            assert!(all.meets(&other) && other.meets(&all), "{other:?}");
        }
        for other in [
            lake(None, "c", ""),
            lake(Some("https://store.example.com"), "b", ""),
            Ground::of_bucket("gcs", None, "b", &StoragePath::root()),
            Ground::of_directory(Path::new("/")),
        ] {
            assert!(!all.meets(&other) && !other.meets(&all), "{other:?}");
        }
        let path = StoragePath::parse("/wharf/events").unwrap();
        assert!(lake(None, "b", "").below(&path).meets(&lake(None, "b", "wharf")));
        assert!(!lake(None, "b", "").below(&path).meets(&lake(None, "b", "wharf/eve")));
    }

    #[test]
    fn directories_are_the_same_wherever_links_lead() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, folder.path().join("link")).unwrap();
        let link = Ground::of_directory(&folder.path().join("link/events"));
        assert!(link.meets(&Ground::of_directory(&real)));
        assert!(link.meets(&Ground::of_directory(&real.join("events/more"))));
        assert!(!link.meets(&Ground::of_directory(&real.join("other"))));
        let below = StoragePath::parse("/link/events").unwrap();
        assert!(Ground::of_directory(folder.path()).below(&below).meets(&link));
    }
}
