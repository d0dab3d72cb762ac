use super::*;

const FEW: Few = Few { burst: 3, each: secs(1) };

fn address(number: u8) -> IpAddr {
    [10, 0, 0, number].into()
}

#[test]
fn an_address_has_a_few_lines_and_then_some_for_each_second() {
    let rate = LineRate::new("test", FEW);
    let start = Instant::now();
    let admitted = |after: u64| rate.admits_at(address(1), start + millis(after));
    assert_eq!([0, 0, 0, 0].map(admitted), [true, true, true, false]);
    assert_eq!([900, 1100, 1200].map(admitted), [false, true, false]);
    // Another one is not meant.
    assert!(rate.admits_at(address(2), start));
    // What was saved up is not more than the few.
    assert_eq!([60_000; 4].map(admitted), [true, true, true, false]);
    assert_eq!(rate.to_report(secs(10), start + secs(5)), None);
    assert_eq!(rate.to_report(secs(10), start + secs(10)), Some(4));
    assert_eq!(rate.to_report(secs(10), start + secs(30)), None);
}

#[test]
fn many_addresses_share_what_all_may_cause() {
    let rate = LineRate::new("test", FEW);
    let start = Instant::now();
    let admitted = (0..100).filter(|number| rate.admits_at(address(*number), start)).count();
    assert_eq!(admitted, 30);
    // Whoever owns a network of IPv6 is one.
    let rate = LineRate::new("test", FEW);
    let of_one = (0..100u16).filter(|number| {
        let address = IpAddr::from([0x2001, 0xdb8, 0, 0, *number, 0, 0, 1]);
        rate.admits_at(address, start)
    });
    assert_eq!(of_one.count(), 3);
}

#[test]
fn the_memory_of_addresses_ends() {
    let rate = LineRate::new("test", FEW);
    let start = Instant::now();
    for number in 0..10_000u32 {
        rate.admits_at(IpAddr::from(number.to_be_bytes()), start + secs(u64::from(number)));
    }
    let state = rate.state();
    assert!(state.as_ref().is_some_and(|state| state.by_network.len() <= ADDRESSES));
}

/// What is left out of a kind that is not among them is reported nowhere.
#[test]
fn all_kinds_are_reported() {
    let declared = include_str!("rate.rs").matches("pub static ").count();
    assert_eq!(ALL.len(), declared);
    for (at, one) in ALL.iter().enumerate() {
        assert!(ALL.iter().skip(at + 1).all(|other| !std::ptr::eq(*one, *other)), "{}", one.kind);
    }
}
