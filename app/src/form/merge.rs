//! Two people edit the same thing: what the second must know before saving over the first.

/// A field as it was typed or stored, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldText {
    pub name: &'static str,
    pub label: &'static str,
    /// Trimmed, with the line breaks of the server and not of the browser.
    pub text: String,
}

impl FieldText {
    pub fn new(name: &'static str, label: &'static str, text: &str) -> Self {
        Self { name, label, text: text.trim().replace("\r\n", "\n") }
    }
}

/// A field that somebody else changed since this editor read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub name: &'static str,
    pub label: &'static str,
    pub theirs: String,
    pub yours: String,
    /// This editor changed it too, to something else: one of the two will be lost.
    pub is_both: bool,
}

/// What others changed, given what is stored now, what this editor typed, and whether a text
/// differs from what the editor had read. Fields that only this editor changed are no news.
pub fn changes(
    theirs: &[FieldText],
    yours: &[FieldText],
    differs_from_read: impl Fn(&FieldText) -> bool,
) -> Vec<Change> {
    theirs
        .iter()
        .filter_map(|their| {
            let your = yours.iter().find(|your| your.name == their.name)?;
            (their.text != your.text && differs_from_read(their)).then(|| Change {
                name: their.name,
                label: their.label,
                theirs: their.text.clone(),
                yours: your.text.clone(),
                is_both: differs_from_read(your),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_news_when_others_changed_it_and_a_conflict_when_both_did() {
        let fields = |values: [&str; 4]| -> Vec<FieldText> {
            ["a", "b", "c", "d"]
                .into_iter()
                .zip(values)
                .map(|(name, text)| FieldText::new(name, name, text))
                .collect()
        };
        let read = fields(["1", "1", "1", "1"]);
        let differs = |field: &FieldText| {
            read.iter().any(|known| known.name == field.name && known.text != field.text)
        };
        // a: theirs alone, b: mine alone, c: both, d: both to the same.
        let changes =
            changes(&fields(["2", "1", "2", "2"]), &fields(["1", "3", "3", "2"]), differs);
        let seen: Vec<_> = changes.iter().map(|change| (change.name, change.is_both)).collect();
        assert_eq!(seen, [("a", false), ("c", true)]);
    }

    #[test]
    fn a_browsers_line_breaks_are_no_change() {
        assert_eq!(FieldText::new("a", "A", "x\r\ny ").text, "x\ny");
    }
}
