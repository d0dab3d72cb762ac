use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn told(lane: &mut Lane, number: Number, keys: Keys) {
    lane.add(number, keys);
    lane.told(number, keys);
}

fn all(lane: &mut Lane, now: Instant) -> Vec<Number> {
    let mut gone = Vec::new();
    while let Pick::Go(number, _) = lane.pick(now, 100) {
        gone.push(number);
    }
    gone
}

#[test]
fn events_of_a_path_go_one_after_the_other_and_others_beside_them() {
    let (mut lane, now) = (Lane::default(), Instant::now());
    told(&mut lane, 1, [Some(7), None]);
    told(&mut lane, 2, [Some(7), None]);
    told(&mut lane, 3, [Some(8), None]);
    assert_eq!(all(&mut lane, now), [1, 3]);
    assert_eq!(lane.remove(1, [Some(7), None]), [2]);
    lane.told(2, [Some(7), None]);
    assert_eq!(all(&mut lane, now), [2]);
}

#[test]
fn a_rename_waits_for_both_of_its_paths_and_both_wait_for_it() {
    let (mut lane, now) = (Lane::default(), Instant::now());
    told(&mut lane, 1, [Some(7), None]);
    told(&mut lane, 2, [Some(8), Some(7)]);
    told(&mut lane, 3, [Some(8), None]);
    assert_eq!(all(&mut lane, now), [1]);
    for next in lane.remove(1, [Some(7), None]) {
        lane.told(next, [Some(8), Some(7)]);
    }
    assert_eq!(all(&mut lane, now), [2]);
    assert_eq!(lane.remove(2, [Some(8), Some(7)]), [3]);
}

#[test]
fn what_has_not_happened_yet_holds_up_what_comes_after() {
    let (mut lane, now) = (Lane::default(), Instant::now());
    lane.add(1, [Some(7), None]);
    told(&mut lane, 2, [Some(7), None]);
    assert_eq!(all(&mut lane, now), []);
    lane.told(1, [Some(7), None]);
    assert_eq!(all(&mut lane, now), [1]);
}

#[test]
fn a_receiver_that_fails_is_tried_with_one_at_a_time_and_less_often() {
    let (mut lane, now) = (Lane::default(), Instant::now());
    for number in 1..=3 {
        told(&mut lane, number, [Some(number as u64), None]);
    }
    assert_eq!(lane.pick(now, 1), Pick::Go(1, 0));
    lane.failed(1, 1, now, (SECOND, None));
    let Pick::Wait(Some(until)) = lane.pick(now, 9) else { panic!("it has to wait") };
    assert!((SECOND.mul_f64(0.7)..SECOND.mul_f64(1.3)).contains(&(until - now)));
    let later = now + SECOND * 2;
    assert_eq!(lane.pick(later, 9), Pick::Go(1, 1));
    assert_eq!(lane.pick(later, 9), Pick::Wait(None), "one at a time");
    assert!(lane.succeeded());
    lane.remove(1, [Some(1), None]);
    assert_eq!(all(&mut lane, later), [2, 3]);
}

#[test]
fn a_receiver_says_how_long_to_wait() {
    let (mut lane, now) = (Lane::default(), Instant::now());
    told(&mut lane, 1, [Some(1), None]);
    assert_eq!(lane.pick(now, 1), Pick::Go(1, 0));
    lane.failed(1, 1, now, (SECOND, Some(SECOND * 30)));
    assert_eq!(lane.pick(now + SECOND * 29, 1), Pick::Wait(Some(now + SECOND * 30)));
    assert_eq!(lane.pick(now + SECOND * 30, 1), Pick::Go(1, 1));
}

#[test]
fn one_that_always_fails_keeps_no_others() {
    let (mut lane, mut now) = (Lane::default(), Instant::now());
    for number in 1..=3 {
        told(&mut lane, number, [Some(number as u64), None]);
    }
    let (mut failures, mut delivered) = (0, Vec::new());
    for _ in 0..10 {
        now += SECOND * 3600;
        match lane.pick(now, 1) {
            Pick::Go(1, before) => {
                failures = before + 1;
                lane.failed(1, failures, now, (SECOND, None));
            }
            Pick::Go(number, _) => {
                lane.succeeded();
                lane.remove(number, [Some(number as u64), None]);
                delivered.push(number);
            }
            Pick::Wait(_) => {}
        }
    }
    assert_eq!(delivered, [2, 3]);
    assert!(failures > 1);
}

/// Whoever can connect can make as many events of logins as they like.
#[test]
fn what_has_no_path_goes_behind_what_has_one() {
    let (mut lane, now) = (Lane::default(), Instant::now());
    for number in 1..=10 {
        told(&mut lane, number, [None, None]);
    }
    for number in 11..=20 {
        told(&mut lane, number, [Some(number as u64), None]);
    }
    let gone = all(&mut lane, now);
    assert_eq!(gone[..9], [11, 12, 13, 14, 15, 16, 17, 1, 18], "one in a while does");
    assert_eq!(gone.len(), 20);
}

#[test]
fn one_that_is_refused_holds_up_no_others() {
    let (mut lane, now) = (Lane::default(), Instant::now());
    for number in 1..=3 {
        told(&mut lane, number, [Some(number as u64), None]);
    }
    assert_eq!(lane.pick(now, 9), Pick::Go(1, 0));
    lane.refused(1, 1, now, SECOND);
    assert_eq!(all(&mut lane, now), [2, 3]);
    assert_eq!(lane.pick(now + SECOND * 2, 9), Pick::Go(1, 1));
}
