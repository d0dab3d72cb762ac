//! The order in which passwords are checked.
//!
//! The plan. A check takes a core for tens of milliseconds, and everybody who can connect can ask for one. So each network has a
//! line of waiting checks, and the networks take turns: however many checks one network asks for, each of the others waits for
//! at most one of them. Every other turn goes to the network that has had the fewest turns lately, so that a client that comes
//! now and then does not wait for all networks that have been asking for a while. The turns between go round: one attacker may
//! own very many networks that were never seen before, and takes no more than half of the time with them.
//!
//! A check whose client is gone leaves its line at once, because its future is dropped. All lines together have a bound. When it
//! is reached, the last check of the longest line is given up, so that a flood takes room from itself.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::accounts::proofs::LoginError;
use crate::network::Network;

/// The most checks that wait. Each holds the hash of a name and a password, together a few KiB at most.
const MOST_WAITING: usize = 4096;

/// The most networks whose turns are counted.
const MOST_KNOWN: usize = 16 * 1024;

/// After this time, half of the counted turns of a network are forgotten.
const HALF_LIFE: Duration = Duration::from_secs(30);

type Work = Box<dyn FnOnce() -> bool + Send>;
type Answer = oneshot::Sender<Result<bool, LoginError>>;

/// Threads that only hash, as many as the machine has cores. A thread keeps the memory of a hash for the next one, so the many
/// threads that wait for disks must not hash.
#[derive(Debug)]
pub(super) struct Turns {
    /// `None` while it is dropped.
    threads: Option<Runtime>,
    most_threads: usize,
    lines: Arc<Lines>,
}

#[derive(Debug)]
struct Lines {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Numbers of jobs, and of turns.
    next: u64,
    waiting: usize,
    /// Threads that work.
    running: usize,
    lines: HashMap<Network, Line>,
    turns: BTreeMap<u64, Network>,
    /// The same networks, sorted by the number of turns that they had lately.
    by_share: BTreeMap<(u32, u64), Network>,
    had: HashMap<Network, Had>,
    /// Whether the next turn goes to the network that has had the fewest.
    is_for_fewest: bool,
}

/// How many turns a network has had lately.
#[derive(Debug, Clone, Copy)]
struct Had {
    turns: u32,
    at: Instant,
}

impl Had {
    fn now(self) -> u32 {
        let halves = self.at.elapsed().as_secs() / HALF_LIFE.as_secs();
        self.turns.checked_shr(u32::try_from(halves).unwrap_or(u32::MAX)).unwrap_or(0)
    }
}

/// The checks that one network waits for.
#[derive(Debug)]
struct Line {
    turn: u64,
    /// How many turns the network had lately when it got its place.
    had: u32,
    jobs: BTreeMap<u64, Job>,
}

struct Job {
    work: Work,
    answer: Answer,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

/// A place in a line, given up when it is dropped.
struct Ticket<'a> {
    lines: &'a Lines,
    network: Network,
    number: u64,
}

impl Turns {
    /// # Errors
    /// If the system has no threads.
    pub(super) fn new() -> std::io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with(cores, MOST_WAITING)
    }

    fn with(most_threads: usize, most: usize) -> std::io::Result<Self> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let threads = builder.max_blocking_threads(most_threads).thread_name("wharf-hash").build()?;
        let lines = Arc::new(Lines { most, state: Mutex::default() });
        Ok(Self { threads: Some(threads), most_threads, lines })
    }

    /// Runs the work when it is the turn of `network`; never, if this future is dropped before.
    ///
    /// # Errors
    /// [`LoginError::Busy`] if too many wait, and [`LoginError::GivenUp`] if the work panicked or the server ends.
    pub(super) async fn run(
        &self,
        network: Network,
        work: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<bool, LoginError> {
        let (answer, answered) = oneshot::channel();
        let job = Job { work: Box::new(work), answer };
        let Some(threads) = &self.threads else { return Err(LoginError::GivenUp) };
        let (number, more) = self.lines.join(network, job, self.most_threads)?;
        let _ticket = Ticket { lines: &self.lines, network, number };
        if more {
            let lines = Arc::clone(&self.lines);
            threads.spawn_blocking(move || {
                while let Some(Job { work, answer }) = lines.next() {
                    // A defect in one check is not the end of the others.
                    let result = catch_unwind(AssertUnwindSafe(work));
                    // Nobody hears it who is gone.
                    let _ = answer.send(result.map_err(|_| LoginError::GivenUp));
                }
            });
        }
        answered.await.unwrap_or(Err(LoginError::GivenUp))
    }
}

