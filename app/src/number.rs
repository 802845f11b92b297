//! How a number is written, on pages and in charts alike.
//!
//! Values have three decimals and interval ends two, unless two would make the ends look equal.

use metrics::interval::method;

const MINUS: char = '\u{2212}';

/// A count with thousands separators: `16,281`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A count and its noun: `1 row`, `2 rows`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A value with three decimals.
pub fn value(value: f64) -> String {
    decimals(value, 3)
}

/// A difference with its sign, three decimals: `+0.055`, `−0.306`, `0.000`.
pub fn signed(value: f64) -> String {
    with_sign(value, 3)
}

/// A difference with its sign and two decimals, for running text and labels.
pub fn signed_short(value: f64) -> String {
    with_sign(value, 2)
}

/// A value with two decimals, for running text and labels.
pub fn short(value: f64) -> String {
    decimals(value, 2)
}

/// A ratio: two decimals near 1, fewer the larger it is.
pub fn ratio(value: f64) -> String {
    match value.abs() {
        far if far >= 100.0 => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a ratio is positive, and one beyond u64 may saturate"
            )]
            let whole = far.round() as u64;
            count(whole)
        }
        far if far >= 10.0 => decimals(value, 1),
        _ => decimals(value, 2),
    }
}

/// Interval ends of a ratio: `[0.15, 0.69]`, `[27.2, 1,059]`.
pub fn ratio_interval(low: f64, high: f64) -> String {
    if high < 10.0 { interval(low, high) } else { format!("[{}, {}]", ratio(low), ratio(high)) }
}

/// Interval ends: `[0.54, 0.62]`.
pub fn interval(low: f64, high: f64) -> String {
    let places = interval_places(low, high);
    format!("[{}, {}]", decimals(low, places), decimals(high, places))
}

/// Interval ends of a difference: `[−0.02, +0.04]`.
pub fn signed_interval(low: f64, high: f64) -> String {
    let places = signed_places(low, high);
    format!("[{}, {}]", with_sign(low, places), with_sign(high, places))
}

/// Interval ends in running text: `0.54 to 0.62`.
pub fn interval_words(low: f64, high: f64) -> String {
    let places = interval_places(low, high);
    format!("{} to {}", decimals(low, places), decimals(high, places))
}

/// Interval ends of a difference in running text: `−0.02 to +0.04`.
pub fn signed_interval_words(low: f64, high: f64) -> String {
    let places = signed_places(low, high);
    format!("{} to {}", with_sign(low, places), with_sign(high, places))
}

/// A confidence level: `95 %`, `99.5 %`.
pub fn level(level: f64) -> String {
    let percent = decimals(level * 100.0, 2);
    format!("{} %", percent.trim_end_matches('0').trim_end_matches('.'))
}

/// A p-value: `0.032`, or `<0.001`.
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { decimals(p, 3) }
}

/// What an interval is: `95 % Wilson interval`.
pub fn interval_name(confidence: f64, method: &str) -> String {
    let (exact, on_grid) = match method.strip_suffix(method::ON_GRID) {
        Some(exact) => (exact, " on a score grid"),
        None => (method, ""),
    };
    format!("{} {} interval{on_grid}", level(confidence), method_name(exact))
}

