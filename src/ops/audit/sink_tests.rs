use std::sync::mpsc;

use super::*;

/// Fails as often as the test says, and then takes what it gets.
struct Played {
    /// Each word is the answer to one block: how many lines are taken before it fails.
    answers: mpsc::Receiver<Option<usize>>,
    taken: mpsc::Sender<String>,
}

impl Output for Played {
    fn write(&mut self, lines: &[Vec<u8>]) -> Written {
        let answer = self.answers.recv().ok().flatten();
        let count = answer.unwrap_or(lines.len()).min(lines.len());
        for line in &lines[..count] {
            let _ = self.taken.send(String::from_utf8(line.clone()).unwrap());
        }
        let failure = answer.map(|_| io::ErrorKind::StorageFull.into());
        Written { lines: count, lost: 0, failure }
    }
}

fn played(required: bool) -> (Sink, mpsc::Sender<Option<usize>>, mpsc::Receiver<String>) {
    let ((answer, answers), (sender, taken)) = (mpsc::channel(), mpsc::channel());
    let output = Box::new(Played { answers, taken: sender });
    (Sink::start("played".to_owned(), required, output).unwrap(), answer, taken)
}

fn put(sink: &Sink, text: &str) {
    sink.put(ROOM, |lost| format!("{text} {lost}\n").into_bytes());
}

#[test]
fn what_fails_is_written_again_in_order_and_nothing_is_lost() {
    let (sink, answer, taken) = played(false);
    for number in 0..100 {
        put(&sink, &number.to_string());
    }
    for taken in [Some(0), Some(3), Some(0)] {
        answer.send(taken).unwrap();
    }
    drop(answer);
    sink.end();
    sink.wait(Sink::deadline());
    let lines: Vec<String> = taken.try_iter().collect();
    let expected: Vec<String> = (0..100).map(|number| format!("{number} 0\n")).collect();
    assert_eq!(lines, expected);
    let Load { written, lost, waiting, is_failing } = sink.load();
    assert_eq!((written, lost, waiting, is_failing), (100, 0, 0, false));
}

#[test]
fn whoever_tells_waits_for_nobody_and_the_next_line_says_what_was_lost() {
    let (sink, answer, taken) = played(false);
    let long = "x".repeat(64 * 1024);
    let most = 2 * ROOM / long.len();
    for _ in 0..most {
        put(&sink, &long);
    }
    let lost = sink.load().lost;
    // One block may be with the thread.
    assert!((most as u64 / 2 - 1..=most as u64 / 2 + 2).contains(&lost), "{lost} of {most}");
    drop(answer);
    while sink.load().waiting > 0 {
        std::thread::yield_now();
    }
    put(&sink, "next");
    put(&sink, "one more");
    sink.end();
    sink.wait(Sink::deadline());
    let lines: Vec<String> = taken.try_iter().collect();
    // Some may have got in when the thread had taken the first block.
    let numbers: Vec<u64> =
        lines.iter().map(|line| line.trim_end().rsplit_once(' ').unwrap().1.parse().unwrap()).collect();
    assert_eq!(numbers.iter().sum::<u64>(), lost);
    assert_eq!(lines.len() as u64, most as u64 - lost + 2);
    assert_eq!(lines.last().unwrap(), "one more 0\n");
}

#[test]
fn only_what_is_required_keeps_anything_from_happening() {
    for (required, failing) in [(true, Standing::Failing), (false, Standing::Ready)] {
        let (sink, answer, taken) = played(required);
        assert_eq!(sink.standing(), Standing::Ready);
        answer.send(Some(0)).unwrap();
        put(&sink, "line");
        while !sink.load().is_failing {
            std::thread::yield_now();
        }
        assert_eq!(sink.standing(), failing);
        drop(answer);
        assert_eq!(taken.recv().unwrap(), "line 0\n");
        while sink.load().is_failing {
            std::thread::yield_now();
        }
        assert_eq!(sink.standing(), Standing::Ready);
    }
}

#[test]
fn half_of_the_room_is_for_what_is_under_way() {
    let (sink, answer, _taken) = played(true);
    let long = "x".repeat(64 * 1024);
    for _ in 0..=ROOM / 2 / long.len() + 2 {
        put(&sink, &long);
    }
    assert_eq!((sink.standing(), sink.load().lost), (Standing::Busy, 0));
    drop(answer);
}

#[test]
fn the_end_does_not_wait_for_ever() {
    let (sink, answer, taken) = played(false);
    for _ in 0..200 {
        answer.send(Some(0)).unwrap();
    }
    put(&sink, "line");
    let began = Instant::now();
    sink.end();
    sink.wait(Sink::deadline());
    assert!(began.elapsed() >= LAST_LINES);
    assert_eq!((taken.try_iter().count(), sink.load().lost), (0, 1));
}

#[test]
fn what_only_says_of_refusals_leaves_room_for_the_rest() {
    let (sink, answer, _taken) = played(true);
    let long = vec![b'x'; 64 * 1024];
    for _ in 0..2 * ROOM / long.len() {
        sink.put(ROOM_OF_REFUSALS, |_| long.clone());
    }
    let lost = sink.load().lost;
    assert!(lost > 0);
    for _ in 0..ROOM / 4 / long.len() {
        sink.put(ROOM, |_| long.clone());
    }
    assert_eq!(sink.load().lost, lost);
    drop(answer);
}

#[test]
fn nobody_waits_for_more_lines_when_enough_are_there_or_none_come() {
    assert!(is_worth_gathering(BLOCK / 2, false));
    assert!(!is_worth_gathering(BLOCK / 2 + 1, false));
    assert!(!is_worth_gathering(1, true));
}

/// An output that hangs has lines in its hand that are in no queue any more.
#[test]
fn what_is_being_written_counts_among_what_waits() {
    let (sink, answer, _taken) = played(false);
    put(&sink, "line");
    while sink.shared.waiting().in_hand == 0 {
        std::thread::yield_now();
    }
    assert_eq!(sink.load().waiting, 0);
    sink.end();
    sink.wait(Instant::now());
    drop(answer);
    sink.wait(Sink::deadline());
    assert_eq!(sink.shared.waiting().in_hand, 0);
}
