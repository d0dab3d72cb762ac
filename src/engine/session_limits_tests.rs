use super::*;

#[test]
fn both_limits_hold_and_are_given_back() {
    let limits = Arc::new(SessionLimits::new(3, 2));
    let [a, b, c]: [IpAddr; 3] = ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map(|ip| ip.parse().unwrap());
    let first = limits.admit(a).unwrap();
    let _second = limits.admit("::ffff:127.0.0.1".parse().unwrap()).unwrap();
    assert_eq!(limits.admit(a).unwrap_err(), TooManySessions::FromThisAddress);
    let _third = limits.admit(b).unwrap();
    assert_eq!(limits.admit(c).unwrap_err(), TooManySessions::InAll);
    drop(first);
    let _fourth = limits.admit(a).unwrap();
    assert_eq!(limits.open.lock().unwrap().by_ip.len(), 2, "addresses without sessions are forgotten");
}
