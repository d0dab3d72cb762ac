use super::{COLOURS, Line, Panel, Picture, TEXT, number};

fn picture(title: &str, lines: &[(&str, &[(f64, f64)])]) -> String {
    let lines = lines.iter().map(|(name, points)| Line { name: (*name).to_owned(), points: points.to_vec() });
    let panel = Panel { title: "time, s".to_owned(), linear: true, lines: lines.collect() };
    let ticks = vec![(1.0, "1".to_owned()), (1000.0, "1,000".to_owned())];
    Picture { title: title.to_owned(), over: "entries".to_owned(), ticks, panels: vec![panel] }.svg()
}

/// Whether each element is closed in its turn, and nothing stands where markup could be meant; the names of all elements.
fn elements(text: &str) -> Result<Vec<&str>, String> {
    let (mut open, mut all, mut rest) = (Vec::new(), Vec::new(), text);
    while let Some(start) = rest.find('<') {
        well_escaped(&rest[..start])?;
        if open.is_empty() && !rest[..start].trim().is_empty() {
            return Err(format!("text outside of the root: {}", &rest[..start]));
        }
        let end = rest.find('>').ok_or("an element without an end")?;
        let tag = rest.get(start + 1..end).ok_or("a bracket without a beginning")?;
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let last: Option<&str> = open.pop();
            if last != Some(name) {
                return Err(format!("{last:?} is closed by {name}"));
            }
            continue;
        }
        if open.is_empty() && !all.is_empty() {
            return Err("two roots".to_owned());
        }
        let (content, closed) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = content.split_once(' ').unwrap_or((content, ""));
        quoted(attributes)?;
        all.push(name);
        if !closed {
            open.push(name);
        }
    }
    if open.is_empty() && rest.trim().is_empty() {
        Ok(all)
    } else {
        Err(format!("open at the end: {open:?}"))
    }
}

/// A text has references in place of ampersands, and no bracket.
fn well_escaped(text: &str) -> Result<(), String> {
    let references = ["amp;", "lt;", "gt;", "quot;"];
    let good = text.split('&').skip(1).all(|after| references.iter().any(|known| after.starts_with(known)));
    if good && !text.contains('>') { Ok(()) } else { Err(format!("not escaped: {text}")) }
}

/// `name="value"`, each name once.
fn quoted(mut text: &str) -> Result<(), String> {
    let mut names = Vec::new();
    while !text.trim().is_empty() {
        let (name, after) = text.split_once("=\"").ok_or_else(|| format!("no attribute: {text}"))?;
        let (value, after) = after.split_once('"').ok_or_else(|| format!("no end of a value: {after}"))?;
        well_escaped(value)?;
        let name = name.trim();
        if name.contains(char::is_whitespace) || names.contains(&name) {
            return Err(format!("a wrong name: {name}"));
        }
        names.push(name);
        text = after;
    }
    Ok(())
}

#[test]
fn a_picture_is_well_formed() {
    let svg = picture("a < b & \"c\" > d", &[("LIST & <more>", &[(1.0, 0.01), (1000.0, 3.0)])]);
    let elements = elements(&svg).unwrap();
    assert_eq!(elements[..3], ["svg", "title", "style"]);
    assert!(svg.contains("<title>a &lt; b &amp; &quot;c&quot; &gt; d</title>"));
}

#[test]
fn what_is_not_well_formed_is_seen() {
    for text in
        ["<a><b></a></b>", "<a>", "<a>&</a>", "<a x=1/>", "<a x=\"1\" x=\"2\"/>", "<a/><b/>", "<a/>b<c/>"]
    {
        assert!(elements(text).is_err(), "{text}");
    }
    assert_eq!(elements("<a x=\"1\" y=\"2\"><b/>&amp;</a>").unwrap(), ["a", "b"]);
}

#[test]
fn lines_have_names_and_forms_if_there_are_several() {
    let points: &[(f64, f64)] = &[(1.0, 1.0), (1000.0, 2.0)];
    let one = picture("t", &[("LIST", points)]);
    assert!(!one.contains(">LIST<"));
    let two = picture("t", &[("LIST", points), ("NLST", points)]);
    assert!(two.contains(">LIST<") && two.contains(">NLST<"));
    assert!(two.contains(COLOURS[0]) && two.contains(COLOURS[1]) && !two.contains(COLOURS[2]));
}

#[test]
fn zero_is_left_out_and_nothing_but_zero_is_said() {
    let some = picture("t", &[("", &[(1.0, 0.0), (1000.0, 2.0)])]);
    assert!(!some.contains("NaN") && !some.contains("inf"));
    let none = picture("t", &[("", &[(1.0, 0.0)])]);
    assert!(none.contains("nothing above zero") && elements(&none).is_ok());
}

#[test]
fn numbers_beside_an_axis_are_short() {
    for (value, text) in
        [(0.001, "0.001"), (0.02, "0.02"), (0.5, "0.5"), (1.0, "1"), (20.0, "20"), (1e6, "1,000,000")]
    {
        assert_eq!(number(value), text);
    }
}

/// By WCAG 2, between a colour and a page.
fn contrast(colour: &str, page: &str) -> f64 {
    let light = |colour: &str| {
        let parts = [1, 3, 5].map(|at| {
            let part = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    };
    let (one, other) = (light(colour), light(page));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn all_can_be_seen_on_light_and_dark_pages() {
    for page in ["#ffffff", "#0d1117"] {
        assert!(contrast(TEXT, page) >= 4.0, "text on {page}: {}", contrast(TEXT, page));
        for colour in COLOURS {
            assert!(contrast(colour, page) >= 3.0, "{colour} on {page}: {}", contrast(colour, page));
        }
    }
}
