//! Questions of one replica to another: one on each connection, and its answer.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use super::Cluster;
use super::relay::NotOpened;
use super::sealed::{End, Sealed};
use super::service::{Call, Kind};

/// What is said of such a connection: the version of what follows.
const SAID: &[u8] = &[1];

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest question and the longest answer, in bytes.
const QUESTION: usize = 64 * 1024;
const ANSWER: usize = 16 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NotAnswered {
    /// The replica can't be reached.
    #[error(transparent)]
    NotOpened(#[from] NotOpened),
    /// The connection was lost, or took too long.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Cluster {
    /// Asks another replica.
    ///
    /// # Errors
    /// [`NotAnswered`], within three seconds.
    pub async fn ask(&self, replica: u16, question: &[u8]) -> Result<Vec<u8>, NotAnswered> {
        let (mut stream, key) = self.call(replica, Kind::Question, SAID).await?;
        let mut sealed = Sealed::new(&key, End::Opener)?;
        let answered = async {
            sealed.send(&mut stream, question).await?;
            sealed.receive(&mut stream, ANSWER).await
        };
        let answered = timeout(PATIENCE, answered).await;
        Ok(answered.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??)
    }
}

/// Whether a question can be understood at all by what was said of its connection.
pub(crate) fn is_question(said: &[u8]) -> bool {
    said == SAID
}

/// Answers the question of another replica.
///
/// # Errors
/// Those of the connection, which may not take too long.
pub(crate) async fn answer<F: Future<Output = Vec<u8>>>(
    call: Call,
    answer: impl FnOnce(u16, Vec<u8>) -> F,
) -> io::Result<()> {
    let Call { mut stream, from, key, .. } = call;
    let mut sealed = Sealed::new(&key, End::Owner)?;
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let question = timeout(PATIENCE, sealed.receive(&mut stream, QUESTION)).await.map_err(late)??;
    let answer = answer(from, question).await;
    if answer.len() > ANSWER {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    timeout(PATIENCE, sealed.send(&mut stream, &answer)).await.map_err(late)??;
    Ok(())
}
