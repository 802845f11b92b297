//! Reads a chart aloud: the nearest point under the pointer, any point by arrow keys.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

/// How much of a chart's height lies below its axis.
pub const BELOW_AXIS: u16 = 32;

/// A point of a chart and what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Which line, from 0 in the order of the chart's names.
    pub series: u8,
    /// Which version, from 0.
    pub column: u16,
    /// Where it is drawn, in the units of the chart's view box.
    pub x: i16,
    pub y: i16,
    /// Whether a point is drawn at all; an undefined one can only be read.
    pub drawn: bool,
    /// Version, slice, value, interval and n, in words.
    pub words: String,
}

impl Reading {
    /// A point at a place that plotters computed.
    pub fn new(series: usize, column: usize, at: (i32, i32), drawn: bool, words: &str) -> Self {
        Self {
            series: u8::try_from(series).unwrap_or(u8::MAX),
            column: u16::try_from(column).unwrap_or(u16::MAX),
            x: i16::try_from(at.0).unwrap_or(i16::MAX),
            y: i16::try_from(at.1).unwrap_or(i16::MAX),
            drawn,
            words: words.to_owned(),
        }
    }
}

/// Where an arrow key leads from a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To an older or newer version.
    Version(i32),
    /// To the line above or below, at the same version.
    Series(i32),
    First,
    Last,
}

impl Step {
    /// The step of a key, as `KeyboardEvent.key` names it.
    pub fn of_key(key: &str) -> Option<Self> {
        match key {
            "ArrowLeft" => Some(Self::Version(-1)),
            "ArrowRight" => Some(Self::Version(1)),
            "ArrowUp" => Some(Self::Series(-1)),
            "ArrowDown" => Some(Self::Series(1)),
            "Home" => Some(Self::First),
            "End" => Some(Self::Last),
            _ => None,
        }
    }
}

/// The point that a step leads to; the same one at an end. Up and down follow the height of the
/// points at that version, undefined ones last.
pub fn step(readings: &[Reading], from: usize, step: Step) -> usize {
    let Some(here) = readings.get(from) else { return 0 };
    let in_series = |column: Option<u16>| {
        let column = column?;
        readings.iter().position(|it| it.series == here.series && it.column == column)
    };
    let columns = || readings.iter().filter(|it| it.series == here.series).map(|it| it.column);
    let found = match step {
        Step::Version(by) => {
            in_series(u16::try_from(i32::from(here.column).saturating_add(by)).ok())
        }
        Step::First => in_series(columns().min()),
        Step::Last => in_series(columns().max()),
        Step::Series(by) => {
            let mut at_version: Vec<usize> =
                (0..readings.len()).filter(|&i| readings[i].column == here.column).collect();
            at_version.sort_by_key(|&i| (!readings[i].drawn, readings[i].y, readings[i].series));
            at_version
                .iter()
                .position(|&i| i == from)
                .and_then(|place| i32::try_from(place).ok()?.checked_add(by))
                .and_then(|place| usize::try_from(place).ok())
                .and_then(|place| at_version.get(place).copied())
        }
    };
    found.unwrap_or(from)
}

/// The drawn point nearest to a place, where the version counts more than the height.
pub fn nearest(readings: &[Reading], x: f64, y: f64) -> Option<usize> {
    let distance = |it: &Reading| {
        let (dx, dy) = (f64::from(it.x) - x, f64::from(it.y) - y);
        4.0 * dx * dx + dy * dy
    };
    (0..readings.len())
        .filter(|&i| readings[i].drawn)
        .min_by(|&a, &b| distance(&readings[a]).total_cmp(&distance(&readings[b])))
}

