use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap());
    let (near, far) = tokio::join!(connected, listener.accept());
    (near.unwrap(), far.unwrap().0)
}

/// A client and an owner, whose connection is passed on in a task.
async fn passed_on() -> (TcpStream, TcpStream, tokio::task::JoinHandle<Result<(), Lost>>, [Counter; 2]) {
    let ((client, near), (far, owner)) = (pair().await, pair().await);
    let counters = [Counter::default(), Counter::default()];
    let [to_owner, from_owner] = counters.clone();
    reset_when_closed(&near);
    reset_when_closed(&far);
    let task = tokio::spawn(async move {
        both_ways(Sides { client: &near, owner: &far, to_owner, from_owner, patience: PATIENCE }).await
    });
    (client, owner, task, counters)
}

fn some(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 7 % 251) as u8).collect()
}

#[tokio::test]
async fn bytes_and_ends_are_passed_on_in_both_directions() {
    let (mut client, mut owner, task, [up, down]) = passed_on().await;
    let sent = some(3_000_001);
    let upload = async {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
    };
    let mut received = Vec::new();
    let (_, read) = tokio::join!(upload, owner.read_to_end(&mut received));
    read.unwrap();
    assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
    // The other direction goes on after the end of the first.
    owner.write_all(b"226 bytes later").await.unwrap();
    drop(owner);
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "226 bytes later");
    task.await.unwrap().unwrap();
    assert_eq!((up.get(), down.get()), (3_000_001, 15));
}

#[tokio::test]
async fn a_lost_client_is_no_end_of_a_file() {
    let (mut client, mut owner, task, _) = passed_on().await;
    client.write_all(b"half of a").await.unwrap();
    let mut half = [0; 9];
    owner.read_exact(&mut half).await.unwrap();
    reset_when_closed(&client);
    drop(client);
    let error = owner.read(&mut half).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert!(matches!(task.await.unwrap(), Err(Lost::Client(_))));
}

#[tokio::test]
async fn a_lost_replica_is_no_end_of_a_file() {
    let (mut client, mut owner, task, _) = passed_on().await;
    client.write_all(b"half of a").await.unwrap();
    let mut half = [0; 9];
    owner.read_exact(&mut half).await.unwrap();
    // As when the process ends: its sockets are closed wherever it is.
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(owner.read(&mut half).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(client.read(&mut half).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_refusal_of_the_owner_resets_the_client() {
    let (mut client, owner, task, _) = passed_on().await;
    reset_when_closed(&owner);
    drop(owner);
    assert_eq!(client.read(&mut [0]).await.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(matches!(task.await.unwrap(), Err(Lost::Owner(_))));
}

#[tokio::test]
async fn a_slow_reader_holds_the_sender_back() {
    let (mut client, owner, _task, [up, _]) = passed_on().await;
    let bytes = some(64 * 1024);
    let mut sent = 0;
    // Nobody reads: at some time nothing goes in any more, and what is inside is bounded.
    while let Ok(written) = tokio::time::timeout(Duration::from_millis(300), client.write(&bytes)).await {
        sent += written.unwrap();
        assert!(sent < 256 << 20, "all was taken");
    }
    assert!(up.get() <= sent as u64);
    drop(owner);
}

#[tokio::test]
async fn without_a_pipe_bytes_are_copied() {
    let (from, mut sender) = pair().await;
    let (to, mut receiver) = pair().await;
    let mut means = Means::buffer();
    sender.write_all(b"abc").await.unwrap();
    from.peek(&mut [0]).await.unwrap();
    assert_eq!(means.fill(&from).unwrap(), 3);
    assert_eq!(means.pour(&to, 1, 2).unwrap(), 2);
    let mut received = [0; 2];
    receiver.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"bc");
}

/// A session that ends, or a replica that dies, while the client does not read: the relay does not wait for the client.
#[tokio::test]
async fn a_lost_owner_is_noticed_while_the_client_does_not_read() {
    let (_client, owner, task, _) = passed_on().await;
    let bytes = some(1 << 20);
    while let Ok(written) = tokio::time::timeout(Duration::from_millis(300), owner.writable()).await {
        written.unwrap();
        let _full = owner.try_write(&bytes);
    }
    reset_when_closed(&owner);
    drop(owner);
    assert!(matches!(task.await.unwrap(), Err(Lost::Owner(_))));
}

#[tokio::test]
async fn what_stands_still_for_too_long_is_over() {
    let (_client, _owner) = {
        let ((client, near), (far, owner)) = (pair().await, pair().await);
        let (to_owner, from_owner) = (Counter::default(), Counter::default());
        let patience = Duration::from_millis(50);
        let lost = both_ways(Sides { client: &near, owner: &far, to_owner, from_owner, patience }).await;
        assert!(matches!(lost, Err(Lost::Client(error)) if error.kind() == io::ErrorKind::TimedOut));
        (client, owner)
    };
}

/// What was sent before an end arrives, whatever becomes of the relay.
#[tokio::test]
async fn after_its_end_a_download_arrives_without_the_relay() {
    let (mut client, mut owner, task, [_, down]) = passed_on().await;
    let sent = some(20_000);
    owner.write_all(&sent).await.unwrap();
    drop(owner);
    while down.get() < 20_000 {
        tokio::task::yield_now().await;
    }
    // The client has read nothing; the relay is told to end once its end was passed on.
    client.readable().await.unwrap();
    let mut end = vec![0; 40_000];
    while client.peek(&mut end).await.unwrap() < 20_000 {
        tokio::task::yield_now().await;
    }
    tokio::time::timeout(Duration::from_secs(5), async {
        while !task.is_finished()
            && client.ready(Interest::READABLE).await.is_ok_and(|ready| !ready.is_read_closed())
        {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    task.abort();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    assert!(received == sent);
}
