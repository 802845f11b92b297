//! An estimate with its interval beside the bound that it is held against, small enough for a table.
//!
//! It says nothing that the sentence beside it does not say, so it is hidden from screen readers.

use super::scale::Scale;
use std::fmt::Write as _;

const WIDTH: f64 = 108.0;
const MIDDLE: f64 = 12.0;

/// What is drawn. Bounds at infinity are none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundChart {
    pub value: f64,
    pub interval: Option<(f64, f64)>,
    pub bound: (f64, f64),
}

impl BoundChart {
    /// The SVG; its class names the verdict's colour.
    pub fn draw(&self, class: &str) -> String {
        let (low, high) = self.interval.unwrap_or((self.value, self.value));
        let bounds: Vec<f64> =
            [self.bound.0, self.bound.1].into_iter().filter(|end| end.is_finite()).collect();
        let scale = Scale::over([low, high, self.value].into_iter().chain(bounds.clone()), 3);
        let x = |value: f64| {
            let share = (value - scale.low) / (scale.high - scale.low).max(f64::MIN_POSITIVE);
            4.0 + share.clamp(0.0, 1.0) * (WIDTH - 8.0)
        };
        let mut svg = format!(
            "<svg class=\"bound {class}\" viewBox=\"0 0 {WIDTH} 24\" width=\"{WIDTH}\" \
             height=\"24\" aria-hidden=\"true\" focusable=\"false\">\
             <line class=\"rail\" x1=\"2\" x2=\"{}\" y1=\"{MIDDLE}\" y2=\"{MIDDLE}\"/>",
            WIDTH - 2.0
        );
        for end in bounds {
            let at = x(end);
            let _ = write!(
                svg,
                "<line class=\"limit\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"4\" y2=\"20\"/>"
            );
        }
        let _ = write!(
            svg,
            "<line class=\"reach\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{MIDDLE}\" y2=\"{MIDDLE}\"/>\
             <circle cx=\"{:.1}\" cy=\"{MIDDLE}\" r=\"4\"/></svg>",
            x(low),
            x(high),
            x(self.value)
        );
        svg
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_lies_beside_its_bound_as_the_numbers_do() {
        let chart = BoundChart {
            value: 0.19,
            interval: Some((0.17, 0.20)),
            bound: (f64::NEG_INFINITY, 0.10),
        };
        let svg = chart.draw("fail");
        let at = |class: &str| -> f64 {
            let from = svg.find(&format!("class=\"{class}\" x1=\"")).unwrap();
            let rest = &svg[from..];
            let start = rest.find("x1=\"").unwrap() + 4;
            rest[start..].split('"').next().unwrap().parse().unwrap()
        };
        assert!(at("limit") < at("reach"), "{svg}");
        assert_eq!(svg.matches("class=\"limit\"").count(), 1, "a bound at infinity is not drawn");
    }
}
