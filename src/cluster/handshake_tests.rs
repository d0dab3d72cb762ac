use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::config::Cluster;
use crate::config::{ReplicaIndex, Replicas, Secret};

fn keys(secrets: &[&str]) -> Keys {
    Keys::of(&Cluster {
        replicas: Replicas::List(Vec::new()),
        index: ReplicaIndex::Is(0),
        ports_per_replica: 8,
        sessions: None,
        relay: ([127, 0, 0, 1], 2122).into(),
        secret: Secret::new(secrets[0]),
        more_secrets: secrets[1..].iter().map(|secret| Secret::new(*secret)).collect(),
        client_addresses_are_lost: false,
    })
}

const OURS: &str = "0123456789abcdef0123456789abcdef";
const THEIRS: &str = "another secret of the same length";

fn opening(said: &[u8]) -> Opening<'_> {
    Opening { kind: Kind::DataConnection, from: 2, to: 1, said }
}

/// The owner, which welcomes everybody who knows a secret.
async fn own(mut stream: DuplexStream, secrets: &[&str]) -> Result<(Asked, ConnectionKey), HandshakeError> {
    let (asked, verdicts) = receive(&mut stream, &keys(secrets)).await?;
    let key = verdicts.send(&mut stream, Verdict::Welcome).await?;
    goes_on(&mut stream).await?;
    Ok((asked, key))
}

async fn meet(
    opener: &[&str],
    owner: &[&str],
) -> (Result<ConnectionKey, HandshakeError>, Result<(Asked, ConnectionKey), HandshakeError>) {
    let (mut near, far) = duplex(4096);
    let keys = keys(opener);
    tokio::join!(open(&mut near, &keys, opening(b"said")), own(far, owner))
}

#[tokio::test]
async fn both_know_each_other_and_a_key_of_the_connection() {
    let (opened, owned) = meet(&[OURS], &[OURS]).await;
    let (asked, key) = owned.unwrap();
    assert_eq!(
        (asked.kind, asked.from, asked.to, &*asked.said),
        (Some(Kind::DataConnection), 2, 1, &b"said"[..])
    );
    assert_eq!(opened.unwrap().expose(), key.expose());
    let (again, _) = meet(&[OURS], &[OURS]).await;
    assert_ne!(again.unwrap().expose(), key.expose(), "each connection has its own");
}

#[tokio::test]
async fn without_the_secret_nobody_gets_anything() {
    let (opened, owned) = meet(&[THEIRS], &[OURS]).await;
    assert!(matches!(opened, Err(HandshakeError::Secret)));
    assert!(matches!(owned, Err(HandshakeError::Secret)));
}

#[tokio::test]
async fn a_secret_is_replaced_while_some_have_the_old_one() {
    // All know both; then some prove themselves with the new one.
    let (opened, owned) = meet(&[THEIRS, OURS], &[OURS, THEIRS]).await;
    assert!(opened.is_ok() && owned.is_ok());
    let (opened, owned) = meet(&[OURS], &[THEIRS, OURS]).await;
    assert!(opened.is_ok() && owned.is_ok());
}

/// What an opener sends, and the nonce of the owner that it was for.
async fn recorded() -> (Vec<u8>, Vec<u8>) {
    let (mut near, mut far) = duplex(4096);
    let keys = keys(&[OURS]);
    let opener = tokio::spawn(async move { open(&mut near, &keys, opening(b"said")).await });
    let mut greeting = NAME.to_vec();
    greeting.extend([7; 32]);
    far.write_all(&greeting).await.unwrap();
    let mut message = vec![0; OPENING + 4 + CODE];
    far.read_exact(&mut message).await.unwrap();
    drop(far);
    assert!(opener.await.unwrap().is_err());
    (greeting, message)
}

#[tokio::test]
async fn a_recording_is_of_no_use() {
    let (_, message) = recorded().await;
    let (mut near, far) = duplex(4096);
    near.write_all(&message).await.unwrap();
    assert!(matches!(own(far, &[OURS]).await, Err(HandshakeError::Secret)));
}

