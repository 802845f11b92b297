//! What is drawn, as colours for plotters and as classes for the page.
//!
//! plotters writes colours into the SVG. Each ink therefore has a colour that stands for it alone,
//! and [`finish`] replaces that colour by the ink's class, which the stylesheet knows.

use plotters::style::RGBColor;
use std::fmt::Write as _;

/// How many series can be told apart; see the tokens of the stylesheet.
pub const SERIES: usize = 8;

/// The first colour channel of every ink: no theme colour is so near to black.
const MARK: u8 = 1;

/// A thing that is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// A horizontal line to read values by.
    Grid,
    /// The line that others are measured from.
    Axis,
    /// Where what comes before does not compare with what comes after.
    Break,
    /// What a break is about.
    BreakText,
    /// Numbers at the axes.
    Tick,
    /// From a label to the end of its line.
    Leader,
    /// A series' line.
    Line(usize),
    /// A series' interval.
    Band(usize),
    /// A series' interval where it stands alone.
    Whisker(usize),
    /// A series' point.
    Dot(usize),
    /// A series' name.
    Name(usize),
    /// A gap that the data can tell from none.
    Clear,
    /// A gap that the data cannot tell from none.
    Unclear,
    /// A gap's number.
    GapText,
}

const PLAIN: [(Ink, &str); 9] = [
    (Ink::Grid, "grid"),
    (Ink::Axis, "axis"),
    (Ink::Break, "break"),
    (Ink::BreakText, "break-text"),
    (Ink::Tick, "tick"),
    (Ink::Leader, "leader"),
    (Ink::Clear, "clear"),
    (Ink::Unclear, "unclear"),
    (Ink::GapText, "gap-text"),
];

const OF_SERIES: [&str; 5] = ["line", "band", "whisker", "dot", "name"];

impl Ink {
    /// The colour that stands for it.
    pub fn color(self) -> RGBColor {
        let series = |kind: u8, index: usize| {
            RGBColor(MARK, kind, u8::try_from(index % SERIES).unwrap_or_default())
        };
        match self {
            Self::Line(index) => series(1, index),
            Self::Band(index) => series(2, index),
            Self::Whisker(index) => series(3, index),
            Self::Dot(index) => series(4, index),
            Self::Name(index) => series(5, index),
            plain => {
                let place = PLAIN.iter().position(|(ink, _)| *ink == plain).unwrap_or_default();
                RGBColor(MARK, 0, u8::try_from(place).unwrap_or_default())
            }
        }
    }

    /// The class of a colour, if the colour is an ink's.
    fn class(hex: &str) -> Option<String> {
        let channel = |from: usize| u8::from_str_radix(hex.get(from..from + 2)?, 16).ok();
        let (mark, kind, index) = (channel(0)?, usize::from(channel(2)?), usize::from(channel(4)?));
        if mark != MARK {
            return None;
        }
        match kind.checked_sub(1) {
            None => PLAIN.get(index).map(|(_, class)| (*class).to_owned()),
            Some(kind) => OF_SERIES.get(kind).map(|class| format!("{class} s{}", index + 1)),
        }
    }
}

/// plotters' SVG with classes in place of colours, a title and a description.
pub fn finish(drawn: &str, class: &str, title: &str, description: &str) -> String {
    let mut svg = String::with_capacity(drawn.len());
    for line in drawn.lines() {
        if let Some(size) = line.strip_prefix("<svg ") {
            let view_box = attribute(size, "viewBox").unwrap_or("0 0 1000 300");
            let _ = write!(
                svg,
                "<svg class=\"chart {class}\" viewBox=\"{view_box}\" \
                 xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" \
                 aria-labelledby=\"{class}-title {class}-desc\">\
                 <title id=\"{class}-title\">{}</title><desc id=\"{class}-desc\">{}</desc>",
                escape(title),
                escape(description)
            );
        } else if line.starts_with('<') && !line.starts_with("</") {
            svg.push_str(&paint(line));
        } else {
            // The text of a text element stands on a line of its own, escaped by plotters.
            svg.push_str(line);
        }
    }
    svg
}

/// One tag with its class, and without what the stylesheet decides.
fn paint(tag: &str) -> String {
    let (name, rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let close = if rest.ends_with("/>") { "/>" } else { ">" };
    let mut painted = name.to_owned();
    let mut attributes = rest.trim_end_matches(close).trim_end();
    let mut kept = String::new();
    while let Some((key, value, after)) = next_attribute(attributes) {
        attributes = after;
        match value.strip_prefix('#').and_then(Ink::class) {
            Some(class) => {
                let _ = write!(painted, " class=\"{class}\"");
            }
            None if matches!(
                key,
                "opacity" | "stroke" | "fill" | "stroke-width" | "font-family" | "font-size"
            ) => {}
            None => {
                let _ = write!(kept, " {key}=\"{}\"", value.trim_end());
            }
        }
    }
    painted + &kept + close
}

fn next_attribute(text: &str) -> Option<(&str, &str, &str)> {
    let (key, rest) = text.trim_start().split_once("=\"")?;
    let (value, after) = rest.split_once('"')?;
    Some((key, value, after))
}

fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = text;
    while let Some((key, value, after)) = next_attribute(rest) {
        if key == name {
            return Some(value);
        }
        rest = after;
    }
    None
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const TOKENS: &str = include_str!("../../../style/tokens.css");
const RULES: &str = include_str!("../../../style/charts.css");

/// The SVG with a stylesheet of its own: the page's rules with the light theme's colours, since
/// programs that open files know neither variables nor `light-dark()`.
pub fn standalone(svg: &str) -> String {
    let mut rules = RULES.to_owned();
    for line in TOKENS.lines() {
        let Some((name, value)) =
            line.trim().strip_prefix("--").and_then(|line| line.split_once(": "))
        else {
            continue;
        };
        let value = value.trim_end_matches(';');
        let light = value
            .strip_prefix("light-dark(")
            .and_then(|pair| pair.split_once(", "))
            .map_or(value, |(light, _)| light);
        rules = rules.replace(&format!("var(--{name})"), light);
    }
    match svg.find("<title") {
        Some(at) => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}<style>{}</style>{}",
            &svg[..at],
            escape(&rules),
            &svg[at..]
        ),
        None => svg.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ink_has_a_class_and_no_two_share_one() {
        let series = (0..SERIES)
            .flat_map(|i| [Ink::Line(i), Ink::Band(i), Ink::Whisker(i), Ink::Dot(i), Ink::Name(i)]);
        let inks: Vec<Ink> = PLAIN.iter().map(|(ink, _)| *ink).chain(series).collect();
        let mut classes: Vec<String> = inks
            .iter()
            .map(|ink| {
                let RGBColor(r, g, b) = ink.color();
                Ink::class(&format!("{r:02X}{g:02X}{b:02X}")).unwrap()
            })
            .collect();
        classes.sort();
        classes.dedup();
        assert_eq!(classes.len(), inks.len());
    }

    #[test]
    fn colours_become_classes_and_coordinates_stay() {
        assert_eq!(
            paint("<line opacity=\"1\" stroke=\"#010000\" stroke-width=\"1\" x1=\"4\" y1=\"5\"/>"),
            "<line class=\"grid\" x1=\"4\" y1=\"5\"/>"
        );
    }
}
