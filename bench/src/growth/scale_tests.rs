use super::Scale;

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * other.abs().max(1.0)
}

fn ticks(scale: Scale) -> Vec<f64> {
    scale.ticks()
}

#[test]
fn an_axis_of_decades_begins_and_ends_with_powers_of_ten() {
    let scale = Scale::of_decades([3.0, 470.0]).unwrap();
    assert!(near(scale.low(), 1.0) && near(scale.place(1000.0), 1.0));
    assert!(
        near(scale.place(1.0), 0.0) && near(scale.place(10.0), 1.0 / 3.0) && near(scale.place(1000.0), 1.0)
    );

    // A power of ten needs no decade more, and a single value one decade.
    let scale = Scale::of_decades([0.1, 1000.0]).unwrap();
    assert!(near(scale.low(), 0.1) && near(scale.place(1000.0), 1.0));
    let scale = Scale::of_decades([100.0]).unwrap();
    assert!(near(scale.low(), 100.0) && near(scale.place(1000.0), 1.0));
}

#[test]
fn an_axis_of_values_fits_them() {
    let scale = Scale::of_values([1024.0, 1.0, 65536.0]).unwrap();
    assert!(near(scale.place(1.0), 0.0) && near(scale.place(65536.0), 1.0));
    assert!(near(scale.place(256.0), 0.5));
    assert!(near(Scale::of_values([7.0]).unwrap().place(7.0), 0.0));
}

#[test]
fn values_without_a_logarithm_have_no_axis() {
    assert_eq!(Scale::of_decades([]), None);
    assert_eq!(Scale::of_decades([0.0, -1.0, f64::NAN, f64::INFINITY]), None);
    assert_eq!(Scale::of_decades([0.0, 5.0]), Scale::of_decades([5.0]));
}

#[test]
fn a_short_axis_has_ticks_within_its_decades() {
    let short = ticks(Scale::of_decades([10.0, 900.0]).unwrap());
    assert_eq!(
        short.iter().map(|tick| tick.round() as u32).collect::<Vec<_>>(),
        [10, 20, 50, 100, 200, 500, 1000]
    );
    let long = ticks(Scale::of_decades([0.2, 900.0]).unwrap());
    assert_eq!(long.len(), 5);
    assert!(near(long[0], 0.1) && near(long[4], 1000.0));
}
