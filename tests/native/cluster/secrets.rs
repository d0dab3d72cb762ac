//! The secret is replaced while the replicas run.

use super::counted::{know_each_other, states};
use super::spreader::What;
use super::{Replicas, SECRET, Wanted, session, sum};
use crate::support::{Api, Running, wait_until};

const NEW: &str = "another secret of the tests, as long";

/// What each replica has in the place of its secret.
fn change(replicas: &Replicas, running: &[Running<'_>], before: &str, after: &str) {
    for (setup, replica) in replicas.setups.iter().zip(running) {
        crate::reload::change(setup, before, after);
        Api::of(replica).change("POST", "/reload", "");
    }
}

/// In three steps, in each of which a file goes by way of another replica.
#[test]
fn a_secret_is_replaced_without_a_gap() {
    let replicas = Replicas::new(Wanted::default());
    let running = replicas.start();
    let spreader = replicas.spread(&running, What::Kept);
    let of = |secret: &str| format!("secret: '{secret}'");
    let two = |first: &str, second: &str| format!("secret: '{first}', more_secrets: ['{second}']");
    let steps = [of(SECRET), two(SECRET, NEW), two(NEW, SECRET), of(NEW)];
    for (number, step) in steps.windows(2).enumerate() {
        change(&replicas, &running, &step[0], &step[1]);
        for owner in 0..3 {
            let mut client = session(&spreader, owner);
            spreader.send_to(Some((owner + 1) % 3));
            client.store(&format!("{number}-{owner}"), b"by way of another");
        }
    }
    for replica in &running {
        assert_eq!(sum(replica, "wharf_cluster_relay_failures_total{"), 0.0);
        assert_eq!(sum(replica, "wharf_cluster_relay_port_refused_total{cause=\"secret\"}"), 0.0);
    }
    know_each_other(&running);
    // Who has the old one is let in no more.
    drop(running);
    let strangers = Replicas::new(Wanted::default());
    let running = strangers.start();
    know_each_other(&running);
    crate::reload::change(&strangers.setups[1], SECRET, NEW);
    Api::of(&running[1]).change("POST", "/reload", "");
    wait_until("two know each other", || states(&running[0]) == ["here", "away", "here"]);
    wait_until("the third is refused", || {
        sum(&running[0], "wharf_cluster_relay_port_refused_total{cause=\"secret\"}") > 0.0
    });
    wait_until("it is alone", || states(&running[1]) == ["away", "here", "away"]);
}
