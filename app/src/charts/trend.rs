//! One metric on several slices over versions, each line with its interval as a band.

use super::ink::{self, Ink};
use super::layout::{fit, spread, width};
use super::scale::Scale;
use super::{Break, Chart};
use crate::islands::chart_reader::{BELOW_AXIS, Reading};
use crate::pages::parts::number;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

const WIDTH: u16 = 1000;
const HEIGHT: u16 = 320;
const TOP: i32 = 26;
const BOTTOM: i32 = HEIGHT as i32 - BELOW_AXIS as i32;
const LEFT: i32 = 46;
const LABEL_HEIGHT: i32 = 16;

/// A value with its interval; the interval is absent where the value was reported without n.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mark {
    pub value: f64,
    pub interval: Option<(f64, f64)>,
}

/// One slice over the versions.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    /// One per version; `None` where the metric is undefined or was not measured.
    pub marks: Vec<Option<Mark>>,
    /// What each point says in words, one per version.
    pub words: Vec<String>,
}

/// What a trend chart shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrendChart {
    /// For the SVG's title.
    pub title: String,
    /// For the SVG's description: the sentence of the page.
    pub description: String,
    /// The versions, oldest first.
    pub versions: Vec<String>,
    /// At most [`TrendChart::SERIES`] are drawn.
    pub series: Vec<Series>,
    pub breaks: Vec<Break>,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

impl TrendChart {
    /// How many series can be told apart.
    pub const SERIES: usize = ink::SERIES;

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
        let svg = ink::finish(&drawn, "trend", &self.title, &self.description);
        Chart { svg, size: (WIDTH, HEIGHT), readings }
    }

    fn draw_on(
        &self,
        root: &DrawingArea<SVGBackend<'_>, Shift>,
        readings: &mut Vec<Reading>,
    ) -> Drawn {
        let series = &self.series[..self.series.len().min(Self::SERIES)];
        let ends: Vec<String> = series.iter().map(end_label).collect();
        let margin =
            ends.iter().map(|label| width(label) * 11 / 10).max().unwrap_or(0).clamp(24, 240);
        let right = 1000 - margin - 20;
        let scale = Scale::over(
            series.iter().flat_map(|series| series.marks.iter().flatten()).flat_map(|mark| {
                let (low, high) = mark.interval.unwrap_or((mark.value, mark.value));
                [low, high, mark.value]
            }),
            6,
        );
        let area = area(root, self.versions.len(), right, TOP, BOTTOM, &scale);
        grid(&area, self.versions.len(), &scale, false)?;
        versions(&area, &self.versions, right)?;
        breaks(&area, &self.breaks, self.versions.len(), right)?;
        for (index, series) in series.iter().enumerate() {
            self.bands(&area, index, series)?;
        }
        for (index, series) in series.iter().enumerate() {
            self.line(&area, index, series)?;
        }
        names(root, &area, series, &ends, right)?;
        for (index, series) in series.iter().enumerate() {
            for (column, words) in series.words.iter().enumerate() {
                let y = series.marks.get(column).copied().flatten().map(|mark| mark.value);
                let at = area.map_coordinate(&(position(column), y.unwrap_or(scale.low)));
                readings.push(Reading::new(index, column, at, y.is_some(), words));
            }
        }
        Ok(())
    }

    /// Runs of points that a line may connect: all defined, no break between them.
    fn runs(&self, series: &Series) -> Vec<Vec<(usize, Mark)>> {
        let mut runs: Vec<Vec<(usize, Mark)>> = vec![Vec::new()];
        for (column, mark) in series.marks.iter().enumerate() {
            let broken = self.breaks.iter().any(|it| it.before == column);
            match (mark, runs.last_mut()) {
                (Some(mark), Some(run)) if !broken => run.push((column, *mark)),
                (Some(mark), _) => runs.push(vec![(column, *mark)]),
                (None, _) => runs.push(Vec::new()),
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    fn bands(&self, area: &Area<'_>, index: usize, series: &Series) -> Drawn {
        for run in self.runs(series) {
            let ends: Vec<(f64, (f64, f64))> = run
                .iter()
                .filter_map(|(column, mark)| mark.interval.map(|ends| (position(*column), ends)))
                .collect();
            if let [(x, (low, high))] = ends[..] {
                whisker(area, x, low, high, Ink::Whisker(index))?;
            } else if !ends.is_empty() {
                let upper = ends.iter().map(|(x, (_, high))| (*x, *high));
                let lower = ends.iter().rev().map(|(x, (low, _))| (*x, *low));
                area.draw(&Polygon::new(
                    upper.chain(lower).collect::<Vec<_>>(),
                    Ink::Band(index).color().filled(),
                ))?;
            }
        }
        Ok(())
    }

    fn line(&self, area: &Area<'_>, index: usize, series: &Series) -> Drawn {
        for run in self.runs(series) {
            let points: Vec<_> =
                run.iter().map(|(column, mark)| (position(*column), mark.value)).collect();
            if points.len() > 1 {
                area.draw(&PathElement::new(
                    points.clone(),
                    Ink::Line(index).color().stroke_width(2),
                ))?;
            }
            for point in points {
                dot(area, index, point)?;
            }
        }
        Ok(())
    }
}

/// Where the n-th version stands on the x axis.
#[expect(clippy::cast_precision_loss, reason = "a model has far fewer than 2^52 versions")]
pub(super) fn position(column: usize) -> f64 {
    column as f64
}

pub(super) fn area<'a>(
    root: &DrawingArea<SVGBackend<'a>, Shift>,
    columns: usize,
    right: i32,
    top: i32,
    bottom: i32,
    scale: &Scale,
) -> Area<'a> {
    let last = position(columns.saturating_sub(1));
    let x = if columns < 2 { -1.0..1.0 } else { -0.12..last + 0.12 };
    root.apply_coord_spec(Cartesian2d::<RangedCoordf64, RangedCoordf64>::new(
        x,
        scale.low..scale.high,
        (LEFT..right, bottom..top),
    ))
}

