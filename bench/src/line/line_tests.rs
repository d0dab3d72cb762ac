use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Distance, Line};
use crate::place::block;

const NEAR: Distance = Distance { delay: Duration::from_millis(1), bandwidth: 1_000_000_000 };

/// Something at the far end, for one connection.
fn far_end(serve: impl FnOnce(TcpStream) + Send + 'static) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (address, thread::spawn(move || serve(listener.accept().unwrap().0)))
}

fn read_all(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn bytes_pass_both_ways_and_each_way_ends_by_itself() {
    // More than all the buffers between hold, and no multiple of what is read at once.
    let (there, back) = (block((5 << 20) + 17), block((3 << 20) + 5));
    let (expected, answer) = (there.clone(), back.clone());
    let (address, served) = far_end(move |stream| {
        // The answer begins when the end of the question has come, and still has its way then.
        assert!(read_all(&stream) == expected, "other bytes came to the far end");
        (&stream).write_all(&answer).unwrap();
    });
    let line = Line::open(address, NEAR).unwrap();
    let client = TcpStream::connect(line.address()).unwrap();
    (&client).write_all(&there).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(read_all(&client) == back, "other bytes came back");
    served.join().unwrap();
}

#[test]
fn nothing_is_faster_than_the_line() {
    let (address, served) = far_end(|stream| {
        assert_eq!(read_all(&stream).len(), 100_000);
        (&stream).write_all(b"all").unwrap();
    });
    let line =
        Line::open(address, Distance { delay: Duration::from_millis(20), bandwidth: 1_000_000 }).unwrap();
    let begin = Instant::now();
    let client = TcpStream::connect(line.address()).unwrap();
    (&client).write_all(&block(100_000)).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&client), b"all");
    // The handshake, the bytes, and their way there and back.
    assert!(begin.elapsed() >= Duration::from_millis(40 + 100 + 40), "{:?}", begin.elapsed());
    served.join().unwrap();
}

#[test]
fn an_end_that_is_gone_is_gone_at_the_other_end_too() {
    let (address, served) = far_end(|stream| {
        stream.shutdown(Shutdown::Both).unwrap();
        drop(stream);
    });
    let line = Line::open(address, NEAR).unwrap();
    let mut client = TcpStream::connect(line.address()).unwrap();
    let block = block(1 << 20);
    // It is refused in the end, instead of being kept somewhere for ever.
    while client.write_all(&block).is_ok() {}
    served.join().unwrap();
}

#[test]
fn connections_break_off_with_the_line() {
    let (greeted, greeting) = mpsc::channel();
    let (address, served) = far_end(move |mut stream| {
        stream.read_exact(&mut [0; 5]).unwrap();
        greeted.send(()).unwrap();
        read_all_or_fail(&stream);
    });
    let line = Line::open(address, NEAR).unwrap();
    let mut client = TcpStream::connect(line.address()).unwrap();
    client.write_all(b"hello").unwrap();
    // A connection that was not accepted yet would not be known at the far end.
    greeting.recv().unwrap();
    drop(line);
    read_all_or_fail(&client);
    served.join().unwrap();
}

/// Until nothing more comes, however that ends.
fn read_all_or_fail(mut stream: &TcpStream) {
    stream.read_to_end(&mut Vec::new()).ok();
}
