//! Notes that all tables have in common.

use std::fs;
use std::time::Duration;

use crate::options::Options;

pub fn rounds(options: &Options) -> String {
    match options.sizes.rounds {
        1 => "One round.".to_owned(),
        rounds => format!("Best of {rounds} rounds."),
    }
}

pub fn quick(options: &Options) -> Option<String> {
    options.quick.then(|| "This was a quick run with small sizes: the figures say little.".to_owned())
}

/// The machine, how busy it was, and how long it took.
pub fn circumstances(busy: u32, measured: u32, took: Duration) -> Vec<String> {
    let mut lines = vec![format!("- Machine: {}.", machine())];
    if busy > 0 {
        lines.push(format!(
            "- The machine was busy with something else when {busy} of {measured} measurements began."
        ));
    }
    lines.push(format!("- The run took {} s.", took.as_secs()));
    lines
}

/// The end of a report.
pub fn failures(failures: &[String]) -> Vec<String> {
    let mut lines = vec![String::new()];
    if !failures.is_empty() {
        lines.push("Failed:".to_owned());
        lines.push(String::new());
        lines.extend(failures.iter().map(|failure| format!("- {failure}")));
        lines.push(String::new());
    }
    lines
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let name = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let count = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let name = name.trim_start_matches([' ', '\t', ':']);
    format!("{count} × {name}, Linux {}", kernel.trim())
}