/// Horizontal lines with their values; `signed` for an axis of differences.
pub(super) fn grid(area: &Area<'_>, columns: usize, scale: &Scale, signed: bool) -> Drawn {
    let (from, to) = ends(columns);
    for tick in scale.ticks() {
        let ink = if signed && tick == 0.0 { Ink::Axis } else { Ink::Grid };
        area.draw(&PathElement::new([(from, tick), (to, tick)], ink.color()))?;
        let words = if signed && tick > 0.0 {
            format!("+{}", number::decimals(tick, scale.places))
        } else {
            number::decimals(tick, scale.places)
        };
        let style = text(Ink::Tick, HPos::Right, VPos::Center);
        area.draw(&(EmptyElement::at((from, tick)) + Text::new(words, (-8, 0), style)))?;
    }
    Ok(())
}

/// The versions below, shortened to their slot; where slots are narrow only some, the last always.
pub(super) fn versions(area: &Area<'_>, versions: &[String], right: i32) -> Drawn {
    let count = i32::try_from(versions.len()).unwrap_or(i32::MAX).max(1);
    let slot = (right - LEFT) / count;
    let every = usize::try_from(44 / slot.max(1) + 1).unwrap_or(1);
    let bottom = area.get_y_range().start;
    for (column, version) in versions.iter().enumerate() {
        if !(versions.len() - 1 - column).is_multiple_of(every) {
            continue;
        }
        let label = fit(version, slot * i32::try_from(every).unwrap_or(1) - 6);
        let style = text(Ink::Tick, HPos::Center, VPos::Top);
        area.draw(
            &(EmptyElement::at((position(column), bottom)) + Text::new(label, (0, 9), style)),
        )?;
    }
    Ok(())
}

