use super::*;

#[test]
fn users_have_a_limit_of_their_own() {
    let sessions = Arc::new(UserSessions::default());
    let _first = sessions.admit("anna", Some(2)).unwrap();
    let second = sessions.admit("anna", Some(2)).unwrap();
    assert!(sessions.admit("anna", Some(2)).is_none());
    let _other = sessions.admit("bert", Some(2)).unwrap();
    drop(second);
    let _third = sessions.admit("anna", Some(2)).unwrap();
    assert_eq!(sessions.open.lock().unwrap()["anna"], 2);
    let any = Arc::new(UserSessions::default());
    let permits: Vec<_> = (0..100).map(|_| any.admit("anna", None).unwrap()).collect();
    drop(permits);
    assert!(any.open.lock().unwrap().is_empty());
}
