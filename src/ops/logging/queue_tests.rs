use std::sync::mpsc;

use super::*;

/// Accepts lines when the test opens the gate.
struct Gated {
    open: mpsc::Receiver<()>,
    written: mpsc::Sender<Vec<u8>>,
}

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.open.recv();
        let _ = self.written.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gated() -> (Queue, mpsc::Sender<()>, mpsc::Receiver<Vec<u8>>) {
    let (gate, open) = mpsc::channel();
    let (sender, written) = mpsc::channel();
    (Queue::start(Gated { open, written: sender }).unwrap(), gate, written)
}

fn log(queue: &Queue, text: &str) {
    let mut line = queue.make_writer();
    line.write_all(text.as_bytes()).unwrap();
    line.write_all(b"\n").unwrap();
}

#[test]
fn lines_come_whole_and_in_order() {
    let (queue, gate, written) = gated();
    let lines: Vec<String> = (0..1000).map(|number| format!("line {number}")).collect();
    for line in &lines {
        log(&queue, line);
    }
    // As many as the sink accepts, because the gate is gone then.
    drop(gate);
    queue.end();
    let text: Vec<u8> = written.try_iter().flatten().collect();
    assert_eq!(String::from_utf8(text).unwrap().lines().collect::<Vec<_>>(), lines);
    assert_eq!(queue.lost(), 0);
}

#[test]
fn whoever_logs_waits_for_nobody_and_memory_is_bounded() {
    let (queue, gate, _written) = gated();
    let line = "x".repeat(1023);
    let fit = ROOM / 1024;
    // One block is with the writer.
    let taken = BLOCK / 1024;
    for _ in 0..2 * fit {
        log(&queue, &line);
    }
    let lost = queue.lost() as usize;
    assert!((fit - taken..=fit).contains(&lost), "{lost}");
    assert!(queue.0.waiting().bytes <= ROOM);
    // The end waits only for a moment.
    queue.end();
    drop(gate);
}

/// Refuses every other write with `WouldBlock`, and accepts a few bytes of the others.
struct NonBlocking {
    turn: usize,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Write for NonBlocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(2) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let some = bytes.len().min(7);
        self.written.lock().unwrap().extend_from_slice(&bytes[..some]);
        Ok(some)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_pipe_that_does_not_block_loses_nothing() {
    let written = Arc::default();
    let mut sink = NonBlocking { turn: 0, written: Arc::clone(&written) };
    assert_eq!(write_block(&mut sink, b"one line\nanother line\n"), 0);
    assert_eq!(*written.lock().unwrap(), b"one line\nanother line\n");
    assert_eq!(write_block(&mut [0; 4].as_mut_slice(), b"one\ntwo\nthree\n"), 2);
}