/// The name of an interval's method: `Wilson`.
pub fn method_name(method: &str) -> &str {
    match method {
        method::WILSON => "Wilson",
        method::WILSON_KISH => "Wilson (effective n)",
        method::T => "t",
        method::DELONG => "DeLong",
        method::DELONG_KISH => "DeLong (effective n)",
        method::WILSON_CLUSTER => "Wilson (clusters)",
        method::T_CLUSTER => "t (clusters)",
        method::DELONG_CLUSTER => "DeLong (clusters)",
        method::DELTA_CLUSTER => "delta-method (clusters)",
        method::DELTA_BIAS => "bias-corrected delta-method",
        method::DELTA_BIAS_CLUSTER => "bias-corrected delta-method (clusters)",
        method::LOGIT_CLUSTER => "logit (clusters)",
        method::CLOPPER_PEARSON => "Clopper–Pearson",
        method::JEFFREYS => "Jeffreys",
        method::AGRESTI_CAFFO => "Agresti–Caffo",
        method::KATZ => "Katz",
        method::KOOPMAN => "Koopman",
        method::MIETTINEN_NURMINEN => "Miettinen–Nurminen",
        method::HANLEY_MCNEIL => "Hanley–McNeil",
        method::DELTA => "delta-method",
        method::NEWCOMBE => "Newcombe",
        method::NEWCOMBE_PAIRED => "Newcombe (paired)",
        method::MOVER_PAIRED => "MOVER (paired)",
        method::T_PAIRED => "t (paired)",
        method::DELONG_PAIRED => "DeLong (paired)",
        method::MOVER_D => "MOVER-D",
        method::MOVER_R => "MOVER-R",
        other => other,
    }
}

/// A number with this many decimals, a real minus and no negative zero.
pub fn decimals(value: f64, places: usize) -> String {
    let text = format!("{:.places$}", value.abs());
    if value < 0.0 && text.bytes().any(|b| matches!(b, b'1'..=b'9')) {
        format!("{MINUS}{text}")
    } else {
        text
    }
}

/// A text with its first letter as a capital, as at the head of a column.
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn with_sign(value: f64, places: usize) -> String {
    let text = decimals(value, places);
    if value > 0.0 && text.bytes().any(|b| matches!(b, b'1'..=b'9')) {
        format!("+{text}")
    } else {
        text
    }
}

/// As few decimals, from two on, as tell the ends apart; five where nothing does.
fn interval_places(low: f64, high: f64) -> usize {
    (2..5).find(|&places| decimals(low, places) != decimals(high, places)).unwrap_or(
        // Equal ends are equal at any length.
        if (low - high).abs() < f64::EPSILON { 2 } else { 5 },
    )
}

/// As [`interval_places`], and so many that an end beside zero shows on which side it lies: that
/// is what decides whether the data can tell.
fn signed_places(low: f64, high: f64) -> usize {
    let sided = |end: f64, places| end == 0.0 || with_sign(end, places).starts_with(['+', MINUS]);
    let least = interval_places(low, high);
    (least..6).find(|&places| sided(low, places) && sided(high, places)).unwrap_or(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_thousands_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(16_281), "16,281");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(counted(1, "row", "rows"), "1 row");
    }

    #[test]
    fn signs_are_real_and_zero_has_none() {
        assert_eq!(signed(-0.306), "−0.306");
        assert_eq!(signed(0.0554), "+0.055");
        assert_eq!(signed(0.0001), "0.000");
        assert_eq!(signed(-0.0001), "0.000");
        assert_eq!(value(-0.5), "−0.500");
    }

    #[test]
    fn interval_ends_never_look_equal_unless_they_are() {
        assert_eq!(interval(0.541, 0.618), "[0.54, 0.62]");
        assert_eq!(interval(0.0212, 0.0249), "[0.021, 0.025]");
        assert_eq!(interval(0.9999, 1.0), "[0.9999, 1.0000]");
        assert_eq!(interval(1.0, 1.0), "[1.00, 1.00]");
        assert_eq!(signed_interval(-0.02, 0.04), "[−0.02, +0.04]");
        assert_eq!(signed_interval(-0.002, 0.13), "[−0.002, +0.130]");
    }

    #[test]
    fn a_large_ratio_has_no_decimals_that_mean_nothing() {
        assert_eq!(ratio(0.314), "0.31");
        assert_eq!(ratio(171.19), "171");
        assert_eq!(ratio_interval(27.18, 1058.78), "[27.2, 1,059]");
        assert_eq!(ratio_interval(0.15, 0.69), "[0.15, 0.69]");
    }

    #[test]
    fn a_level_is_a_percentage_without_needless_decimals() {
        assert_eq!(level(0.95), "95 %");
        assert_eq!(level(0.995), "99.5 %");
    }
}
