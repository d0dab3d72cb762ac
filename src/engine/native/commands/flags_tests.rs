use proptest::prelude::*;

use super::*;

#[test]
fn flags_are_taken_off() {
    for (said, names) in [
        ("", &[""][..]),
        ("dir", &["dir"]),
        ("dir -a", &["dir -a"]),
        // Clients send these by themselves, so no name is looked for.
        ("-", &[""]),
        ("-a", &[""]),
        ("-la", &[""]),
        ("-R .", &["."]),
        ("-CF dir", &["dir"]),
        ("-a -l two words", &["two words"]),
        ("--full-time", &[""]),
        ("-l --full-time dir", &["dir"]),
        ("--time-style=long-iso --color=never dir", &["dir"]),
        ("-- -a", &["-a"]),
        ("-la -- --all", &["--all"]),
        ("--", &[""]),
        // These may be names.
        ("-x", &["-x", ""]),
        ("-last", &["-last", ""]),
        ("-data", &["-data", ""]),
        ("-x dir", &["-x dir", "dir"]),
        ("--draft", &["--draft", ""]),
        ("--dired dir", &["--dired dir", "dir"]),
        ("-la -report", &["-report", ""]),
        ("-la -report x", &["-report x", "x"]),
        // These are.
        ("-a*", &["-a*"]),
        ("-a.txt", &["-a.txt"]),
        ("--a/b", &["--a/b"]),
        ("-é", &["-é"]),
        // Blanks belong to the name, if there is such a name.
        (" dir", &[" dir", "dir"]),
        ("  -la", &["  -la", ""]),
        ("-la  dir", &[" dir", "dir"]),
        ("-x  dir", &["-x  dir", " dir", "dir"]),
        ("  -la  -x  two  words ", &["  -la  -x  two  words ", "two  words "]),
        ("  ", &["  ", ""]),
    ] {
        assert_eq!(readings(said), names, "{said:?}");
    }
}

proptest! {
    /// Each leaves more out than the one before, and a name that begins with neither is itself.
    #[test]
    fn readings_are_ends_of_the_argument(argument in "[-a-z =/é*]{0,24}") {
        let readings = readings(&argument);
        prop_assert!((1..=3).contains(&readings.len()));
        prop_assert!(readings.iter().all(|reading| argument.ends_with(reading)));
        prop_assert!(readings.windows(2).all(|pair| pair[0].len() > pair[1].len()));
        if !argument.starts_with([' ', '-']) {
            prop_assert_eq!(readings, [argument.as_str()]);
        }
    }
}

#[test]
fn some_flags_order() {
    let order = |by, reversed| Order { by, reversed };
    assert_eq!(super::order(""), Order::default());
    assert_eq!(super::order("-la "), Order::default());
    assert_eq!(super::order("-ltr "), order(By::Time, true));
    assert_eq!(super::order("-l -S "), order(By::Size, false));
    assert_eq!(super::order("-tS "), order(By::Size, false));
    assert_eq!(super::order("--sort=time --reverse "), order(By::Time, true));
}
