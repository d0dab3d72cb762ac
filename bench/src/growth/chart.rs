//! Pictures: lines on logarithmic axes, as SVG.
//!
//! A picture has no background, so that it can stand on a light page and on a dark one; its colours are between both.

use std::fmt::Write;

use super::scale::Scale;
use crate::rows::count;

/// A panel with its axes, in pixels.
const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 290.0;
/// The room of the title above all panels.
const HEAD: f64 = 34.0;
/// What surrounds the lines of a panel: title and legend, the numbers on both axes.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 44.0;
/// Panels beside each other.
const ABREAST: usize = 2;
/// The width of a letter, about: it places the names of lines beside each other.
const LETTER: f64 = 6.2;

const TEXT: &str = "#767c85";
const COLOURS: [&str; 4] = ["#3b82d6", "#d9730d", "#1f9d6b", "#b65fcf"];

pub struct Picture {
    pub title: String,
    /// What all panels have below them.
    pub over: String,
    /// The values on the axis below, with their words.
    pub ticks: Vec<(f64, String)>,
    pub panels: Vec<Panel>,
}

pub struct Panel {
    /// With the unit.
    pub title: String,
    /// Whether a line is drawn that shows what linear would be.
    pub linear: bool,
    pub lines: Vec<Line>,
}

pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

impl Picture {
    pub fn svg(&self) -> String {
        let columns = self.panels.len().clamp(1, ABREAST);
        let rows = self.panels.len().div_ceil(columns);
        let (width, height) = (WIDTH * columns as f64, HEAD + HEIGHT * rows as f64);
        let title = escaped(&self.title);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">
<title>{title}</title>
<style>
text {{ font-family: system-ui, sans-serif; font-size: 11px; fill: {TEXT}; }}
.title {{ font-size: 15px; font-weight: 600; }}
.panel {{ font-size: 12px; font-weight: 600; }}
.grid {{ stroke: {TEXT}; stroke-opacity: 0.25; }}
.linear {{ stroke: {TEXT}; stroke-dasharray: 2 4; }}
.line {{ fill: none; stroke-width: 2; }}
</style>
<text class=\"title\" x=\"12\" y=\"22\">{title}</text>
"
        );
        for (number, panel) in self.panels.iter().enumerate() {
            let (x, y) = ((number % columns) as f64 * WIDTH, HEAD + (number / columns) as f64 * HEIGHT);
            writeln!(svg, "<g transform=\"translate({x} {y})\">").ok();
            self.panel(panel, &mut svg);
            svg.push_str("</g>\n");
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn panel(&self, panel: &Panel, svg: &mut String) {
        writeln!(svg, "<text class=\"panel\" x=\"12\" y=\"16\">{}</text>", escaped(&panel.title)).ok();
        let values = panel.lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value));
        let (Some(across), Some(up)) =
            (Scale::of_values(self.ticks.iter().map(|(x, _)| *x)), Scale::of_decades(values))
        else {
            writeln!(svg, "<text x=\"{LEFT}\" y=\"{TOP}\">nothing above zero was measured</text>").ok();
            return;
        };
        legend(panel, svg);
        let plot = Plot { across, up };
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for tick in up.ticks() {
            let y = plot.y(tick);
            writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>").ok();
            let (x, y) = (LEFT - 6.0, y + 4.0);
            writeln!(svg, "<text x=\"{x}\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>", number(tick)).ok();
        }
        for (value, label) in &self.ticks {
            let x = plot.x(*value);
            writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>").ok();
            let y = bottom + 16.0;
            writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", escaped(label))
                .ok();
        }
        let (middle, below) = ((LEFT + right) / 2.0, bottom + 34.0);
        writeln!(
            svg,
            "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>",
            escaped(&self.over)
        )
        .ok();
        if panel.linear {
            plot.linear(panel, svg);
        }
        for (number, line) in panel.lines.iter().enumerate() {
            plot.line(line, number, svg);
        }
    }
}

/// The axes of a panel.
struct Plot {
    across: Scale,
    up: Scale,
}

impl Plot {
    fn x(&self, value: f64) -> f64 {
        LEFT + self.across.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.up.place(value) * (HEIGHT - TOP - BOTTOM)
    }

    /// From the last point of the first line back, to where it leaves the panel.
    fn linear(&self, panel: &Panel, svg: &mut String) {
        let Some((x, value)) = panel.lines.first().and_then(|line| line.points.last().copied()) else {
            return;
        };
        if value <= 0.0 {
            return;
        }
        let begin = (x * self.up.low() / value).max(self.across.low());
        let low = value / x * begin;
        writeln!(
            svg,
            "<path class=\"linear\" d=\"M{:.1} {:.1}L{:.1} {:.1}\"><title>linear</title></path>",
            self.x(begin),
            self.y(low),
            self.x(x),
            self.y(value)
        )
        .ok();
    }

    fn line(&self, line: &Line, number: usize, svg: &mut String) {
        let colour = colour(number);
        // Zero has no place on such an axis.
        let points: Vec<(f64, f64)> = line.points.iter().copied().filter(|(_, value)| *value > 0.0).collect();
        let mut path = String::new();
        for (step, (x, value)) in points.iter().enumerate() {
            let letter = if step == 0 { 'M' } else { 'L' };
            write!(path, "{letter}{:.1} {:.1}", self.x(*x), self.y(*value)).ok();
        }
        if !path.is_empty() {
            writeln!(svg, "<path class=\"line\" stroke=\"{colour}\" d=\"{path}\"/>").ok();
        }
        for (x, value) in points {
            mark(number, self.x(x), self.y(value), svg);
        }
    }
}

/// The names of the lines, if there are several.
fn legend(panel: &Panel, svg: &mut String) {
    if panel.lines.len() < 2 {
        return;
    }
    let mut x = 18.0;
    for (number, line) in panel.lines.iter().enumerate() {
        mark(number, x, 32.0, svg);
        writeln!(svg, "<text x=\"{:.1}\" y=\"36\">{}</text>", x + 8.0, escaped(&line.name)).ok();
        x += 24.0 + LETTER * line.name.chars().count() as f64;
    }
}

/// A point of a line: each line has a colour and a form of its own.
fn mark(number: usize, x: f64, y: f64, svg: &mut String) {
    let d = match number % COLOURS.len() {
        0 => format!("M{:.1} {y:.1}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z", x - 4.0),
        1 => format!("M{:.1} {:.1}h7v7h-7Z", x - 3.5, y - 3.5),
        2 => format!("M{x:.1} {:.1}l4.5 8h-9Z", y - 5.0),
        _ => format!("M{x:.1} {:.1}l5 5l-5 5l-5 -5Z", y - 5.0),
    };
    writeln!(svg, "<path fill=\"{}\" d=\"{d}\"/>", colour(number)).ok();
}

fn colour(number: usize) -> &'static str {
    COLOURS[number % COLOURS.len()]
}

/// A number beside an axis: 0.01, 5, 10,000.
fn number(value: f64) -> String {
    if value >= 0.99 {
        return count(value.round() as usize);
    }
    let digits = (-value.log10() + 0.99).floor().max(1.0) as usize;
    format!("{value:.digits$}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
#[path = "chart_tests.rs"]
mod tests;
