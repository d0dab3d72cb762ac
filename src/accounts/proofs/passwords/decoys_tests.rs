use super::*;
use crate::config::Secret;

const BCRYPT: &str = "$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2";
const SHA512: &str =
    "$6$saltsaltsalt$Cy2drr8kDRji6smvDcT28wkqtq0R0VzVL5CkrjPQCITc5d/31j94knt9rGTcVSyjLXfjsiIsBh5ee8qR/3QDx1";

fn of<'a>(passwords: impl Iterator<Item = &'a Password>) -> Decoys {
    Decoys::of_hashes(passwords.map(hash_of).collect()).unwrap()
}

fn hashed(text: &str) -> Password {
    Password::Hash(PasswordHash::parse(text).unwrap())
}

/// A hash of that cost with a salt of its own.
fn bcrypt(number: usize) -> Password {
    hashed(&BCRYPT.replace("abcdefghij", &format!("{number:010}")))
}

fn mixed(count: usize) -> Vec<Password> {
    let mut passwords: Vec<_> = (0..count).map(bcrypt).collect();
    passwords.push(hashed(SHA512));
    passwords.push(Password::Plain(Secret::new("sesame")));
    passwords
}

fn costs(decoys: &Decoys) -> Vec<Option<String>> {
    let cost = |name: usize| decoys.of_name(&format!("nobody{name}")).map(|hash| hash.cost().to_owned());
    (0..1000).map(cost).collect()
}

#[test]
fn a_name_costs_the_same_after_a_restart_and_on_another_replica() {
    let passwords = mixed(4);
    let costs_here = costs(&of(passwords.iter()));
    // Another process has its users in another order.
    let there = costs(&of(passwords.iter().rev()));
    assert_eq!(costs_here, there);
    let of = |wanted: Option<&str>| costs_here.iter().filter(|cost| cost.as_deref() == wanted).count();
    // As frequent as among the users: 4 of 6, 1 of 6, 1 of 6, give or take what chance does.
    for (cost, expected) in [(Some("$2b$05"), 667), (Some("$6"), 167), (None, 167)] {
        assert!(of(cost).abs_diff(expected) < 80, "{cost:?}: {} of 1000", of(cost));
    }
}

#[test]
fn a_new_user_changes_the_cost_of_few_names() {
    let before = costs(&of(mixed(100).iter()));
    let after = costs(&of(mixed(101).iter()));
    let changed = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert!(changed < 20, "{changed} of 1000");
}

#[test]
fn what_is_chosen_is_not_to_be_foretold() {
    // The same costs under other hashes: whoever knows all but these knows nothing.
    let one = costs(&of([bcrypt(1), hashed(SHA512)].iter()));
    let other = costs(&of([bcrypt(2), hashed(&SHA512.replace("salts", "tlass"))].iter()));
    let same = one.iter().zip(&other).filter(|(one, other)| one == other).count();
    assert!((400..600).contains(&same), "{same} of 1000");
}

#[test]
fn without_users_a_login_costs_a_hash_too() {
    let decoys = of(std::iter::empty());
    assert!(decoys.of_name("x").unwrap().as_str().starts_with("$argon2id$"));
}
