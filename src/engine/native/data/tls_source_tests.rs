use std::io::Read as _;
use std::net::TcpStream as Client;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use futures_util::poll;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned, SupportedProtocolVersion,
};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio_rustls::{Accept, TlsAcceptor};

use super::super::DataConnection;
use super::*;

type Tls = StreamOwned<ClientConnection, Client>;

fn configs(version: &'static SupportedProtocolVersion) -> (ServerConfig, ClientConfig) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = identity.cert.der().clone();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate],
            PrivateKeyDer::try_from(identity.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    // As for every upload: its client reads nothing, and would reset the connection.
    server.send_tls13_tickets = 0;
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (server, client)
}

/// A connection whose client does this when the handshake is done on both sides. A client that is the first to be done could
/// send at once, and the handshake of the server would read that, too.
async fn connected<T: Send + 'static>(
    version: &'static SupportedProtocolVersion,
    act: impl FnOnce(Tls) -> T + Send + 'static,
) -> (Box<TlsStream<Wire>>, JoinHandle<T>) {
    let (accepted, is_accepted) = channel();
    let (accept, client) = handshake(version, move |tls| {
        is_accepted.recv().unwrap();
        act(tls)
    })
    .await;
    let stream = accept.await.unwrap();
    accepted.send(()).unwrap();
    (Box::new(stream), client)
}

/// The server's side of a handshake, for which the first message has come, and a client that does this when its side is done.
async fn handshake<T: Send + 'static>(
    version: &'static SupportedProtocolVersion,
    act: impl FnOnce(Tls) -> T + Send + 'static,
) -> (Accept<Wire>, JoinHandle<T>) {
    let (server, client) = configs(version);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = std::thread::spawn(move || {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::new(client), name).unwrap();
        let mut tls = StreamOwned::new(connection, Client::connect(address).unwrap());
        tls.conn.complete_io(&mut tls.sock).unwrap();
        act(tls)
    });
    let (socket, _) = listener.accept().await.unwrap();
    socket.peek(&mut [0]).await.unwrap();
    (TlsAcceptor::from(Arc::new(server)).accept(Wire::new(socket)), client)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

fn send_and_end(content: Vec<u8>) -> impl FnOnce(Tls) + Send + 'static {
    move |mut tls| {
        tls.write_all(&content).unwrap();
        tls.conn.send_close_notify();
        tls.flush().unwrap();
    }
}

/// Everything up to the end, and what the end was.
async fn all(source: &mut TlsSource) -> (Vec<u8>, Result<(), TransferError>) {
    let file = tempfile::tempfile().unwrap();
    let end = loop {
        match source.fill(u64::MAX) {
            Ok(Taken::End) => break Ok(()),
            Ok(Taken::Bytes(count)) => source.pour(count, &file).unwrap(),
            Ok(Taken::Nothing | Taken::NotYet) => tokio::task::yield_now().await,
            Err(error) => break Err(error),
        }
    };
    (content_of(file), end)
}

fn content_of(mut file: File) -> Vec<u8> {
    use std::io::Seek;
    let mut content = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut content).unwrap();
    content
}

#[tokio::test]
async fn all_that_comes_is_stored_over_both_versions() {
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let content = pattern(3 * PIECE + 17);
        let (stream, client) = connected(version, send_and_end(content.clone())).await;
        let (stored, end) = all(&mut TlsSource::new(stream, false)).await;
        assert!(end.is_ok() && stored == content, "{version:?}: {end:?} after {} bytes", stored.len());
        client.join().unwrap();
    }
}

#[tokio::test]
async fn what_the_handshake_has_read_is_stored_first() {
    for length in [10, 16_000, 3 * PIECE] {
        let content = pattern(length);
        let (sent, is_sent) = channel();
        let first = content[..length.min(16_000)].to_vec();
        let rest = content[first.len()..].to_vec();
        let (accept, client) = handshake(&rustls::version::TLS13, move |mut tls| {
            tls.write_all(&first).unwrap();
            tls.flush().unwrap();
            sent.send(()).unwrap();
            send_and_end(rest)(tls);
        })
        .await;
        let mut accept = pin!(accept);
        // The answer to the client's first message. It waits for the second one, with which the file comes.
        assert!(poll!(&mut accept).is_pending());
        is_sent.recv().unwrap();
        let (stored, end) = all(&mut TlsSource::new(Box::new(accept.await.unwrap()), false)).await;
        assert!(end.is_ok() && stored == content, "{end:?} after {} of {length} bytes", stored.len());
        client.join().unwrap();
    }
}

#[tokio::test]
async fn the_runtime_goes_on_where_a_thread_stopped() {
    let content = pattern(PIECE);
    let (mut stream, client) = connected(&rustls::version::TLS13, send_and_end(content.clone())).await;
    let mut received = Vec::new();
    // The last ones end within a record, of which the rest was read and decrypted.
    for most in [16 * 1024, 40_000, 1] {
        // The bytes of a whole number of records are there, some of them read by the runtime.
        received.push(stream.read_u8().await.unwrap());
        let mut source = TlsSource::new(stream, false);
        let count = loop {
            match source.fill(most).unwrap() {
                Taken::Bytes(count) => break count,
                Taken::End => panic!("the end"),
                Taken::Nothing | Taken::NotYet => tokio::task::yield_now().await,
            }
        };
        assert!(count as u64 <= most);
        let file = tempfile::tempfile().unwrap();
        source.pour(count, &file).unwrap();
        received.extend(content_of(file));
        stream = source.stream;
    }
    stream.read_to_end(&mut received).await.unwrap();
    assert!(received == content, "{} bytes", received.len());
    client.join().unwrap();
}

