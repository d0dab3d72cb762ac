use super::*;

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
