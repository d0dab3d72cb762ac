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

#[test]
fn users_have_a_limit_of_their_own() {
    let limits = Arc::new(UserLimits::new(Some(2)));
    let _first = limits.admit("anna").unwrap();
    let second = limits.admit("anna").unwrap();
    assert!(limits.admit("anna").is_none());
    let _other = limits.admit("bert").unwrap();
    drop(second);
    let _third = limits.admit("anna").unwrap();
    assert_eq!(limits.open.lock().unwrap()["anna"], 2);
    let any = Arc::new(UserLimits::new(None));
    let permits: Vec<_> = (0..100).map(|_| any.admit("anna").unwrap()).collect();
    drop(permits);
    assert!(any.open.lock().unwrap().is_empty());
}
