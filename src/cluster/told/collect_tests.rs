use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::prelude::*;

use super::super::wire::having;
use super::*;
use crate::accounts::{Elsewhere, SessionPermit, Subject};

/// It has threads of its own, and nobody logs in here.
static ACCOUNTS: LazyLock<Arc<Lasting>> = LazyLock::new(|| Lasting::new().unwrap());

/// What another replica makes of a telling.
fn hear(elsewhere: &Elsewhere, telling: Telling) {
    let telling = Telling::decode(&telling.encode()).unwrap();
    let networks = telling.networks.into_iter().map(|(ip, numbers)| (Network::of(ip, 64), having(numbers)));
    elsewhere.told(1, telling.all, [], networks);
}

fn network(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, number))
}

proptest! {
    /// Whoever hears all changes knows what whoever hears everything at once does.
    #[test]
    fn changes_lead_to_what_there_is(steps in prop::collection::vec((any::<bool>(), 0..5_u8, any::<bool>(), any::<bool>()), 0..60)) {
        let (accounts, limits) = (&*ACCOUNTS, Arc::new(SessionLimits::new(1000, 1000, 64)));
        let (mut collector, elsewhere) = (Collector::default(), Elsewhere::default());
        let mut here: Vec<(u8, bool, SessionPermit)> = Vec::new();
        for (comes, number, logs_in, is_told) in steps {
            match comes {
                true => {
                    let permit = limits.admit(network(number)).unwrap();
                    here.push((number, logs_in && permit.logged_in(), permit));
                }
                false => here.retain(|(of, ..)| *of != number),
            }
            if is_told && let Some(telling) = collector.changes(accounts, &limits) {
                hear(&elsewhere, telling);
            }
        }
        collector.changes(accounts, &limits).into_iter().for_each(|telling| hear(&elsewhere, telling));
        prop_assert!(collector.changes(accounts, &limits).is_none(), "nothing has changed since");
        let late = Elsewhere::default();
        collector.all(&limits, Vec::new()).into_iter().for_each(|telling| hear(&late, telling));
        for number in 0..5 {
            let expected = here.iter().filter(|(of, is_in, _)| *of == number && *is_in).count() as u32;
            for known in [&elsewhere, &late] {
                prop_assert_eq!(known.network(Network::of(network(number), 64)).sessions, expected);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn locks_are_told_once_and_all_of_them() {
    let (accounts, limits) = (&*ACCOUNTS, SessionLimits::new(10, 10, 64));
    limits.guard().has_others();
    let mut collector = Collector::default();
    collector.changes(accounts, &limits);
    let lock = |name: String| limits.guard().ban(Subject::Name(name), Duration::from_secs(60)).unwrap();
    lock("anna".to_owned());
    let told =
        |collector: &mut Collector| collector.changes(accounts, &limits).map_or(0, |told| told.locks.len());
    assert_eq!((told(&mut collector), told(&mut collector)), (1, 0));
    tokio::time::advance(Duration::from_secs(10)).await;
    lock("bert".to_owned());
    assert_eq!((told(&mut collector), told(&mut collector)), (1, 0));
    lock("anna".to_owned());
    assert_eq!((told(&mut collector), told(&mut collector)), (1, 0), "it is another lock");
    let all = collector.all(&limits, vec![3]);
    assert_eq!((all.len(), all[0].locks.len(), &all[0].knows), (1, 2, &vec![3]));
    limits.guard().lift("anna");
    let lifts = collector.changes(accounts, &limits).unwrap().lifts;
    assert!(matches!(&lifts[..], [(_, Some(subject), 0)] if subject == "anna"));
    lock("anna".to_owned());
    assert!(collector.changes(accounts, &limits).unwrap().lifts.is_empty(), "they have not changed");
}

#[test]
fn much_is_told_in_parts() {
    let made = |number: usize| Made {
        backend: "lake".to_owned(),
        path: format!("/{number}"),
        since: 1,
        bytes: 1,
        files: 1,
        held: crate::visit::Usage::default(),
    };
    let limits = SessionLimits::new(10, 10, 64);
    let all = || {
        (0..2 * MOST + 1).map(made).map(|made| ((made.backend.clone(), made.path.clone()), made)).collect()
    };
    let mut collector = Collector::default();
    // What there is no room for comes the next time.
    let parts = [(); 4].map(|()| collector.quotas(all()).len());
    assert_eq!(parts, [MOST, MOST, 1, 0]);
    let tellings = collector.all(&limits, Vec::new());
    let parts: Vec<_> =
        tellings.iter().map(|telling| (telling.all, telling.more, telling.quotas.len())).collect();
    assert_eq!(parts, [(true, true, MOST), (false, true, MOST), (false, false, 1)]);
    assert_eq!(collector.quotas(HashMap::new()).len(), MOST, "what is gone is told, too");
}
