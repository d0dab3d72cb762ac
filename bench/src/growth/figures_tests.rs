use super::{Figures, Shape};

fn figures(shape: Shape, noise: f64, before: f64, last: f64) -> Figures {
    let mut figures = Figures::new("entries", &[""]).growing("time, s", shape, noise);
    figures.add(0, 10.0, "10", vec![7.0]);
    figures.add(0, 100.0, "100", vec![before]);
    figures.add(0, 1000.0, "1,000", vec![last]);
    figures
}

fn sentence(shape: Shape, noise: f64, before: f64, last: f64) -> String {
    figures(shape, noise, before, last).sentences().join(" ")
}

#[test]
fn a_table_names_its_lines_if_there_are_several() {
    let mut several = Figures::new("entries", &["LIST", "NLST"]).drawn("time, s").counted("open files");
    several.add(0, 10.0, "10", vec![0.5, 1.0]);
    several.add(1, 10.0, "10", vec![0.25, 2.0]);
    several.add(0, 20.0, "20", vec![123.4, 3000.0]);
    assert_eq!(
        several.markdown(),
        "\
| | entries | time, s | open files |
|---|--:|--:|--:|
| LIST | 10 | 0.50 | 1 |
| LIST | 20 | 123 | 3,000 |
| NLST | 10 | 0.25 | 2 |
"
    );
    assert_eq!(
        figures(Shape::Flat, 0.0, 1.0, 2.0).markdown(),
        "| entries | time, s |\n|--:|--:|\n| 10 | 7.00 |\n| 100 | 1.00 |\n| 1,000 | 2.00 |\n"
    );
}

#[test]
fn the_last_two_points_say_whether_a_figure_is_flat() {
    assert_eq!(sentence(Shape::Flat, 0.0, 10.0, 14.0), "time, s: flat (from 100 to 1,000: 1.40×).");
    assert_eq!(sentence(Shape::Flat, 0.0, 10.0, 16.0), "time, s: **not flat** (from 100 to 1,000: 1.60×).");
    // Less is no fault, and noise says nothing.
    assert_eq!(sentence(Shape::Flat, 0.0, 10.0, 1.0), "time, s: flat (from 100 to 1,000: 0.10×).");
    assert_eq!(sentence(Shape::Flat, 20.0, 10.0, 16.0), "time, s: flat (from 100 to 1,000: 1.00×).");
}

#[test]
fn linear_is_judged_for_each_of_what_is_counted() {
    let sentence = |last| sentence(Shape::Linear, 0.0, 2.0, last);
    assert_eq!(sentence(25.0), "time, s: linear or less (from 100 to 1,000: 1.25× for each).");
    assert_eq!(sentence(31.0), "time, s: **more than linear** (from 100 to 1,000: 1.55× for each).");
}

#[test]
fn a_rate_has_to_hold() {
    assert!(
        sentence(Shape::Holds, 0.0, 900.0, 601.0).starts_with("time, s: holds (from 100 to 1,000: 0.67×")
    );
    assert!(sentence(Shape::Holds, 0.0, 900.0, 2000.0).starts_with("time, s: holds"));
    assert!(sentence(Shape::Holds, 0.0, 900.0, 590.0).starts_with("time, s: **falls**"));
}

#[test]
fn one_line_that_grows_too_much_is_enough() {
    let mut figures = Figures::new("entries", &["LIST", "NLST"]).growing("time, s", Shape::Flat, 0.0);
    for (line, last) in [(0, 1.0), (1, 3.0)] {
        figures.add(line, 1.0, "1", vec![1.0]);
        figures.add(line, 2.0, "2", vec![last]);
    }
    assert_eq!(figures.sentences(), ["time, s: **not flat** (from 1 to 2: LIST 1.00×, NLST 3.00×)."]);
}

#[test]
fn lines_that_end_at_different_points_say_at_which() {
    let mut figures =
        Figures::new("users", &["one file", "many files"]).growing("time, s", Shape::Linear, 0.0);
    for (line, x, label, time) in
        [(0, 1.0, "1", 1.0), (0, 2.0, "2", 2.0), (1, 2.0, "2", 1.0), (1, 4.0, "4", 3.0)]
    {
        figures.add(line, x, label, vec![time]);
    }
    assert_eq!(
        figures.sentences(),
        ["time, s: linear or less (one file 1.00× from 1 to 2, many files 1.50× from 2 to 4 for each)."]
    );
}

#[test]
fn one_point_says_nothing() {
    let mut figures = Figures::new("entries", &[""]).growing("time, s", Shape::Flat, 0.0);
    assert!(figures.is_empty());
    figures.add(0, 1.0, "1", vec![1.0]);
    assert!(figures.sentences().is_empty());
    assert!(figures.picture("Entries").contains("</svg>"));
}