/// Vertical marks where a series changes its meaning, with the reason as far as it fits.
pub(super) fn breaks(area: &Area<'_>, breaks: &[Break], columns: usize, right: i32) -> Drawn {
    let (low, high) = (area.get_y_range().start, area.get_y_range().end);
    for (i, it) in breaks.iter().enumerate().filter(|(_, it)| it.before > 0 && it.before < columns)
    {
        let x = position(it.before) - 0.5;
        let here = area.map_coordinate(&(x, high));
        let until = breaks
            .get(i + 1)
            .map_or(right, |next| area.map_coordinate(&(position(next.before) - 0.5, high)).0);
        area.draw(&PathElement::new([(x, low), (x, high)], Ink::Break.color()))?;
        let label = fit(&it.reason, (until - here.0 - 10).max(24));
        let style = text(Ink::BreakText, HPos::Left, VPos::Bottom);
        area.draw(&(EmptyElement::at((x, high)) + Text::new(label, (5, -6), style)))?;
    }
    Ok(())
}

pub(super) fn whisker(area: &Area<'_>, x: f64, low: f64, high: f64, ink: Ink) -> Drawn {
    area.draw(&PathElement::new([(x, low), (x, high)], ink.color()))?;
    for end in [low, high] {
        area.draw(
            &(EmptyElement::at((x, end)) + PathElement::new([(-4, 0), (4, 0)], ink.color())),
        )?;
    }
    Ok(())
}

/// A point; its shape tells the series as its colour does.
fn dot(area: &Area<'_>, index: usize, at: (f64, f64)) -> Drawn {
    let style = Ink::Dot(index).color().filled();
    let here = EmptyElement::at(at);
    match index % 4 {
        0 => area.draw(&(here + Circle::new((0, 0), 4, style))),
        1 => area.draw(&(here + Rectangle::new([(-4, -4), (4, 4)], style))),
        2 => area.draw(&(here + Polygon::new([(0, -5), (5, 4), (-5, 4)], style))),
        _ => area.draw(&(here + Polygon::new([(0, -6), (6, 0), (0, 6), (-6, 0)], style))),
    }
}

/// The series' names at the right end of their lines, pushed apart where lines end together.
fn names(
    root: &DrawingArea<SVGBackend<'_>, Shift>,
    area: &Area<'_>,
    series: &[Series],
    labels: &[String],
    right: i32,
) -> Drawn {
    let ends: Vec<Option<(i32, i32)>> = series
        .iter()
        .map(|series| {
            let (column, mark) = series
                .marks
                .iter()
                .enumerate()
                .rev()
                .find_map(|(column, mark)| mark.map(|mark| (column, mark)))?;
            Some(area.map_coordinate(&(position(column), mark.value)))
        })
        .collect();
    let wanted: Vec<i32> = ends.iter().map(|end| end.map_or(BOTTOM, |(_, y)| y)).collect();
    let placed = spread(&wanted, LABEL_HEIGHT, TOP + 4, BOTTOM - 4);
    for (index, ((label, end), y)) in labels.iter().zip(ends).zip(placed).enumerate() {
        if let Some((x, at)) = end
            && ((y - at).abs() > 5 || x < right - 40)
        {
            let line = [(x + 8, at), (right + 6, y)];
            root.draw(&PathElement::new(line, Ink::Leader.color()))?;
        }
        let style = text(Ink::Name(index), HPos::Left, VPos::Center);
        root.draw(&Text::new(fit(label, 1000 - right - 12), (right + 10, y), style))?;
    }
    Ok(())
}

/// A series' name and last value; without a value where the last version has none.
fn end_label(series: &Series) -> String {
    match series.marks.last() {
        Some(Some(mark)) => format!("{} {}", series.name, number::short(mark.value)),
        _ => series.name.clone(),
    }
}

