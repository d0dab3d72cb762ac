use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;

use rustix::net::sockopt::set_socket_send_buffer_size;

use super::*;

const TURN: u64 = 16 * 1024;
const TURNS: u64 = 6;

/// A connection with room for all of these turns, and its other end, which has read nothing yet.
async fn connection() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    set_socket_send_buffer_size(&stream, 8 * (TURNS * TURN) as usize).unwrap();
    stream.writable().await.unwrap();
    (stream, listener.accept().unwrap().0)
}

fn content() -> Vec<u8> {
    (0..TURNS * TURN).map(|n| (n % 251) as u8).collect()
}

#[track_caller]
fn assert_read(mut client: std::net::TcpStream, content: &[u8]) {
    let mut read = vec![0; content.len()];
    client.read_exact(&mut read).unwrap();
    assert!(read == content);
}

#[tokio::test]
async fn a_download_has_one_turn_in_a_crowd() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&content()).unwrap();
    let (socket, client) = connection().await;
    let burst = |offset, is_crowd| {
        let part = (offset, TURNS * TURN - offset);
        burst(&socket, &file, part, TURN, || is_crowd).unwrap_or_else(|_| panic!("nothing was sent"))
    };
    assert_eq!(burst(0, true), TURN);
    assert_eq!(burst(TURN, true), TURN);
    assert_eq!(burst(2 * TURN, false), (TURNS - 2) * TURN);
    assert_read(client, &content());
}

#[test]
fn more_downloads_than_threads_are_a_crowd() {
    let downloads: Vec<_> = (0..=CROWD).map(|_| Crowd::join()).collect();
    assert!(Crowd::is_there());
    drop(downloads);
    assert!(!Crowd::is_there());
}

#[tokio::test]
async fn a_quick_download_lets_other_tasks_have_their_turn() {
    let (socket, client) = connection().await;
    let mut connection = DataConnection::plain(socket);
    let content = Bytes::from(content());
    let chunks: Vec<_> =
        content.chunks(TURN as usize / 2).map(|chunk| Ok(content.slice_ref(chunk))).collect();
    let stream: ByteStream = futures_util::stream::iter(chunks).boxed();
    let flow = Flow {
        stall_timeout: Duration::from_secs(60),
        pace: None,
        moved: Arc::default(),
        converted: Arc::default(),
        data_peer: Arc::default(),
        opened: Arc::default(),
    };

    let turns = Rc::new(Cell::new(0));
    let counted = Rc::clone(&turns);
    let others = tokio::task::LocalSet::new();
    others.spawn_local(async move {
        loop {
            counted.set(counted.get() + 1);
            tokio::task::yield_now().await;
        }
    });
    let form = Form { ascii: false, deflate: None };
    let turn = Turn::of(TURN as usize);
    others.run_until(send_stream(&mut connection, stream, (form, 0), turn, &flow)).await.unwrap();
    assert_read(client, &content);
    assert!(turns.get() >= TURNS, "{turns:?}");
}
