//! Programs that are run for each event, by the [helper](super::starter).

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::oneshot;

use super::starter::{self, Ended, Keeper, Run};
use super::{Event, Failure, Way, cloud_event};

/// How much longer than its time a program may take to be ended.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest fact in the environment of a program.
const LONGEST: usize = 32 * 1024;
const GONE: &str = "the process that runs programs is gone";

/// The process that runs programs. It has to be made before the sandbox.
#[derive(Debug)]
pub struct Starter {
    /// Starts it again. `None`: somebody listens to it already.
    keeper: Mutex<Option<Keeper>>,
    link: Arc<Link>,
    next: AtomicU64,
}

/// The way to the process.
#[derive(Debug, Default)]
struct Link {
    /// `None`: it is gone. Locked before the other one.
    stream: Mutex<Option<UnixStream>>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Ended>>>,
    restarts: AtomicU64,
}

impl Link {
    fn stream(&self) -> MutexGuard<'_, Option<UnixStream>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Ended>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes answers on until the process is gone; whoever waits for one then hears so.
    fn hear(&self, stream: &mut UnixStream) {
        while let Ok(Some(ended)) = starter::receive::<Ended>(stream) {
            if let Some(waits) = self.waiting().remove(&ended.number) {
                let _ = waits.send(ended);
            }
        }
        let mut stream = self.stream();
        *stream = None;
        self.waiting().clear();
    }

    fn listen(&self, mut keeper: Keeper, mut stream: UnixStream) {
        loop {
            self.hear(&mut stream);
            tracing::error!("the process that runs programs for events is gone, and is started again");
            let next = keeper.next().and_then(|next| Ok((next.try_clone()?, next)));
            match next {
                Ok((clone, next)) => {
                    self.restarts.fetch_add(1, Ordering::Relaxed);
                    *self.stream() = Some(clone);
                    stream = next;
                    tracing::info!("the process that runs programs for events is there again");
                }
                Err(error) => {
                    tracing::error!(
                        %error,
                        "nobody can run programs for events until the server is restarted: the process that starts them is gone"
                    );
                    return;
                }
            }
        }
    }
}

/// Waits for an answer: forgets it when nobody waits any more.
struct Waits<'a> {
    link: &'a Link,
    number: u64,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.link.waiting().remove(&self.number);
    }
}

impl Starter {
    /// Starts the process, which runs these programs and no others.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn start(programs: Vec<Vec<String>>) -> io::Result<Self> {
        let (keeper, stream) = Keeper::start(programs)?;
        let starter = Self::over(stream);
        *starter.keeper.lock().unwrap_or_else(PoisonError::into_inner) = Some(keeper);
        Ok(starter)
    }

    fn over(stream: UnixStream) -> Self {
        let link = Link { stream: Mutex::new(Some(stream)), ..Link::default() };
        Self { keeper: Mutex::default(), link: Arc::new(link), next: AtomicU64::new(0) }
    }

    /// Reads what it answers, on a thread of its own.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn listen(&self) -> io::Result<()> {
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        let stream = self.link.stream().as_ref().map(UnixStream::try_clone).transpose()?;
        if let (Some(keeper), Some(stream), link) = (keeper, stream, Arc::clone(&self.link)) {
            let thread = std::thread::Builder::new().name("programs".to_owned());
            thread.spawn(move || link.listen(keeper, stream))?;
        }
        Ok(())
    }

    /// How often it was started again.
    pub(crate) fn restarts(&self) -> u64 {
        self.link.restarts.load(Ordering::Relaxed)
    }

    async fn run(&self, run: Run) -> Result<Ended, String> {
        let (done, ended) = oneshot::channel();
        let limit = Duration::from_millis(run.milliseconds) + PATIENCE;
        let _waits = Waits { link: &self.link, number: run.number };
        {
            let mut link = self.link.stream();
            let Some(stream) = &mut *link else { return Err(GONE.to_owned()) };
            self.link.waiting().insert(run.number, done);
            // The messages are short, and the other side always reads.
            if let Err(error) = starter::send(stream, &run) {
                // Nobody knows how much of it was written. It ends for want of messages, and is started again.
                let _ = stream.shutdown(Shutdown::Both);
                *link = None;
                return Err(format!("{GONE}: {error}"));
            }
        }
        match tokio::time::timeout(limit, ended).await {
            Ok(Ok(ended)) => Ok(ended),
            Ok(Err(_)) => Err(GONE.to_owned()),
            Err(_) => Err("the process that runs programs does not answer".to_owned()),
        }
    }
}

/// Runs a program for each event.
pub(super) struct Runner {
    pub(super) starter: Option<Arc<Starter>>,
    /// Which of the programs.
    pub(super) program: usize,
    pub(super) timeout: Duration,
    pub(super) receiver: String,
}

/// The facts of an event as variables: those that are one text or number.
fn facts(event: &Event) -> BTreeMap<String, String> {
    let data = event.draft.data(&event.outcome);
    let mut facts = BTreeMap::from([
        ("WHARF_EVENT".to_owned(), event.draft.kind.clone()),
        ("WHARF_ID".to_owned(), event.draft.id.to_string()),
        ("WHARF_TIME".to_owned(), crate::events::model::rfc3339(event.draft.time)),
    ]);
    let mut put = |name: &str, value: &Value| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return,
        };
        // A variable can hold no NUL, and a path none either.
        if text.len() <= LONGEST && !text.contains('\0') {
            facts.insert(format!("WHARF_{}", name.to_uppercase()), text);
        }
    };
    for (name, value) in &data {
        match value {
            Value::Object(parts) => {
                parts.iter().for_each(|(part, value)| put(&format!("{name}_{part}"), value))
            }
            value => put(name, value),
        }
    }
    facts
}

#[async_trait]
impl Way for Runner {
    async fn deliver(&self, event: &Event) -> Result<(), Failure> {
        let Some(starter) = &self.starter else {
            return Err(Failure::of("there is no process that starts programs"));
        };
        let run = Run {
            number: starter.next.fetch_add(1, Ordering::Relaxed),
            program: self.program,
            facts: facts(event),
            input: String::from_utf8_lossy(&cloud_event::structured(event)).into_owned(),
            milliseconds: u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX / 2),
        };
        let ended = starter.run(run).await.map_err(Failure::of)?;
        let (receiver, id, output) =
            (&*self.receiver, event.draft.id, ended.output.trim_end().escape_debug().to_string());
        match ended.failure {
            None => {
                tracing::debug!(receiver, %id, output, "a program has run for an event");
                Ok(())
            }
            // Another run may succeed.
            Some(cause) => {
                let cause = if output.is_empty() { cause } else { format!("{cause}: {output}") };
                Err(Failure { is_of_event: true, ..Failure::of(cause) })
            }
        }
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
