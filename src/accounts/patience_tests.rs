use std::net::IpAddr;

use tokio::time::Instant;

use super::*;
use crate::accounts::build::Known;
use crate::accounts::testing::{configured, storages};
use crate::accounts::{Elsewhere, Having, SessionLimits};
use crate::config::{Password, Secret};
use crate::network::Network;
use crate::ops::metrics::Metrics;

/// One replica, in which `anna` has one session at most, and an address two.
struct Server {
    elsewhere: Arc<Elsewhere>,
    present: Arc<Present>,
    limits: Arc<SessionLimits>,
    account: Arc<Account>,
}

const FROM: &str = "127.0.0.1";

fn server() -> Server {
    let mut config = configured([("anna", Password::Plain(Secret::new("a")))]);
    config.server.limits.sessions_per_user = Some(1);
    let known = Known::of(&config, &storages(), &Arc::default(), &Metrics::new("native", 1), None).unwrap();
    let elsewhere = Arc::<Elsewhere>::default();
    let limits = SessionLimits::new(9, 2, 64).beside(&elsewhere, None);
    let (present, account) = (Arc::new(Present::beside(&elsewhere)), known.find("anna").unwrap());
    Server { elsewhere, present, limits: Arc::new(limits), account }
}

impl Server {
    /// Another replica has so many sessions of the user, and of the address.
    fn hears(&self, of_user: u32, of_address: u32) {
        let having = |sessions| Having { sessions, ..Having::default() };
        let network = Network::of(FROM.parse().unwrap(), 64);
        let user = ("anna".to_owned(), having(of_user));
        self.elsewhere.told(1, true, [user], [(network, having(of_address))]);
    }

    async fn enter(&self) -> Result<UserPermit, NoSeat> {
        let ip: IpAddr = FROM.parse().unwrap();
        let permit = self.limits.admit(ip).unwrap();
        permit.asked();
        let guest = Guest {
            name: "anna".to_owned(),
            is_anonymous: false,
            session: 1,
            peer: (ip, 1).into(),
            facts: Arc::default(),
        };
        let ending = Shutdown::default();
        seat((&self.present, &permit), (&guest, &self.account), None, &ending).await
    }

    /// The same, while this is heard a second later.
    async fn enter_while(&self, of_user: u32, of_address: u32) -> Result<UserPermit, NoSeat> {
        let hears = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.hears(of_user, of_address);
        };
        tokio::join!(self.enter(), hears).0
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_was_elsewhere_a_moment_ago_gets_in() {
    let server = server();
    server.hears(1, 0);
    assert!(server.enter_while(0, 0).await.is_ok());
    server.hears(0, 2);
    assert!(server.enter_while(0, 1).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn whoever_is_elsewhere_still_is_refused_after_a_while() {
    let server = server();
    for (of_user, of_address, why) in [(1, 0, NoSeat::Elsewhere), (0, 2, NoSeat::Address)] {
        server.hears(of_user, of_address);
        let begun = Instant::now();
        assert_eq!(server.enter().await.unwrap_err(), why);
        assert_eq!(begun.elapsed(), AGAIN * PAUSE);
    }
    // What is here is known.
    server.hears(0, 0);
    let _here = server.enter().await.unwrap();
    let begun = Instant::now();
    assert_eq!(server.enter().await.unwrap_err(), NoSeat::TooMany);
    assert!(begun.elapsed().is_zero());
}
