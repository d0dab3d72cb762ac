use super::*;

/// After how many pages a listing is given up, if it is.
fn given_up(pages: usize, page: impl Fn(usize) -> (String, String)) -> Option<usize> {
    let mut course = Course::default();
    (0..pages).find(|number| {
        let (next, last) = page(*number);
        course.pass(&next, &last).is_err()
    })
}

#[test]
fn a_circle_is_found_wherever_it_begins() {
    for length in [1, 2, 3, 7, 1000] {
        for before in [0, 1, 5, 3000] {
            let page = |number: usize| {
                let place = if number < before { number } else { before + (number - before) % length };
                // Each brings names that were not there before.
                (format!("token {place}"), format!("{number:09}"))
            };
            let most = 3 * (length + before) + 1;
            assert!(given_up(100_000, page).is_some_and(|pages| pages <= most), "{length} behind {before}");
        }
    }
}

#[test]
fn a_listing_that_brings_nothing_new_has_an_end() {
    let most = LONGEST_STANDSTILL as usize;
    assert_eq!(given_up(1_000_000, |number| (number.to_string(), String::new())), Some(most - 1));
    assert_eq!(given_up(1_000_000, |number| (number.to_string(), "a".to_owned())), Some(most));
}

#[test]
fn a_long_listing_is_read_to_its_end() {
    assert_eq!(given_up(300_000, |number| (number.to_string(), format!("{number:09}"))), None);
    // With empty pages between, and of a store whose order is another one.
    assert_eq!(given_up(300_000, |number| (number.to_string(), format!("{:09}", number / 9000))), None);
    assert_eq!(given_up(300_000, |number| (number.to_string(), format!("{:09}", number ^ 0xfff))), None);
    let one_is_last = |number: usize| if number == 0 { "zzz".to_owned() } else { format!("{number:09}") };
    assert_eq!(given_up(300_000, |number| (number.to_string(), one_is_last(number))), None);
}
