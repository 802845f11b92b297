//! Where text goes: estimated widths, shortened labels, labels pushed apart.

/// About how wide a text is in pixels at the charts' 12 px, without measuring a font: wide enough
/// for every common sans-serif.
pub fn width(text: &str) -> i32 {
    let tenths: i32 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 36,
            'f' | 't' | 'r' | '(' | ')' | '[' | ']' | ' ' | '-' => 48,
            'm' | 'w' | 'M' | 'W' | '@' | '%' => 110,
            c if c.is_ascii_uppercase() => 84,
            c if c.is_ascii() => 72,
            '…' | '−' | '×' => 90,
            c if (c as u32) < 0x2E80 => 78,
            _ => 124,
        })
        .sum();
    tenths / 10 + 1
}

/// The text, or as much of it as fits with an ellipsis.
pub fn fit(text: &str, pixels: i32) -> String {
    if width(text) <= pixels {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if width(&short) + width("…") > pixels {
            short.pop();
            break;
        }
    }
    short.push('…');
    short
}

/// Moves positions apart until neighbours have `gap` between them, inside `low..=high` where there
/// is room for all; the order stays.
pub fn spread(wanted: &[i32], gap: i32, low: i32, high: i32) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&i| wanted[i]);
    let mut placed = wanted.to_vec();
    let mut least = low;
    for &i in &order {
        placed[i] = placed[i].max(least);
        least = placed[i] + gap;
    }
    let mut most = high;
    for &i in order.iter().rev() {
        placed[i] = placed[i].min(most);
        most = placed[i] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_pushed_apart_in_their_order() {
        assert_eq!(spread(&[100, 102, 20], 15, 0, 200), [100, 115, 20]);
        assert_eq!(spread(&[198, 199], 15, 0, 200), [185, 200]);
    }

    #[test]
    fn a_long_label_ends_in_an_ellipsis_and_fits() {
        let short = fit("2026-11-release-candidate-with-a-long-name", 80);
        assert!(short.ends_with('…') && width(&short) <= 80, "{short}");
        assert_eq!(fit("v1", 80), "v1");
    }
}
