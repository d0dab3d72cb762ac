use super::super::keys::{Keys, Nonce};
use super::*;
use crate::config::{self, ReplicaIndex, Replicas, Secret};

const MOST: usize = 1000;

fn key(number: u8) -> ConnectionKey {
    let settings = config::Cluster {
        replicas: Replicas::List(Vec::new()),
        index: ReplicaIndex::Is(0),
        ports_per_replica: 8,
        sessions: None,
        relay: "127.0.0.1:2122".parse().unwrap(),
        secret: Secret::new("a secret of the tests, long enough"),
        more_secrets: Vec::new(),
        client_addresses_are_lost: false,
    };
    let nonce: Nonce = [number; 32];
    Keys::of(&settings).own().unwrap().connection(&nonce, &nonce)
}

fn ends(one: u8, other: u8) -> (Sealed, Sealed) {
    (Sealed::new(&key(one), End::Opener).unwrap(), Sealed::new(&key(other), End::Owner).unwrap())
}

async fn sent(by: &mut Sealed, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = by.send(&mut bytes, message).await.unwrap();
    assert_eq!(length, bytes.len());
    bytes
}

async fn received(by: &mut Sealed, mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    by.receive(&mut bytes, MOST).await
}

#[tokio::test]
async fn messages_arrive_in_their_order_both_ways() {
    let (mut opener, mut owner) = ends(1, 1);
    for length in [0, 1, MOST] {
        let message = vec![7; length];
        let bytes = sent(&mut opener, &message).await;
        assert!(length < 16 || !bytes.windows(16).any(|part| part == &message[..16]), "it is encrypted");
        assert_eq!(received(&mut owner, &bytes).await.unwrap(), message);
        let bytes = sent(&mut owner, &message).await;
        assert_eq!(received(&mut opener, &bytes).await.unwrap(), message);
    }
}

#[tokio::test]
async fn whatever_was_done_to_a_message_it_is_none() {
    let (mut opener, _) = ends(1, 1);
    let (first, second) = (sent(&mut opener, b"one").await, sent(&mut opener, b"two").await);
    for place in 0..first.len() {
        let mut changed = first.clone();
        changed[place] ^= 1;
        assert!(received(&mut ends(1, 1).1, &changed).await.is_err(), "byte {place}");
    }
    assert!(received(&mut ends(1, 1).1, &second).await.is_err(), "the first is missing");
    let (_, mut owner) = ends(1, 1);
    received(&mut owner, &first).await.unwrap();
    assert!(received(&mut owner, &first).await.is_err(), "twice");
    assert!(received(&mut ends(1, 1).0, &first).await.is_err(), "sent back");
    assert!(received(&mut ends(1, 2).1, &first).await.is_err(), "of another connection");
    assert!(received(&mut ends(1, 1).1, &first[..first.len() - 1]).await.is_err(), "not whole");
}

#[tokio::test]
async fn nobody_is_made_to_wait_for_what_is_too_long() {
    let mut opener = ends(1, 1).0;
    let bytes = sent(&mut opener, &vec![0; MOST + 1]).await;
    // No byte of it is waited for.
    let error = received(&mut ends(1, 1).1, &bytes[..4]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(received(&mut ends(1, 1).1, &[0, 0, 0, 15]).await.is_err(), "shorter than nothing");
}
