//! Axis ranges that begin and end at round numbers.

/// A range with round ends and a round step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    pub low: f64,
    pub high: f64,
    pub step: f64,
    /// Decimals that tell neighbouring ticks apart.
    pub places: usize,
}

impl Scale {
    /// The least range of about `count` round steps that holds all values.
    ///
    /// Without values it is 0 to 1; a lone value gets room on both sides.
    pub fn over(values: impl IntoIterator<Item = f64>, count: u32) -> Self {
        let (low, high) = values
            .into_iter()
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let room = if high - low < 1e-9 { 0.05_f64.max(high.abs() * 0.05) } else { 0.0 };
        let (low, high) = (low - room, high + room);
        let rough = (high - low) / f64::from(count.max(1));
        let magnitude = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * magnitude)
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(magnitude * 10.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0..=9 before the cast"
        )]
        let places = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        // An end that lies on a step up to rounding is that step.
        let low = (low / step + 1e-9).floor() * step;
        let high = (high / step - 1e-9).ceil() * step;
        Self { low, high, step, places }
    }

    /// The round numbers from end to end.
    pub fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let Self { low, high, step, .. } = *self;
        (0..=64_u32)
            .map(move |i| low + f64::from(i) * step)
            .take_while(move |tick| *tick <= high + step * 0.01)
            // Adding up steps leaves a crumb where zero should be.
            .map(move |tick| if tick.abs() < step * 1e-6 { 0.0 } else { tick })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(values: &[f64], count: u32) -> Vec<String> {
        let scale = Scale::over(values.iter().copied(), count);
        scale.ticks().map(|tick| format!("{tick:.*}", scale.places)).collect()
    }

    #[test]
    fn ends_and_steps_are_round_and_hold_the_values() {
        assert_eq!(ticks(&[0.30, 0.86], 6), ["0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"]);
        assert_eq!(ticks(&[-0.34, 0.14], 4), ["-0.4", "-0.2", "0.0", "0.2"]);
        assert_eq!(ticks(&[0.861, 0.872], 4), ["0.860", "0.865", "0.870", "0.875"]);
    }

    #[test]
    fn nothing_and_a_lone_value_have_a_range_too() {
        assert_eq!(ticks(&[], 2), ["0.0", "0.5", "1.0"]);
        let lone = Scale::over([0.5], 4);
        assert!(lone.low < 0.5 && lone.high > 0.5);
    }
}
