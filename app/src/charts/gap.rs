//! A difference between two groups over versions, each with its interval as a whisker.

use super::ink::{self, Ink};
use super::scale::Scale;
use super::trend::{area, breaks, grid, position, text, versions, whisker};
use super::{Break, Chart};
use crate::islands::chart_reader::{BELOW_AXIS, Reading};
use crate::pages::parts::number;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

const WIDTH: u16 = 1000;
const HEIGHT: u16 = 190;
const TOP: i32 = 24;
const BOTTOM: i32 = HEIGHT as i32 - BELOW_AXIS as i32;
const RIGHT: i32 = 930;

/// A difference with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GapMark {
    pub value: f64,
    /// Absent where one of the values was reported without n.
    pub interval: Option<(f64, f64)>,
}

impl GapMark {
    /// Whether the data can tell it from no difference.
    pub fn is_clear(&self) -> bool {
        self.interval.is_some_and(|(low, high)| low > 0.0 || high < 0.0)
    }
}

/// What a gap chart shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GapChart {
    pub title: String,
    pub description: String,
    /// The versions, oldest first.
    pub versions: Vec<String>,
    /// One per version; `None` where there is no difference to compute.
    pub marks: Vec<Option<GapMark>>,
    /// What each point says in words, one per version.
    pub words: Vec<String>,
    pub breaks: Vec<Break>,
}

impl GapChart {
    /// Draws it.
    pub fn draw(&self) -> Chart {
        let mut drawn = String::new();
        let mut readings = Vec::new();
        {
            let root = SVGBackend::with_string(&mut drawn, (WIDTH.into(), HEIGHT.into()))
                .into_drawing_area();
            self.draw_on(&root, &mut readings).expect("writing into a string cannot fail");
            root.present().expect("writing into a string cannot fail");
        }
        let svg = ink::finish(&drawn, "gap", &self.title, &self.description);
        Chart { svg, size: (WIDTH, HEIGHT), readings }
    }

    fn draw_on(
        &self,
        root: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
        readings: &mut Vec<Reading>,
    ) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
        let marks = self.marks.iter().flatten();
        let values = marks.flat_map(|mark| {
            let (low, high) = mark.interval.unwrap_or((mark.value, mark.value));
            [low, high, mark.value]
        });
        let scale = Scale::over(values.chain([0.0]), 4);
        let area = area(root, self.versions.len(), RIGHT, TOP, BOTTOM, &scale);
        grid(&area, self.versions.len(), &scale, true)?;
        versions(&area, &self.versions, RIGHT)?;
        breaks(&area, &self.breaks, self.versions.len(), RIGHT)?;
        let few = self.versions.len() <= 14;
        for (column, mark) in self.marks.iter().enumerate() {
            let x = position(column);
            if let Some(mark) = mark {
                let ink = if mark.is_clear() { Ink::Clear } else { Ink::Unclear };
                if let Some((low, high)) = mark.interval {
                    whisker(&area, x, low, high, ink)?;
                }
                let dot = Circle::new((0, 0), 5, ink.color().filled());
                area.draw(&(EmptyElement::at((x, mark.value)) + dot))?;
                if few {
                    let style = text(Ink::GapText, HPos::Left, VPos::Center);
                    let label = Text::new(number::signed_short(mark.value), (10, 0), style);
                    area.draw(&(EmptyElement::at((x, mark.value)) + label))?;
                }
            }
            let at = area.map_coordinate(&(x, mark.map_or(0.0, |mark| mark.value)));
            let words = self.words.get(column).map_or("", String::as_str);
            readings.push(Reading::new(0, column, at, mark.is_some(), words));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_data_cannot_tell_from_zero_is_drawn_hollow() {
        let mark = |value, low, high| Some(GapMark { value, interval: Some((low, high)) });
        let chart = GapChart {
            versions: vec!["v7".to_owned(), "v8".to_owned(), "v9".to_owned()],
            marks: vec![mark(0.01, -0.02, 0.04), mark(-0.31, -0.34, -0.27), None],
            words: vec![String::new(); 3],
            ..GapChart::default()
        };
        let svg = chart.draw().svg;
        assert_eq!(svg.matches("<circle class=\"unclear\"").count(), 1, "{svg}");
        assert_eq!(svg.matches("<circle class=\"clear\"").count(), 1, "{svg}");
        assert!(svg.contains("−0.31"), "{svg}");
    }
}
