use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};

use super::*;

/// More than a pipe holds, of bytes that tell where they belong.
fn content() -> Vec<u8> {
    (0..700_000_u32).flat_map(u32::to_le_bytes).collect()
}

/// What somebody sends who then ends the connection.
fn sent(content: &[u8]) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let content = content.to_vec();
    std::thread::spawn(move || client.write_all(&content));
    listener.accept().unwrap().0
}

/// Stores all that comes.
fn store(hose: &mut Hose, socket: &TcpStream, file: &File) -> io::Result<()> {
    loop {
        match hose.fill(socket, u64::MAX) {
            Ok(0) => return Ok(()),
            Ok(count) => hose.pour(count, file)?,
            Err(Errno::AGAIN) => drop(poll(&mut [PollFd::new(socket, PollFlags::IN)], None)?),
            Err(error) => return Err(error.into()),
        }
    }
}

fn stored(mut hose: Hose, options: &mut OpenOptions) -> (Hose, Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("file");
    let content = content();
    store(&mut hose, &sent(&content), &options.create(true).open(path).unwrap()).unwrap();
    (hose, content, std::fs::read(path).unwrap())
}

#[test]
fn a_pipe_takes_everything_to_the_file() {
    let (hose, sent, stored) = stored(Hose::new(), OpenOptions::new().write(true));
    assert!(sent == stored);
    assert!(matches!(hose, Hose::Pipe { .. }));
}

#[test]
fn so_does_a_buffer() {
    let (_, sent, stored) = stored(Hose::buffer(), OpenOptions::new().write(true));
    assert!(sent == stored);
}

#[test]
fn a_file_that_takes_nothing_from_a_pipe_gets_what_is_in_it_and_all_that_follows() {
    // The kernel refuses files that are opened like this.
    let (hose, sent, stored) = stored(Hose::new(), OpenOptions::new().append(true));
    assert!(sent == stored);
    assert!(matches!(hose, Hose::Buffer(_)));
}

#[test]
fn a_full_disk_is_an_error() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    for mut hose in [Hose::new(), Hose::buffer()] {
        let error = store(&mut hose, &sent(b"one byte is too much"), &full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}

#[test]
fn a_connection_that_was_reset_has_no_end() {
    for mut hose in [Hose::new(), Hose::buffer()] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = listener.accept().unwrap().0;
        rustix::net::sockopt::set_socket_linger(&client, Some(std::time::Duration::ZERO)).unwrap();
        drop(client);
        let file = tempfile::tempfile().unwrap();
        assert_eq!(store(&mut hose, &socket, &file).unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}