/// A thread must not be held by records that have next to nothing in them.
#[tokio::test]
async fn one_fill_is_little_work() {
    const RECORDS: usize = 2000;
    let (sent, is_sent) = channel();
    let (stream, client) = connected(&rustls::version::TLS13, move |mut tls| {
        for byte in pattern(RECORDS) {
            tls.write_all(&[byte]).unwrap();
        }
        tls.flush().unwrap();
        sent.send(()).unwrap();
        tls.sock.read(&mut [0; 1])
    })
    .await;
    is_sent.recv().unwrap();
    let mut source = TlsSource::new(stream, false);
    source.calls = 2;
    let file = tempfile::tempfile().unwrap();
    let mut stored = 0;
    while stored < RECORDS {
        match source.fill(u64::MAX).unwrap() {
            Taken::Bytes(count) => {
                assert!(count < RECORDS / 2, "{count}");
                source.pour(count, &file).unwrap();
                stored += count;
            }
            Taken::End => panic!("the end"),
            Taken::Nothing | Taken::NotYet => tokio::task::yield_now().await,
        }
    }
    assert!(content_of(file) == pattern(RECORDS));
    drop(source);
    let _closed = client.join().unwrap();
}

#[tokio::test]
async fn a_fill_that_has_worked_for_nothing_says_so() {
    let (sent, is_sent) = channel();
    let (stream, client) = connected(&rustls::version::TLS13, move |mut tls| {
        tls.write_all(&pattern(16_000)).unwrap();
        tls.flush().unwrap();
        sent.send(()).unwrap();
        tls.sock.read(&mut [0; 1])
    })
    .await;
    is_sent.recv().unwrap();
    let mut source = TlsSource::new(stream, false);
    source.calls = 1;
    // It has arrived, sooner or later, and is more than one call takes.
    loop {
        match source.fill(u64::MAX).unwrap() {
            Taken::Nothing => tokio::task::yield_now().await,
            Taken::NotYet => break,
            _ => panic!("one call has taken the whole record"),
        }
    }
    drop(source);
    let _closed = client.join().unwrap();
}

#[tokio::test]
async fn the_end_of_tcp_alone_is_an_end_only_where_it_is_allowed() {
    for lenient in [false, true] {
        let content = pattern(100_000);
        let sent = content.clone();
        let (stream, client) = connected(&rustls::version::TLS13, move |mut tls| {
            tls.write_all(&sent).unwrap();
            tls.flush().unwrap();
        })
        .await;
        let (stored, end) = all(&mut TlsSource::new(stream, lenient)).await;
        assert!(stored == content, "{} bytes", stored.len());
        assert!(if lenient { end.is_ok() } else { matches!(end, Err(TransferError::NotClosed)) });
        client.join().unwrap();
    }
}

#[tokio::test]
async fn a_record_that_somebody_changed_is_refused_and_its_sender_told() {
    let (stream, client) = connected(&rustls::version::TLS13, |mut tls| {
        tls.sock.write_all(&[&[23, 3, 3, 0, 64][..], &[7; 64]].concat()).unwrap();
        let mut answer = [0; 1];
        // An alert, or else the end of the connection.
        tls.read(&mut answer).unwrap_err().kind()
    })
    .await;
    let mut source = TlsSource::new(stream, true);
    let (stored, end) = all(&mut source).await;
    assert!(stored.is_empty() && matches!(end, Err(TransferError::DataConnection(_))), "{end:?}");
    assert_eq!(client.join().unwrap(), io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn a_connection_that_is_lent_ends_when_nobody_waits_for_it() {
    let (stream, client) = connected(&rustls::version::TLS13, |mut tls| tls.sock.read(&mut [0; 512])).await;
    let mut connection = DataConnection::tls(*stream, false);
    let lent = connection.lend();
    assert!(lent.is_ok() && connection.lend().is_err());
    drop(connection);
    // The thread that has it would keep it open.
    assert_eq!(client.join().unwrap().unwrap(), 0);
    drop(lent);
}

#[tokio::test]
async fn a_connection_that_is_lent_ends_with_its_linger() {
    for has_begun in [false, true] {
        let (stream, client) = connected(&rustls::version::TLS13, |mut tls| {
            tls.sock.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
            tls.sock.read(&mut [0; 512])
        })
        .await;
        let mut connection = DataConnection::tls(*stream, false);
        let lent = connection.lend().unwrap();
        let linger = connection.linger(false).unwrap();
        if has_begun {
            tokio::task::yield_now().await;
        }
        drop(linger);
        // An aborted task is dropped by the runtime.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        // The thread still has it.
        assert_eq!(client.join().unwrap().unwrap(), 0, "{has_begun}");
        drop(lent);
    }
}

#[tokio::test]
async fn a_connection_that_was_given_back_goes_on() {
    let content = pattern(10);
    let (stream, client) = connected(&rustls::version::TLS13, send_and_end(content.clone())).await;
    let mut connection = DataConnection::tls(*stream, false);
    let loan = connection.lend().unwrap();
    connection.take_back(loan).unwrap();
    let mut received = bytes::BytesMut::with_capacity(64);
    while connection.read(&mut received, 64).await.unwrap() > 0 {}
    assert_eq!(received, content);
    client.join().unwrap();
}
