use super::*;

#[test]
fn each_user_is_the_first_once_and_memory_is_bounded() {
    let users = FirstOfUsers::default();
    assert!(users.is_first_of("anna"));
    assert!(!users.is_first_of("anna"));
    assert!(users.is_first_of("bert"));
    let first = (0..2 * MOST).filter(|number| users.is_first_of(&number.to_string())).count();
    assert_eq!(first + 2, MOST);
    assert_eq!(users.0.lock().unwrap().len(), MOST);
}