impl Lines {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the job, and whether one more thread is needed.
    fn join(&self, network: Network, job: Job, most_threads: usize) -> Result<(u64, bool), LoginError> {
        let mut state = self.state();
        if state.waiting >= self.most {
            state.make_room(network)?;
        }
        let (number, turn) = (state.next, state.next + 1);
        state.next += 2;
        state.waiting += 1;
        let State { lines, turns, by_share, had, .. } = &mut *state;
        let line = lines.entry(network).or_insert_with(|| {
            let had = had.get(&network).map_or(0, |had| had.now());
            // Behind all who wait.
            turns.insert(turn, network);
            by_share.insert((had, turn), network);
            Line { turn, had, jobs: BTreeMap::new() }
        });
        line.jobs.insert(number, job);
        let more = state.running < most_threads;
        state.running += usize::from(more);
        Ok((number, more))
    }

    /// The job whose turn it is; `None` if nothing waits: then the thread ends.
    fn next(&self) -> Option<Job> {
        let mut state = self.state();
        let Some(network) = state.take_turn() else {
            state.running -= 1;
            return None;
        };
        let had = state.count_turn(network);
        let turn = state.next;
        state.next += 1;
        let State { lines, turns, by_share, waiting, .. } = &mut *state;
        let line = lines.get_mut(&network)?;
        let (_, job) = line.jobs.pop_first()?;
        *waiting -= 1;
        if line.jobs.is_empty() {
            lines.remove(&network);
        } else {
            (line.turn, line.had) = (turn, had);
            turns.insert(turn, network);
            by_share.insert((had, turn), network);
        }
        Some(job)
    }

    fn leave(&self, network: Network, number: u64) {
        let job = self.state().take(network, number);
        // A password is wiped; that is nothing to do while others wait for the lock.
        drop(job);
    }
}

impl State {
    /// The network whose turn it is.
    fn take_turn(&mut self) -> Option<Network> {
        self.is_for_fewest = !self.is_for_fewest;
        let next =
            if self.is_for_fewest { self.by_share.values().next() } else { self.turns.values().next() };
        let network = *next?;
        let line = self.lines.get(&network)?;
        self.turns.remove(&line.turn);
        self.by_share.remove(&(line.had, line.turn));
        Some(network)
    }

    /// The number of turns that a network has had lately, this one included.
    fn count_turn(&mut self, network: Network) -> u32 {
        if self.had.len() >= MOST_KNOWN && !self.had.contains_key(&network) {
            self.had.retain(|_, had| had.now() > 0);
            // Too many for their turns to be told apart by this.
            if self.had.len() >= MOST_KNOWN {
                self.had.clear();
            }
        }
        let turns = self.had.get(&network).map_or(0, |had| had.now()).saturating_add(1);
        self.had.insert(network, Had { turns, at: Instant::now() });
        turns
    }

    /// Gives up the last check of the longest line, unless that is the line of the new check.
    fn make_room(&mut self, network: Network) -> Result<(), LoginError> {
        let own = self.lines.get(&network).map_or(0, |line| line.jobs.len());
        let longest = self.lines.iter().max_by_key(|(_, line)| line.jobs.len());
        let Some((&longest, line)) = longest.filter(|(_, line)| line.jobs.len() > own + 1) else {
            return Err(LoginError::Busy);
        };
        let Some(&last) = line.jobs.keys().next_back() else { return Err(LoginError::Busy) };
        if let Some(Job { answer, .. }) = self.take(longest, last) {
            let _ = answer.send(Err(LoginError::Busy));
        }
        Ok(())
    }

    fn take(&mut self, network: Network, number: u64) -> Option<Job> {
        let line = self.lines.get_mut(&network)?;
        let job = line.jobs.remove(&number)?;
        self.waiting -= 1;
        if line.jobs.is_empty() {
            let (had, turn) = (line.had, line.turn);
            self.turns.remove(&turn);
            self.by_share.remove(&(had, turn));
            self.lines.remove(&network);
        }
        Some(job)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.lines.leave(self.network, self.number);
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        // A runtime that waits for its threads must not be dropped by a task.
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