/// Wraps a server-rendered chart, of which it knows the size and the points.
#[island]
pub fn ChartReader(
    /// What the chart is, for a screen reader.
    label: String,
    /// Width and height of the chart's view box.
    size: (u16, u16),
    readings: Vec<Reading>,
    children: Children,
) -> impl IntoView {
    let current = RwSignal::new(None::<u32>);
    let ready = RwSignal::new(false);
    Effect::new(move |_| ready.set(true));
    let readings = StoredValue::new(readings);
    let read = move || {
        let index = usize::try_from(current.get()?).ok()?;
        readings.with_value(|readings| readings.get(index).cloned())
    };
    let choose = move |index: usize| current.set(u32::try_from(index).ok());
    let frame = NodeRef::<leptos::html::Div>::new();

    let point = move |event: leptos::ev::PointerEvent| {
        let Some(frame) = frame.get() else { return };
        let bounds = frame.get_bounding_client_rect();
        if bounds.width() < 1.0 || bounds.height() < 1.0 {
            return;
        }
        let x = (f64::from(event.client_x()) - bounds.left()) / bounds.width() * f64::from(size.0);
        let y = (f64::from(event.client_y()) - bounds.top()) / bounds.height() * f64::from(size.1);
        if let Some(index) = readings.with_value(|readings| nearest(readings, x, y)) {
            choose(index);
        }
    };
    let key = move |event: leptos::ev::KeyboardEvent| {
        let pressed = event.key();
        if pressed == "Escape" {
            current.set(None);
        } else if let Some(taken) = Step::of_key(&pressed) {
            event.prevent_default();
            let from = current.get_untracked().and_then(|index| usize::try_from(index).ok());
            let to = readings.with_value(|readings| match from {
                Some(from) => step(readings, from, taken),
                None => step(readings, 0, if taken == Step::Last { taken } else { Step::First }),
            });
            choose(to);
        }
    };
    let view_box = {
        let (width, height) = (size.0.to_string(), size.1.to_string());
        ["0 0 ", &width, " ", &height].concat()
    };
    // Down to the axis, so that the line leaves the versions below it readable.
    let bottom = size.1.saturating_sub(BELOW_AXIS).to_string();
    let x = move || read().map_or(0, |reading| reading.x).to_string();
    let y = move || read().map_or(0, |reading| reading.y).to_string();
    view! {
        <div
            class="reader"
            class:ready=move || ready.get()
            tabindex=move || ready.get().then_some("0")
            role=move || ready.get().then_some("application")
            aria-label=move || ready.get().then(|| label.clone())
            on:keydown=key
            on:blur=move |_| current.set(None)
        >
            <div
                class="reader-frame"
                node_ref=frame
                on:pointermove=point
                on:pointerdown=point
                on:pointerleave=move |_| current.set(None)
            >
                {children()}
                <svg
                    class="reader-mark"
                    class:shown=move || current.get().is_some()
                    viewBox=view_box
                    aria-hidden="true"
                >
                    <line x1=x x2=x y1="24" y2=bottom />
                    <circle
                        cx=x
                        cy=y
                        r="8"
                        class:gone=move || read().is_none_or(|reading| !reading.drawn)
                    />
                </svg>
            </div>
            <p class="readout" aria-live="polite">
                {move || read().map(|reading| reading.words)}
            </p>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two lines over three versions; the second line is undefined at the second version.
    fn readings() -> Vec<Reading> {
        let at = |series, column, x, y, drawn| Reading::new(series, column, (x, y), drawn, "");
        vec![
            at(0, 0, 100, 200, true),
            at(0, 1, 200, 150, true),
            at(0, 2, 300, 120, true),
            at(1, 0, 100, 100, true),
            at(1, 1, 200, 280, false),
            at(1, 2, 300, 140, true),
        ]
    }

    #[test]
    fn arrows_walk_versions_and_stop_at_the_ends() {
        let readings = readings();
        assert_eq!(step(&readings, 0, Step::Version(1)), 1);
        assert_eq!(step(&readings, 0, Step::Version(-1)), 0);
        assert_eq!(step(&readings, 3, Step::Last), 5);
        assert_eq!(step(&readings, 5, Step::Version(1)), 5);
    }

    #[test]
    fn up_and_down_follow_the_height_and_reach_undefined_points_last() {
        let readings = readings();
        assert_eq!(step(&readings, 0, Step::Series(-1)), 3);
        assert_eq!(step(&readings, 1, Step::Series(1)), 4);
        assert_eq!(step(&readings, 4, Step::Series(1)), 4);
    }

    #[test]
    fn the_pointer_finds_the_version_first_and_never_an_undefined_point() {
        let readings = readings();
        assert_eq!(nearest(&readings, 205.0, 275.0), Some(1));
        assert_eq!(nearest(&readings, 298.0, 145.0), Some(5));
        assert_eq!(nearest(&[], 0.0, 0.0), None);
    }
}