#[tokio::test]
async fn what_was_said_can_not_be_changed() {
    for at in [NAME.len(), OPENING - 7, OPENING - 5, OPENING - 3, OPENING, OPENING + 4] {
        let (mut near, mut middle) = duplex(4096);
        let (mut beyond, far) = duplex(4096);
        let between = async {
            let mut greeting = [0; NAME.len() + 32];
            beyond.read_exact(&mut greeting).await.unwrap();
            middle.write_all(&greeting).await.unwrap();
            let mut message = vec![0; OPENING + 4 + CODE];
            middle.read_exact(&mut message).await.unwrap();
            message[at] ^= 1;
            beyond.write_all(&message).await.unwrap();
            drop((middle, beyond));
        };
        let keys = keys(&[OURS]);
        let (opened, owned, ()) =
            tokio::join!(open(&mut near, &keys, opening(b"said")), own(far, &[OURS]), between);
        assert!(opened.is_err(), "{at}");
        assert!(matches!(owned, Err(HandshakeError::Secret)), "{at}: {owned:?}");
    }
}

#[tokio::test]
async fn an_owner_without_the_secret_is_not_believed() {
    for answer in [vec![0; 1 + CODE], vec![1; 1 + CODE]] {
        let (mut near, mut far) = duplex(4096);
        let impostor = async {
            let mut greeting = NAME.to_vec();
            greeting.extend([7; 32]);
            far.write_all(&greeting).await.unwrap();
            let mut message = vec![0; OPENING + 4 + CODE];
            far.read_exact(&mut message).await.unwrap();
            far.write_all(&answer).await.unwrap();
        };
        let keys = keys(&[OURS]);
        let (opened, ()) = tokio::join!(open(&mut near, &keys, opening(b"said")), impostor);
        assert!(matches!(opened, Err(HandshakeError::Secret)));
    }
}

#[tokio::test]
async fn an_opening_sent_back_proves_nothing() {
    // The code of an opening is none of a verdict, even where both are of the same bytes.
    let keys = keys(&[OURS]);
    let key = keys.own().unwrap();
    assert_ne!(key.code(Purpose::Opening, &[b"x"]), key.code(Purpose::Verdict, &[b"x"]));
    assert_ne!(key.code(Purpose::Opening, &[b"x"]), key.code(Purpose::Connection, &[b"x"]));
}

/// Whoever gives up while it waits for the verdict has ended the connection, which is no empty file then.
#[tokio::test]
async fn an_opener_that_gives_up_has_opened_nothing() {
    let (mut near, far) = duplex(4096);
    let opener = async {
        let mut greeting = [0; NAME.len() + 32];
        near.read_exact(&mut greeting).await.unwrap();
        let keys = keys(&[OURS]);
        let mut message = NAME.to_vec();
        message.extend([7; 32]);
        message.extend([1, 0, 2, 0, 1, 0, 0]);
        let code = keys.own().unwrap().code(Purpose::Opening, &[&greeting[NAME.len()..], &message]);
        message.extend(code);
        near.write_all(&message).await.unwrap();
        near.shutdown().await.unwrap();
    };
    let (owned, ()) = tokio::join!(own(far, &[OURS]), opener);
    assert!(matches!(owned, Err(HandshakeError::Io(_))), "{owned:?}");
}

#[tokio::test]
async fn another_protocol_is_known_by_its_first_bytes() {
    let (mut near, far) = duplex(4096);
    near.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert!(matches!(own(far, &[OURS]).await, Err(HandshakeError::Protocol)));
}

#[tokio::test]
async fn a_long_message_is_not_read() {
    let (mut near, far) = duplex(4096);
    let mut message = NAME.to_vec();
    message.extend([0; 32]);
    message.extend([1, 0, 0, 0, 1, 0xff, 0xff]);
    near.write_all(&message).await.unwrap();
    assert!(matches!(own(far, &[OURS]).await, Err(HandshakeError::Protocol)));
}

#[tokio::test]
async fn a_kind_of_a_later_version_is_refused_in_words() {
    assert_eq!(Kind::of(200), None);
    let (mut near, mut far) = duplex(4096);
    let owner_keys = keys(&[OURS]);
    let owner = async {
        let (_, verdicts) = receive(&mut far, &owner_keys).await.unwrap();
        verdicts.send(&mut far, Verdict::UnknownKind).await.unwrap();
    };
    let opener_keys = keys(&[OURS]);
    let (opened, ()) = tokio::join!(open(&mut near, &opener_keys, opening(b"")), owner);
    assert!(matches!(opened, Err(HandshakeError::UnknownKind)));
}
