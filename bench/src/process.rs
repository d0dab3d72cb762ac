//! A server as a child process with processes of its own: their memory, their end.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::problem::{Doing, Problem, Result};

/// A child and whatever it starts. All of it is killed when this value is dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// One process as the system lists it. The time of its start distinguishes it from a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Listed {
    pid: i32,
    parent: i32,
    group: i32,
    started: u64,
}

impl Process {
    /// Starts it in a process group of its own, with what it says going to a file.
    pub fn start(mut command: Command, log: PathBuf) -> Result<Self> {
        let file = fs::File::create(&log).doing(|| format!("creating {}", log.display()))?;
        let again = file.try_clone().doing(|| format!("opening {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file).stderr(again).process_group(0);
        let child = command.spawn().doing(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { child, log })
    }

    /// A problem if it has ended by itself.
    pub fn alive(&mut self) -> Result<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                Err(Problem::new(format!("the server ended ({status}): {}", self.last_words())))
            }
            Err(error) => Err(Problem::new(format!("waiting for the server: {error}"))),
        }
    }

    /// The end of what it said, in one line.
    pub fn last_words(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines[lines.len().saturating_sub(3)..].join(" / ")
    }

    /// The memory of all its processes in KiB: what several of them share is counted once.
    pub fn memory(&self) -> u64 {
        self.processes().iter().filter_map(|process| proportional(process.pid)).sum()
    }

    /// The same with what they share counted for each, which the system knows without looking at every page.
    pub fn resident(&self) -> u64 {
        self.processes().iter().filter_map(|process| status(process.pid, "VmRSS:")).sum()
    }

    /// The most memory that its processes had so far, in KiB, each at its own highest.
    pub fn peak(&self) -> u64 {
        self.processes().iter().filter_map(|process| status(process.pid, "VmHWM:")).sum()
    }

    /// The processor time in seconds that its processes have used so far.
    pub fn processor_time(&self) -> f64 {
        self.processes().iter().map(|process| used(&process.pid.to_string(), 2)).sum()
    }

    /// The same of each thread that there is now, by its number, to the nanosecond; `None` if the system does not tell.
    pub fn thread_times(&self) -> Option<HashMap<String, f64>> {
        let mut times = HashMap::new();
        for process in self.processes() {
            times.extend(ran(process.pid)?);
        }
        Some(times)
    }

    /// The files and connections that its processes have open.
    pub fn open_files(&self) -> usize {
        let folders = self.processes().into_iter().map(|process| format!("/proc/{}/fd", process.pid));
        folders.filter_map(|folder| Some(fs::read_dir(folder).ok()?.count())).sum()
    }

    /// Its own process, those below it, and those of its group: some servers' processes leave the group, others
    /// outlive their parents.
    fn processes(&self) -> Vec<Listed> {
        let root = i32::try_from(self.child.id()).unwrap_or(i32::MAX);
        let all = list();
        let mut ours: HashSet<i32> = all
            .iter()
            .filter(|process| process.pid == root || process.group == root)
            .map(|it| it.pid)
            .collect();
        loop {
            let before = ours.len();
            ours.extend(
                all.iter().filter(|it| ours.contains(&it.parent)).map(|it| it.pid).collect::<Vec<_>>(),
            );
            if ours.len() == before {
                return all.into_iter().filter(|process| ours.contains(&process.pid)).collect();
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let ours = self.processes();
        self.child.kill().ok();
        self.child.wait().ok();
        let now: HashSet<(i32, u64)> = list().iter().map(|process| (process.pid, process.started)).collect();
        for process in ours {
            if now.contains(&(process.pid, process.started))
                && let Some(pid) = Pid::from_raw(process.pid)
            {
                kill_process(pid, Signal::KILL).ok();
            }
        }
    }
}

fn list() -> Vec<Listed> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.filter_map(|entry| parse(&fs::read_to_string(entry.ok()?.path().join("stat")).ok()?)).collect()
}

/// A line of `/proc/PID/stat`. The name in it may hold spaces and brackets.
fn parse(line: &str) -> Option<Listed> {
    let (before, after) = line.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    Some(Listed {
        pid: before.split_once(' ')?.0.parse().ok()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        started: fields.get(19)?.parse().ok()?,
    })
}

fn proportional(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// A size of `/proc/PID/status` in KiB.
fn status(pid: i32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// The time in seconds that each thread of a process has run (the first field of `schedstat`).
fn ran(pid: i32) -> Option<HashMap<String, f64>> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let times = threads.filter_map(|thread| {
        // A thread may end at any moment.
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let time: f64 = text.split_whitespace().next()?.parse().ok()?;
        Some((thread.file_name().to_string_lossy().into_owned(), time / 1e9))
    });
    let times: HashMap<String, f64> = times.collect();
    (!times.is_empty()).then_some(times)
}

/// Waits until the machine has nothing else to do; false if it was still busy after the time given. What one server
/// left behind (namespaces to take down, pages to write) must not slow down the next.
pub fn settle(patience: Duration) -> bool {
    let until = Instant::now() + patience;
    while Instant::now() < until {
        let before = processor_time();
        std::thread::sleep(Duration::from_millis(100));
        if let (Some((busy, all)), Some((busy_now, all_now))) = (before, processor_time())
            && (busy_now - busy) * 8 <= all_now - all
        {
            return true;
        }
    }
    false
}

/// How long the processors were busy, and how long they were there.
fn processor_time() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    // user nice system idle iowait irq softirq steal; guests are part of user.
    let fields = text.lines().next()?.split_whitespace().skip(1).take(8);
    let times: Vec<u64> = fields.map(str::parse).collect::<std::result::Result<_, _>>().ok()?;
    let all: u64 = times.iter().sum();
    Some((all - times.get(3)? - times.get(4)?, all))
}

/// The processor time in seconds that this program has used so far.
pub fn own_time() -> f64 {
    used("self", 2)
}

/// The same with the programs that it started and that have ended.
pub fn time_with_children() -> f64 {
    used("self", 4)
}

/// The sum of the first of these times in `/proc/PID/stat`: user and system, of the process and of its children.
fn used(pid: &str, times: usize) -> f64 {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = line.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks: u64 =
        after.split_whitespace().skip(11).take(times).filter_map(|field| field.parse::<u64>().ok()).sum();
    // The unit is a hundredth of a second on every Linux of today.
    ticks as f64 / 100.0
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
