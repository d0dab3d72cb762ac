//! What stood at places whose files were removed or got other names a short time ago.
//!
//! The plan. Of servers that share a spool, one may be killed before it has noted that an upload has happened, and its client may remove the file
//! by another one at once. When that one takes over the events of the first, it can't find the file any more, but it has looked at it before it
//! removed it, and knows it by its mark.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use wharf_backends::Metadata;

use super::model::{Outcome, Place, Question};

/// How long they are kept: longer than it takes until others take a server for one that is gone, and have copied what it has left.
const TIME: Duration = Duration::from_secs(15 * 60);
/// How many are kept.
const MOST: usize = 4096;

/// What stood there.
#[derive(Debug)]
struct Stood {
    when: Instant,
    backend: String,
    key: String,
    mark: u128,
    outcome: Outcome,
}

/// The last ones.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<Stood>>);

impl Recent {
    /// This is at a place now.
    pub(super) fn note(&self, place: &Place, metadata: &Metadata) {
        let Some(mark) = metadata.mark else { return };
        let (now, mut all) = (Instant::now(), self.0.lock().unwrap_or_else(PoisonError::into_inner));
        while all.len() >= MOST || all.front().is_some_and(|first| now.duration_since(first.when) > TIME) {
            all.pop_front();
        }
        let outcome = Outcome::of(metadata);
        all.push_back(Stood {
            when: now,
            backend: place.backend.clone(),
            key: place.key.clone(),
            mark,
            outcome,
        });
    }

    /// What an upload has brought to its place, if that stood there.
    pub(super) fn find(&self, place: &Place, question: &Question) -> Option<Outcome> {
        // A mark is that of one upload. A file that got another name may have stood under this one before.
        let Question::Stored { mark: Some(mark), .. } = question else { return None };
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it =
            |stood: &&Stood| stood.mark == *mark && stood.backend == place.backend && stood.key == place.key;
        all.iter().rev().find(is_it).map(|stood| stood.outcome.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(key: &str) -> Place {
        let text = |text: &str| text.to_owned();
        Place { path: text(key), backend: text("lake"), mount: text("/"), key: text(key) }
    }

    fn upload(mark: u128) -> Question {
        Question::Stored { mark: Some(mark), before: None, looked: false }
    }

    #[tokio::test(start_paused = true)]
    async fn what_stood_there_is_known_by_its_mark_for_a_while() {
        let recent = Recent::default();
        let file = Metadata { mark: Some(7), ..Metadata::file(5, None) };
        recent.note(&place("/one"), &file);
        let found = recent.find(&place("/one"), &upload(7)).unwrap();
        assert_eq!(found.size, Some(5));
        assert_eq!(recent.find(&place("/one"), &upload(8)), None, "it was another one");
        assert_eq!(recent.find(&place("/two"), &upload(7)), None);
        let before = super::super::model::Seen { mark: Some(7), ..Default::default() };
        let renamed = Question::Renamed { before };
        assert_eq!(
            recent.find(&place("/one"), &renamed),
            None,
            "it may have stood there before it got its last name"
        );
        tokio::time::sleep(TIME * 2).await;
        recent.note(&place("/two"), &file);
        assert_eq!(recent.find(&place("/one"), &upload(7)), None);
        for _ in 0..MOST {
            recent.note(&place("/three"), &file);
        }
        assert_eq!(recent.find(&place("/two"), &upload(7)), None, "there is no end of them");
    }
}
