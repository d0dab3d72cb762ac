use super::{Goal, Goals};
use crate::place::Ground;
use crate::standing::Standing;

fn goals(text: &str) -> Result<Vec<Goal>, String> {
    Goals::parse(text).map(|goals| goals.0).map_err(|(line, why)| format!("line {line}: {why}"))
}

fn standing(row: &'static str, place: Ground, ratio: f64) -> Standing {
    Standing { row, title: format!("the row {row}"), place, peer: "rclone", ratio }
}

const TEXT: &str = r#"
promises = [
    { table = "local", row = "retr", ratio = 2 },
    { table = "local", row = "stor", ratio = 1.5, place = "ram" },
    { table = "far", row = "far-list", ratio = 1.0 },
]
"#;

#[test]
fn a_promise_is_a_row_of_a_table_and_a_ratio_and_perhaps_a_place() {
    let goal = |row, place, ratio| Goal { row, place, ratio };
    assert_eq!(
        goals(TEXT).unwrap(),
        [goal("retr", None, 2.0), goal("stor", Some(Ground::Ram), 1.5), goal("far-list", None, 1.0)]
    );
    assert_eq!(goals("# nothing yet").unwrap(), []);
}

#[test]
fn what_is_wrong_is_reported_with_its_line() {
    let problem = |promise: &str| goals(&format!("promises = [\n  {promise},\n]\n")).unwrap_err();
    let wrong = |promise: &str, why: &str| assert_eq!(problem(promise), format!("line 2: {why}"));
    wrong(
        "{ table = 'local', row = 'object-stor', ratio = 1.0 }",
        "there is no row object-stor in the table local",
    );
    wrong("{ table = 'limits', row = 'uploads', ratio = 1.0 }", "there is no table limits");
    wrong("{ table = 'local', row = 'retr', ratio = 0 }", "0 is no ratio above 0");
    wrong("{ table = 'local', row = 'retr', ratio = -1.5 }", "-1.5 is no ratio above 0");
    wrong("{ table = 'local', row = 'retr', ratio = nan }", "NaN is no ratio above 0");
    // These are the parser's words.
    for (promise, words) in [
        ("{ table = 'local', row = 'retr' }", "ratio"),
        ("{ table = 'local', row = 'retr', ratio = 'two' }", "two"),
        ("{ table = 'local', row = 'retr', ratio = 1, place = 'tape' }", "tape"),
        ("{ table = 'local', row = 'retr', ratio = 1, rounds = 3 }", "rounds"),
        ("{ table = 'local' row = 'retr' }", ""),
    ] {
        let problem = problem(promise);
        assert!(problem.starts_with("line 2: ") && problem.contains(words), "{promise}: {problem}");
    }
    let twice = TEXT.replace("\"stor\", ratio = 1.5, place = \"ram\"", "\"retr\", ratio = 1");
    assert_eq!(goals(&twice).unwrap_err(), "line 4: retr is promised twice");
}

#[test]
fn rows_below_their_promise_are_named_and_rows_without_a_figure_left_alone() {
    let goals = Goals::parse(TEXT).unwrap();
    assert_eq!(goals.judge(&[]), (String::new(), true));
    let kept = [standing("retr", Ground::Disk, 2.0), standing("list", Ground::Disk, 0.1)];
    assert_eq!(goals.judge(&kept), ("The one promise about these rows was kept.\n".to_owned(), true));

    let (text, kept) = goals.judge(&[
        standing("retr", Ground::Disk, 1.999),
        standing("stor", Ground::Disk, 0.5),
        standing("far-list", Ground::Disk, 1.0),
    ]);
    assert!(!kept);
    assert_eq!(
        text,
        "Broken promises:\n\n- the row retr (retr): promised 2.00× of the best peer, got 1.99× of rclone\n",
        "what is promised of a RAM disk says nothing of another disk"
    );
    assert!(!goals.judge(&[standing("stor", Ground::Ram, 1.4)]).1);
}

#[test]
fn the_promises_of_this_repository_can_be_read() {
    assert!(!goals(include_str!("../goals.toml")).unwrap().is_empty());
}
