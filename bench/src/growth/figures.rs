//! The figures of a series: as a table, as a picture, and what they say.

use std::fmt::Write;

use super::chart::{Line, Panel, Picture};
use crate::rows::count;
use crate::table::rounded;

/// From the last point but one to the last, a figure may change so much more than it should.
const TOLERANCE: f64 = 1.5;

/// How a figure should grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Not at all.
    Flat,
    /// Not more than what it is measured over.
    Linear,
    /// More is better: it should not fall.
    Holds,
}

/// One kind of figure.
#[derive(Debug)]
struct Measure {
    /// With its unit.
    title: &'static str,
    /// How it should grow, and the figure below which all is noise.
    shape: Option<(Shape, f64)>,
    drawn: bool,
    /// It is a number of things.
    counted: bool,
}

/// The figures of one line at one point.
#[derive(Debug)]
struct Point {
    line: usize,
    x: f64,
    label: String,
    values: Vec<f64>,
}

#[derive(Debug)]
pub struct Figures {
    /// What is counted, in the plural.
    over: &'static str,
    /// What is measured; a single one needs no name.
    lines: &'static [&'static str],
    measures: Vec<Measure>,
    points: Vec<Point>,
}

impl Figures {
    pub fn new(over: &'static str, lines: &'static [&'static str]) -> Self {
        Self { over, lines, measures: Vec::new(), points: Vec::new() }
    }

    /// A figure that is drawn, and should grow so. Below `noise` it says nothing.
    pub fn growing(mut self, title: &'static str, shape: Shape, noise: f64) -> Self {
        self.measures.push(Measure { title, shape: Some((shape, noise)), drawn: true, counted: false });
        self
    }

    /// A figure that is drawn and not judged.
    pub fn drawn(mut self, title: &'static str) -> Self {
        self.measures.push(Measure { title, shape: None, drawn: true, counted: false });
        self
    }

    /// A number of things, which stands in the table alone.
    pub fn counted(mut self, title: &'static str) -> Self {
        self.measures.push(Measure { title, shape: None, drawn: false, counted: true });
        self
    }

    /// The figures of a line at a point, one for each measure.
    pub fn add(&mut self, line: usize, x: f64, label: impl Into<String>, values: Vec<f64>) {
        self.points.push(Point { line, x, label: label.into(), values });
    }

    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    pub fn markdown(&self) -> String {
        let named = self.lines.len() > 1;
        let mut text = format!("|{} {} |", if named { " |" } else { "" }, self.over);
        for measure in &self.measures {
            write!(text, " {} |", measure.title).ok();
        }
        write!(text, "\n|{}--:|{}", if named { "---|" } else { "" }, "--:|".repeat(self.measures.len())).ok();
        for (line, name) in self.lines.iter().enumerate() {
            for point in self.of_line(line) {
                text.push_str("\n|");
                if named {
                    write!(text, " {name} |").ok();
                }
                write!(text, " {} |", point.label).ok();
                for (measure, value) in self.measures.iter().zip(&point.values) {
                    let shown = if measure.counted { count(*value as usize) } else { rounded(*value) };
                    write!(text, " {shown} |").ok();
                }
            }
        }
        text.push('\n');
        text
    }

    /// A sentence for each figure that should grow in a certain way: whether it does.
    pub fn sentences(&self) -> Vec<String> {
        self.measures
            .iter()
            .enumerate()
            .filter_map(|(number, measure)| self.sentence(number, measure))
            .collect()
    }

    fn sentence(&self, number: usize, measure: &Measure) -> Option<String> {
        let (shape, noise) = measure.shape?;
        let (mut all, mut well) = (Vec::new(), true);
        for (line, name) in self.lines.iter().enumerate() {
            let points: Vec<&Point> = self.of_line(line).collect();
            let [.., before, last] = points[..] else { continue };
            let value = |point: &Point| point.values.get(number).copied().unwrap_or_default().max(noise);
            let ratio = match shape {
                Shape::Flat => value(last) / value(before),
                Shape::Linear => value(last) / last.x / (value(before) / before.x),
                Shape::Holds => value(last) / value(before),
            };
            well &= if shape == Shape::Holds { ratio * TOLERANCE >= 1.0 } else { ratio <= TOLERANCE };
            let name = if self.lines.len() > 1 { format!("{name} ") } else { String::new() };
            let between = format!("from {} to {}", before.label, last.label);
            all.push((between, format!("{name}{}×", rounded(ratio))));
        }
        let first = all.first()?.0.clone();
        let said = match all.iter().all(|(between, _)| *between == first) {
            true => {
                let ratios: Vec<_> = all.into_iter().map(|(_, ratio)| ratio).collect();
                format!("{first}: {}", ratios.join(", "))
            }
            // One line has points that another has not.
            false => {
                all.iter().map(|(between, ratio)| format!("{ratio} {between}")).collect::<Vec<_>>().join(", ")
            }
        };
        let (word, of) = match (shape, well) {
            (Shape::Flat, true) => ("flat", ""),
            (Shape::Flat, false) => ("**not flat**", ""),
            (Shape::Linear, true) => ("linear or less", " for each"),
            (Shape::Linear, false) => ("**more than linear**", " for each"),
            (Shape::Holds, true) => ("holds", ""),
            (Shape::Holds, false) => ("**falls**", ""),
        };
        Some(format!("{}: {word} ({said}{of}).", measure.title))
    }

    pub fn picture(&self, title: &str) -> String {
        let mut ticks: Vec<(f64, String)> = Vec::new();
        for point in &self.points {
            if !ticks.iter().any(|(x, _)| *x == point.x) {
                ticks.push((point.x, point.label.clone()));
            }
        }
        ticks.sort_by(|one, other| one.0.total_cmp(&other.0));
        let panels = self.measures.iter().enumerate().filter(|(_, measure)| measure.drawn);
        let panels = panels.map(|(number, measure)| Panel {
            title: measure.title.to_owned(),
            linear: measure.shape.is_some_and(|(shape, _)| shape == Shape::Linear),
            lines: (self.lines.iter().enumerate())
                .map(|(line, name)| Line {
                    name: (*name).to_owned(),
                    points: self
                        .of_line(line)
                        .filter_map(|point| Some((point.x, *point.values.get(number)?)))
                        .collect(),
                })
                .collect(),
        });
        Picture { title: title.to_owned(), over: self.over.to_owned(), ticks, panels: panels.collect() }.svg()
    }

    fn of_line(&self, line: usize) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(move |point| point.line == line)
    }
}

#[cfg(test)]
#[path = "figures_tests.rs"]
mod tests;