pub(super) fn text(ink: Ink, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    ("sans-serif", 12).into_font().color(&ink.color()).pos(Pos::new(horizontal, vertical))
}

fn ends(columns: usize) -> (f64, f64) {
    if columns < 2 { (-1.0, 1.0) } else { (-0.12, position(columns - 1) + 0.12) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(of: [Option<(f64, f64, f64)>; 4]) -> Vec<Option<Mark>> {
        let mark = |(value, low, high)| Mark { value, interval: Some((low, high)) };
        of.map(|it| it.map(mark)).to_vec()
    }

    fn chart() -> TrendChart {
        let words = |name: &str| (1..=4).map(|i| format!("v{i}, {name}")).collect();
        TrendChart {
            title: "True positive rate by sex".to_owned(),
            description: "The gap closed.".to_owned(),
            versions: ["v1", "v2", "<script>", "v4"].map(str::to_owned).to_vec(),
            series: vec![
                Series {
                    name: "Female & <b>".to_owned(),
                    marks: marks([
                        Some((0.34, 0.30, 0.38)),
                        Some((0.51, 0.47, 0.55)),
                        None,
                        Some((0.58, 0.54, 0.62)),
                    ]),
                    words: words("Female"),
                },
                Series {
                    name: "Male".to_owned(),
                    marks: marks([
                        Some((0.40, 0.38, 0.41)),
                        Some((0.61, 0.60, 0.63)),
                        Some((0.61, 0.59, 0.62)),
                        Some((0.59, 0.57, 0.61)),
                    ]),
                    words: words("Male"),
                },
            ],
            breaks: vec![Break { before: 3, reason: "dataset changed".to_owned() }],
        }
    }

    #[test]
    fn the_drawing_is_as_recorded() {
        let svg = chart().draw().svg.replace("><", ">\n<") + "\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/charts/golden/trend.svg");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, &svg).unwrap();
        }
        let golden = std::fs::read_to_string(path).unwrap();
        assert!(
            svg == golden,
            "the chart differs; look at it, then run with UPDATE_GOLDEN=1\n{svg}"
        );
    }

    #[test]
    fn names_are_text_whatever_they_hold() {
        let svg = chart().draw().svg;
        assert!(!svg.contains("<script>") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("&lt;script&gt;") && svg.contains("Female &amp; &lt;b&gt;"), "{svg}");
    }

    #[test]
    fn no_colour_is_left_in_the_drawing_and_a_file_has_them_all() {
        let chart = chart().draw();
        assert!(!chart.svg.contains("#01") && !chart.svg.contains("style="), "{}", chart.svg);
        let file = chart.standalone();
        assert!(file.contains("#0b6fae") && !file.contains("var("), "{file}");
    }

    #[test]
    fn no_line_crosses_a_break_or_an_undefined_point() {
        let chart = chart();
        let columns = |series: usize| -> Vec<Vec<usize>> {
            let runs = chart.runs(&chart.series[series]);
            runs.iter().map(|run| run.iter().map(|(column, _)| *column).collect()).collect()
        };
        assert_eq!(columns(0), [vec![0, 1], vec![3]]);
        assert_eq!(columns(1), [vec![0, 1, 2], vec![3]]);
    }

    #[test]
    fn every_point_can_be_read_the_undefined_too() {
        let readings = chart().draw().readings;
        assert_eq!(readings.len(), 8);
        assert_eq!(readings.iter().filter(|reading| !reading.drawn).count(), 1);
    }

    #[test]
    fn nothing_and_one_version_are_drawn_too() {
        assert!(TrendChart::default().draw().svg.contains("</svg>"));
        let mut one = chart();
        one.versions.truncate(1);
        one.breaks.clear();
        for series in &mut one.series {
            series.marks.truncate(1);
            series.words.truncate(1);
        }
        assert!(one.draw().svg.contains("whisker s1"), "a lone point has a whisker, not a band");
    }
}
