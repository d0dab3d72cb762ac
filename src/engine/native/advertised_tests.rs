use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn named() -> Advertised {
    let name = PassiveAddress::Name("ftp.example.com".to_owned());
    Advertised::new(&Passive { ports: 1..=2, addresses: vec![name], address_for: Vec::new() })
}

async fn told(advertised: &Advertised) -> io::Result<Ipv4Addr> {
    let (client, reached) = ("192.0.2.1".parse().unwrap(), "10.0.0.1".parse().unwrap());
    advertised.for_client(client, reached, 1).await.unwrap()
}

/// The clock stands still but for what waits for it.
#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_silent_resolver_who_has_an_address() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let mut advertised = named();
    advertised.look_up = |name| {
        assert_eq!(name, "ftp.example.com");
        ASKED.fetch_add(1, Ordering::Relaxed);
        Box::pin(async { Ok(Ipv4Addr::new(192, 0, 2, 7)) })
    };
    assert_eq!(told(&advertised).await.unwrap(), Ipv4Addr::new(192, 0, 2, 7));
    advertised.look_up = |_| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::pending())
    };
    for _ in 0..5 {
        tokio::time::advance(2 * FRESH).await;
        let before = Instant::now();
        assert_eq!(told(&advertised).await.unwrap(), Ipv4Addr::new(192, 0, 2, 7));
        assert_eq!(Instant::now(), before);
    }
    assert_eq!(ASKED.load(Ordering::Relaxed), 2, "one question is under way");
}

#[tokio::test(start_paused = true)]
async fn all_who_have_none_wait_for_one_answer() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let mut advertised = named();
    advertised.look_up = |_| {
        ASKED.fetch_add(1, Ordering::Relaxed);
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok(Ipv4Addr::new(192, 0, 2, 7))
        })
    };
    let (first, second) = futures_util::join!(told(&advertised), told(&advertised));
    assert_eq!((first.unwrap(), second.unwrap()), (Ipv4Addr::new(192, 0, 2, 7), Ipv4Addr::new(192, 0, 2, 7)));
    assert_eq!(ASKED.load(Ordering::Relaxed), 1);

    // One that is silent is not waited for without end, and one that fails is asked again by the next.
    let mut silent = named();
    silent.look_up = |_| Box::pin(std::future::pending());
    assert_eq!(told(&silent).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    let mut failing = named();
    failing.look_up = |_| Box::pin(async { Err(io::Error::other("no such name")) });
    assert!(told(&failing).await.unwrap_err().to_string().contains("no such name"));
    failing.look_up = |_| Box::pin(async { Ok(Ipv4Addr::LOCALHOST) });
    assert_eq!(told(&failing).await.unwrap(), Ipv4Addr::LOCALHOST);
}

/// An address that was right is told until there is another one.
#[tokio::test(start_paused = true)]
async fn the_last_address_stays() {
    let mut advertised = named();
    advertised.look_up = |_| Box::pin(async { Ok(Ipv4Addr::LOCALHOST) });
    told(&advertised).await.unwrap();
    advertised.look_up = |_| Box::pin(async { Err(io::Error::other("no answer")) });
    tokio::time::advance(2 * FRESH).await;
    assert_eq!(told(&advertised).await.unwrap(), Ipv4Addr::LOCALHOST);
    tokio::task::yield_now().await;
    advertised.look_up = |_| Box::pin(async { Ok(Ipv4Addr::BROADCAST) });
    tokio::time::advance(2 * FRESH).await;
    told(&advertised).await.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(told(&advertised).await.unwrap(), Ipv4Addr::BROADCAST);
}

#[tokio::test]
async fn of_several_it_is_the_one_that_was_reached() {
    let ip = |last| Ipv4Addr::new(192, 0, 2, last);
    let addresses = vec![PassiveAddress::Ip(ip(1)), PassiveAddress::Ip(ip(2)), PassiveAddress::Ip(ip(3))];
    let advertised = Advertised::new(&Passive { ports: 1..=2, addresses, address_for: Vec::new() });
    let told = async |reached: Ipv4Addr, session| {
        advertised.for_client("10.0.0.9".parse().unwrap(), reached.into(), session).await.unwrap().unwrap()
    };
    for last in 1..=3 {
        assert_eq!(told(ip(last), 7).await, ip(last));
    }
    // By another way, each session keeps to one, and all are used.
    let mut used = std::collections::HashSet::new();
    for session in 1..=3 {
        let first = told(ip(99), session).await;
        assert_eq!(told(ip(99), session).await, first);
        used.insert(first);
    }
    assert_eq!(used.len(), 3);
}
