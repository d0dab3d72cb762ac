use std::net::IpAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::super::claims;
use super::super::passive::tests::{HERE_0, at, connect_from, free_ports};
use super::super::passive::{Arrived, Lease, PassivePorts};
use super::*;

/// The client's address, and others.
const CLIENT: &str = "127.0.0.2";
const OTHER: &str = "127.0.0.3";
const THIRD: &str = "127.0.0.4";

async fn lease() -> Lease {
    let ports = PassivePorts::new(free_ports(1), Vec::new());
    ports.lease(HERE_0, at(CLIENT), true).await.unwrap()
}

/// The transfer has begun.
async fn begun(lease: Lease) -> Result<Arrived, TransferError> {
    let stray = in_plain_text(lease.strays());
    unless(stray, claims::in_plain_text(lease, Toward::Client, 1)).await
}

fn assert_told(outcome: Result<Arrived, TransferError>, other: &str) {
    let address = |text: &str| -> IpAddr { text.parse().unwrap() };
    match outcome {
        Err(TransferError::Elsewhere { control, data }) => {
            assert_eq!((control, data), (address(CLIENT), address(other)));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_from_elsewhere_is_told_within_a_second() {
    for early in [true, false] {
        let lease = lease().await;
        let port = lease.port();
        let before = if early { Some(connect_from(OTHER, port).await) } else { None };
        let began = Instant::now();
        let comes = async {
            if !early {
                sleep(Duration::from_secs(3)).await;
                return (Instant::now(), Some(connect_from(OTHER, port).await));
            }
            (began, None)
        };
        let (outcome, (came, after)) = tokio::join!(begun(lease), comes);
        assert_told(outcome, OTHER);
        assert!(came.elapsed() < Duration::from_secs(1), "{:?}", came.elapsed());
        drop((before, after));
    }
}

/// Who connects to every port, or several who do.
#[tokio::test(start_paused = true)]
async fn strangers_end_no_transfer_of_a_client_that_comes() {
    for (strangers, late) in
        [(&[OTHER][..], Duration::from_millis(500)), (&[OTHER, THIRD], Duration::from_secs(20))]
    {
        let lease = lease().await;
        let port = lease.port();
        let mut open: Vec<TcpStream> = Vec::new();
        for stranger in strangers {
            open.push(connect_from(stranger, port).await);
        }
        let comes = async {
            sleep(late).await;
            connect_from(CLIENT, port).await
        };
        let (outcome, own) = tokio::join!(begun(lease), comes);
        assert_eq!(outcome.unwrap().peer, own.local_addr().unwrap(), "{strangers:?}");
    }
}

/// A client on the other side of the world that sends the command first.
#[tokio::test(start_paused = true)]
async fn a_far_client_has_more_time() {
    let lease = lease().await;
    let port = lease.port();
    let _stranger = connect_from(OTHER, port).await;
    sleep(Duration::from_millis(700)).await;
    let comes = async {
        sleep(Duration::from_millis(1400)).await;
        connect_from(CLIENT, port).await
    };
    let (outcome, own) = tokio::join!(begun(lease), comes);
    assert_eq!(outcome.unwrap().peer, own.local_addr().unwrap());
}

/// One address can't go on for ever.
#[tokio::test(start_paused = true)]
async fn one_address_ends_few_transfers() {
    let other = "127.0.0.33";
    let mut ended = 0;
    for _ in 0..30 {
        let lease = lease().await;
        let _stranger = connect_from(other, lease.port()).await;
        match timeout(Duration::from_secs(5), begun(lease)).await {
            Ok(outcome) => {
                assert_told(outcome, other);
                ended += 1;
            }
            Err(_) => break,
        }
    }
    assert_eq!(ended, 10);
}

/// Two sessions wait at the port: it can't be said whose it is.
#[tokio::test(start_paused = true)]
async fn of_two_sessions_none_is_told() {
    let ports = PassivePorts::new(free_ports(1), Vec::new());
    let lease = ports.lease(HERE_0, at(CLIENT), true).await.unwrap();
    let _other = ports.lease(HERE_0, at(THIRD), true).await.unwrap();
    let _stranger = connect_from(OTHER, lease.port()).await;
    assert!(timeout(Duration::from_secs(25), begun(lease)).await.is_err());
}
