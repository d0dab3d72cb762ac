//! What the receiver was told, and how it compares with what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;

use super::clients::Deed;
use crate::events::receiver::{Answer, Got};

/// How the receiver answers.
#[derive(Debug, Clone, Copy, Default)]
pub enum Mood {
    #[default]
    Well,
    /// It closes the connections.
    Down,
    Slow,
    /// It answers 500 to all, or to every other request.
    Trouble,
    Wobbly,
    Redirects,
    /// It answers 410 to some: they are dead letters.
    Gone,
}

impl Mood {
    pub const ALL: [Self; 7] =
        [Self::Well, Self::Down, Self::Slow, Self::Trouble, Self::Wobbly, Self::Redirects, Self::Gone];
}

/// What was told under one id.
#[derive(Debug)]
struct Told {
    kind: String,
    path: String,
    from: Option<String>,
    size: Option<u64>,
    is_uncertain: bool,
    /// It was taken the last time.
    is_taken: bool,
    deliveries: usize,
}

#[derive(Debug, Default)]
pub struct Ledger {
    mood: Mutex<Mood>,
    told: Mutex<BTreeMap<String, Told>>,
}

impl Ledger {
    pub fn feels(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Answers a request; what is taken or refused for good is written down before.
    pub fn take(&self, got: &Got, before: usize) -> Answer {
        let mood = *self.mood.lock().unwrap();
        let answer = match mood {
            Mood::Down => Answer::Close,
            Mood::Trouble => Answer::Status(500, ""),
            Mood::Wobbly if before.is_multiple_of(2) => Answer::Status(500, ""),
            Mood::Redirects => Answer::Status(302, "location: /elsewhere\r\n"),
            Mood::Gone if before.is_multiple_of(5) => Answer::Status(410, ""),
            _ => Answer::Status(204, ""),
        };
        if let Mood::Slow = mood {
            std::thread::sleep(Duration::from_millis(30));
        }
        let Answer::Status(status @ (204 | 410), _) = answer else { return answer };
        let data = got.data();
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let mut all = self.told.lock().unwrap();
        let told = all.entry(got.id().to_owned()).or_insert_with(|| Told {
            kind: got.kind(),
            path: got.path(),
            from: text(&data["from"]["path"]),
            size: data["size"].as_u64(),
            is_uncertain: data["uncertain"] == true,
            is_taken: false,
            deliveries: 0,
        });
        told.deliveries += 1;
        told.is_taken = status == 204;
        assert_eq!((&told.kind, &told.path), (&got.kind(), &got.path()), "two events have one id");
        answer
    }

    /// How many were refused for good.
    pub fn dead(&self) -> u32 {
        let told = self.told.lock().unwrap();
        told.values().map(|told| u32::from(!told.is_taken)).sum()
    }

    /// Whether each file that is there has its event: a store may carry out late what a server sent that was killed.
    pub fn has_all(&self, stored: &BTreeSet<String>) -> bool {
        let told = self.told.lock().unwrap();
        let paths: BTreeSet<_> = told.values().map(|told| (&*told.kind, &told.path)).collect();
        stored
            .iter()
            .filter(|path| !path.ends_with(".part"))
            .all(|path| paths.contains(&(kind_of(path), path)))
    }

    /// Every file that is there has its event, every event its file, and so has what clients were told to have succeeded.
    pub fn compare(&self, stored: &BTreeSet<String>, deeds: &[Deed], settled: &[String]) -> String {
        let all = self.told.lock().unwrap();
        let mut events = BTreeMap::<String, Vec<&Told>>::new();
        for told in all.values() {
            events.entry(format!("{} {}", told.kind, told.path)).or_default().push(told);
        }
        let of = |kind: &str, path: &str| events.get(&format!("{kind} {path}")).cloned().unwrap_or_default();
        let mut wrong = Vec::new();
        for path in stored.iter().filter(|path| !path.ends_with(".part")) {
            let kind = kind_of(path);
            if of(kind, path).is_empty() {
                wrong.push((path.clone(), format!("it is there, and there is no {kind}")));
            }
        }
        let mut succeeded = BTreeMap::<(&str, &str), Vec<usize>>::new();
        for deed in deeds {
            succeeded.entry((deed.kind, &deed.path)).or_default().push(deed.size);
        }
        for ((kind, path), sizes) in &succeeded {
            // Of what was under way when the server was killed there may be one more.
            let told = of(kind, path);
            if told.len() < sizes.len() || told.len() > sizes.len() + 1 {
                wrong.push((
                    (*path).to_owned(),
                    format!("{kind}: {} succeeded, {} told", sizes.len(), told.len()),
                ));
            }
            for told in told.iter().filter(|told| !told.is_uncertain && !sizes.is_empty()) {
                let size = told.size.and_then(|size| usize::try_from(size).ok());
                let fits =
                    |other: &usize| size == Some(*other) || size.is_some_and(|size| size + 1 == *other);
                if !sizes.iter().any(fits) {
                    wrong.push(((*path).to_owned(), format!("{kind}: the size {size:?} is wrong")));
                }
            }
        }
        for told in all.values().filter(|told| !told.is_uncertain) {
            let path = &told.path;
            let is_there = stored.contains(path);
            let is_right = match &*told.kind {
                "file.stored" => {
                    is_there
                        || !of("file.removed", path).is_empty()
                        || !of("file.renamed", &format!("{path}.r")).is_empty()
                }
                "file.renamed" => is_there && told.from.as_ref().is_some_and(|from| !stored.contains(from)),
                _ => !is_there,
            };
            if !is_right {
                wrong.push((path.clone(), format!("{} was told, and that is not what is there", told.kind)));
            }
        }
        explain(&all, &wrong, settled);
        let deliveries: usize = all.values().map(|told| told.deliveries).sum();
        let uncertain = all.values().filter(|told| told.is_uncertain).count();
        format!(
            "{} files, {} successes, {} events in {deliveries} deliveries, {} dead letters, {uncertain} uncertain",
            stored.len(),
            deeds.len(),
            all.len(),
            all.values().filter(|told| !told.is_taken).count(),
        )
    }
}

/// Fails with all that is known of what is wrong.
fn explain(all: &BTreeMap<String, Told>, wrong: &[(String, String)], settled: &[String]) {
    let mut text = String::new();
    for (path, sentence) in wrong.iter().take(20) {
        let name = path.trim_end_matches(".r").trim_end_matches(".part");
        let _ = writeln!(text, "{path}: {sentence}");
        for told in all.values().filter(|told| told.path.trim_end_matches(".r") == name) {
            let _ = writeln!(text, "    {told:?}");
        }
        for line in settled.iter().filter(|line| line.contains(name)) {
            let _ = writeln!(text, "    {line}");
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{text}", wrong.len());
}

/// The event by which a file got its name.
fn kind_of(path: &str) -> &'static str {
    if path.ends_with(".r") { "file.renamed" } else { "file.stored" }
}
