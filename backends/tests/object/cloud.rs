//! What all played clouds have in common.

use wharf_backends::object::{ObjectStorage, Tuning};
use wharf_testing::played::{Answer, Asked, Played};

use crate::servers::tuning;

/// A cloud whose state a test may change under the hands of the backend. Its clones are the same cloud.
pub trait PlayedCloud: Clone + Send + 'static {
    /// Answers a request by the state, and changes that.
    fn answer(&self, asked: &Asked) -> Answer;

    /// A storage on the played cloud, with nothing else of this test's own.
    fn storage(played: &Played, tuning: Tuning) -> ObjectStorage;

    /// Lets it answer, unless `lost` says of a request that its answer is lost.
    async fn start(
        &self,
        mut lost: impl FnMut(&Asked, &Self) -> bool + Send + 'static,
    ) -> (ObjectStorage, Played) {
        let played = self.played(move |asked, cloud| {
            let answer = cloud.answer(asked);
            (!lost(asked, cloud)).then_some(answer)
        });
        let played = played.await;
        (Self::storage(&played, tuning()), played)
    }

    /// Lets somebody stand in front of it, who may keep back requests and answers.
    async fn played(&self, mut play: impl FnMut(&Asked, &Self) -> Option<Answer> + Send + 'static) -> Played {
        let cloud = self.clone();
        Played::new(move |asked| play(asked, &cloud)).await
    }
}
