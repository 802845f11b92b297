//! A frame as `to_json()` writes it, in each of its orientations.

use super::{Frame, KEEP_LABELS, Row};
use crate::upload::harvest::Harvest;
use crate::upload::measure;
use crate::upload::problems::Problems;
use crate::upload::spot::{Reported, Spot};
use metrics::{Place, Problem};
use std::collections::BTreeMap;

pub(super) fn read(root: &Spot, harvest: &mut Harvest, problems: &mut Problems) -> Option<Frame> {
    if root.get("schema").is_some() {
        return table(root, problems);
    }
    if root.get("columns").is_some() && root.get("data").is_some() {
        return split(root, harvest, problems);
    }
    if root.is_list() {
        return records(root, problems);
    }
    if !root.is_object() {
        root.expected("an object or a list, as `to_json()` writes it", problems);
        return None;
    }
    let nested = root.fields().any(|(_, spot)| spot.is_object());
    if nested { nested_objects(root, harvest, problems) } else { series(root, problems) }
}

/// `orient="table"`: the only one that loses nothing.
fn table(root: &Spot, problems: &mut Problems) -> Option<Frame> {
    let schema = root.object("schema", problems)?;
    let data = root.list("data", problems)?;
    let mut keys: Vec<String> = Vec::new();
    for key in schema.list("primaryKey", problems)?.items() {
        match key.text() {
            Some(key) => keys.push(key.to_owned()),
            None => key.expected("a column's name", problems),
        }
    }
    if keys.is_empty() || keys.iter().any(|key| key == "index") {
        lost(root, problems);
        return None;
    }
    let mut metrics: Vec<String> = Vec::new();
    for field in schema.list("fields", problems)?.items() {
        match field.get("name").and_then(|name| name.name()) {
            Some(name) if !keys.contains(&name) => metrics.push(name),
            Some(_) => {}
            None => field.expected("an object with a column's `name`", problems),
        }
    }
    let rows = rows_of_objects(&data, &keys, &metrics, problems);
    Some(Frame { attributes: keys, metrics, rows, overall: false })
}

fn rows_of_objects(
    data: &Spot,
    attributes: &[String],
    metrics: &[String],
    problems: &mut Problems,
) -> Vec<Row> {
    let mut rows = Vec::new();
    if !Frame::fits(metrics.len(), data.items().count(), data.place(), problems) {
        return rows;
    }
    for item in data.items() {
        if !item.is_object() {
            item.expected("an object, a field per column", problems);
            continue;
        }
        let mut groups = Vec::new();
        for attribute in attributes {
            match item.get(attribute).and_then(|group| group.name()) {
                Some(group) => groups.push(group),
                None => problems.add_at(
                    item.place(),
                    Problem::new("no_group", format!("the row has no group of `{attribute}`"))
                        .expected("a group's name"),
                ),
            }
        }
        let cells = metrics.iter().map(|metric| field_cell(&item, metric, problems)).collect();
        if groups.len() == attributes.len() {
            rows.push(Row { groups, place: item.place(), cells });
        }
    }
    rows
}

/// The cell of a field: what is not there is what pandas writes as null.
fn field_cell(row: &Spot, field: &str, problems: &mut Problems) -> (Option<Reported>, Place) {
    match row.get(field) {
        Some(cell) => (cell.reported(problems), cell.place()),
        None => (Some(Reported::None("reported as null".to_owned())), row.place()),
    }
}

/// `orient="split"`: the groups' names are there, those of the attributes are not.
fn split(root: &Spot, harvest: &mut Harvest, problems: &mut Problems) -> Option<Frame> {
    let Some(index) = root.get("index").filter(Spot::is_list) else {
        lost(root, problems);
        return None;
    };
    let columns = root.list("columns", problems)?;
    let data = root.list("data", problems)?;
    let mut metrics = Vec::new();
    for column in columns.items() {
        match column.name() {
            Some(name) => metrics.push(name),
            None => column.expected("a metric's name", problems),
        }
    }
    if !Frame::fits(metrics.len(), data.items().count(), data.place(), problems) {
        return None;
    }
    let labels: Vec<Vec<String>> = index.items().map(|label| groups_of(&label)).collect();
    let rows: Vec<Spot> = data.items().collect();
    if labels.len() != rows.len() {
        problems.add_at(
            index.place(),
            Problem::new("ragged_index", format!("there are {} labels", labels.len()))
                .expected(format!("{}, one per row of `data`", rows.len())),
        );
        return None;
    }
    if labels.iter().all(|label| matches!(label.as_slice(), [one] if one.parse::<u64>().is_ok())) {
        lost(root, problems);
        return None;
    }
    let mut read = Vec::new();
    for (row, groups) in rows.into_iter().zip(labels) {
        let cells: Vec<_> =
            row.items().map(|cell| (cell.reported(problems), cell.place())).collect();
        if cells.len() == metrics.len() {
            read.push(Row { groups, place: row.place(), cells });
        } else {
            problems.add_at(
                row.place(),
                Problem::new("ragged_row", format!("the row has {} cells", cells.len()))
                    .expected(format!("{}, one per column", metrics.len())),
            );
        }
    }
    Some(nameless(metrics, read, harvest, problems))
}

/// A label of `split`: a group, or a list of one per attribute.
fn groups_of(label: &Spot) -> Vec<String> {
    if label.is_list() {
        label.items().map(|part| part.name().unwrap_or_default()).collect()
    } else {
        label.name().map(|name| tuple(&name)).unwrap_or_default()
    }
}

/// `orient="records"`: groups are there only if the index was made columns first.
fn records(root: &Spot, problems: &mut Problems) -> Option<Frame> {
    let Some(first) = root.items().next() else {
        problems.add(
            Problem::new("no_estimates", "the list is empty")
                .at_pointer("")
                .expected("an object per group"),
        );
        return None;
    };
    if !first.is_object() {
        // `orient="values"` has neither labels nor names.
        lost(root, problems);
        return None;
    }
    let columns: Vec<(String, Spot)> =
        first.fields().map(|(name, cell)| (name.to_owned(), cell)).collect();
    let is_metric = |(i, (name, cell)): (usize, &(String, Spot))| {
        measure::is_known(name)
            || (i > 0 && cell.is_number() && cell.number().is_none_or(|it| it.fract() != 0.0))
    };
    let first_metric = columns.iter().enumerate().position(is_metric).unwrap_or(columns.len());
    if first_metric == 0 {
        lost(root, problems);
        return None;
    }
    let names: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
    let (attributes, metrics) = names.split_at(first_metric);
    let rows = rows_of_objects(root, attributes, metrics, problems);
    let (attributes, metrics) = (attributes.to_vec(), metrics.to_vec());
    Some(Frame { attributes, metrics, rows, overall: false })
}

/// The default, `orient="columns"`, and `orient="index"`: objects of objects.
fn nested_objects(root: &Spot, harvest: &mut Harvest, problems: &mut Problems) -> Option<Frame> {
    let outer = root.fields().any(|(name, _)| measure::is_known(name));
    let inner =
        root.fields().any(|(_, spot)| spot.fields().any(|(name, _)| measure::is_known(name)));
    if outer == inner {
        problems.add(
            Problem::new("unclear_orientation", "nothing tells metrics from groups")
                .at_pointer("")
                .expected("`to_json(orient=\"table\")`, or CSV"),
        );
        return None;
    }
    let mut metrics: Vec<String> = Vec::new();
    let mut labels: Vec<String> = Vec::new();
    let mut positions: BTreeMap<(bool, String), usize> = BTreeMap::new();
    let mut cells: BTreeMap<(usize, usize), (Option<Reported>, Place)> = BTreeMap::new();
    let mut position = |is_metric: bool, name: &str, list: &mut Vec<String>| {
        *positions.entry((is_metric, name.to_owned())).or_insert_with(|| {
            list.push(name.to_owned());
            list.len() - 1
        })
    };
    for (a, spot) in root.fields() {
        if !spot.is_object() {
            spot.expected("an object", problems);
            continue;
        }
        for (b, cell) in spot.fields() {
            let (metric, label) = if outer { (a, b) } else { (b, a) };
            let metric = position(true, metric, &mut metrics);
            let label = position(false, label, &mut labels);
            cells.insert((label, metric), (cell.reported(problems), cell.place()));
        }
    }
    let mut rows = Vec::new();
    if !Frame::fits(metrics.len(), labels.len(), root.place(), problems) {
        return None;
    }
    for (i, label) in labels.iter().enumerate() {
        let missing = || (Some(Reported::None("not reported".to_owned())), root.place());
        let cells: Vec<_> =
            (0..metrics.len()).map(|m| cells.remove(&(i, m)).unwrap_or_else(missing)).collect();
        let place = cells.first().map_or_else(|| root.place(), |(_, place)| place.clone());
        rows.push(Row { groups: tuple(label), place, cells });
    }
    if labels.iter().all(|label| label.parse::<u64>().is_ok()) {
        lost(root, problems);
        return None;
    }
    Some(nameless(metrics, rows, harvest, problems))
}

/// One value per key: `overall`, or the groups of a frame with one metric, whose name is lost.
fn series(root: &Spot, problems: &mut Problems) -> Option<Frame> {
    let known = root.fields().filter(|(name, _)| measure::is_known(name)).count();
    if known == 0 {
        problems.add(
            Problem::new("metric_lost", "one value per group, and no name of the metric")
                .at_pointer("")
                .expected(
                    "a frame: give `MetricFrame` a dictionary of metrics, or write \
                     `by_group.to_frame().to_json(orient=\"table\")`",
                ),
        );
        return None;
    }
    let (mut metrics, mut cells) = (Vec::new(), Vec::new());
    for (name, cell) in root.fields() {
        metrics.push(name.to_owned());
        cells.push((cell.reported(problems), cell.place()));
    }
    let row = Row { groups: Vec::new(), place: root.place(), cells };
    Some(Frame { attributes: Vec::new(), metrics, rows: vec![row], overall: true })
}

/// A frame whose attributes have no names: they get those by which Fairlearn calls features that
/// came without one.
fn nameless(
    metrics: Vec<String>,
    rows: Vec<Row>,
    harvest: &mut Harvest,
    problems: &mut Problems,
) -> Frame {
    let width = rows.first().map_or(0, |row| row.groups.len());
    for row in rows.iter().filter(|row| row.groups.len() != width || width == 0) {
        problems.add_at(
            row.place.clone(),
            Problem::new("ragged_label", format!("the label has {} parts", row.groups.len()))
                .expected(format!("{width}, as the first one has")),
        );
    }
    let attributes: Vec<String> = (0..width).map(|i| format!("sensitive_feature_{i}")).collect();
    harvest.amend(format!(
        "this orientation has no names of attributes, and Fairlearn's own for features without one \
         are taken: {}; `orient=\"table\"` and CSV keep the names",
        attributes.join(", ")
    ));
    Frame { attributes, metrics, rows, overall: false }
}

/// Tells that groups have no names, and what to do.
fn lost(root: &Spot, problems: &mut Problems) {
    problems.add_at(
        root.place(),
        Problem::new("labels_lost", "nothing says which group a row is").expected(KEEP_LABELS),
    );
}

/// The parts of a label that pandas wrote as Python would: `('F', '30+')`.
pub(super) fn tuple(label: &str) -> Vec<String> {
    let Some(inside) = label.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) else {
        return vec![label.to_owned()];
    };
    parts(inside).unwrap_or_else(|| vec![label.to_owned()])
}

fn parts(inside: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = inside.trim_start();
    while !rest.is_empty() {
        let (part, after) = match rest.chars().next()? {
            quote @ ('\'' | '"') => quoted_part(&rest[1..], quote)?,
            _ => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        parts.push(part);
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    (parts.len() > 1).then_some(parts)
}

/// A text up to its closing quote, with Python's escapes, and what comes after.
fn quoted_part(text: &str, quote: char) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next()?.1 {
                'n' => part.push('\n'),
                't' => part.push('\t'),
                'r' => part.push('\r'),
                'x' => {
                    let code = [chars.next()?.1, chars.next()?.1];
                    let code = u32::from_str_radix(&code.iter().collect::<String>(), 16).ok()?;
                    part.push(char::from_u32(code)?);
                }
                other => part.push(other),
            },
            c if c == quote => return Some((part, &text[at + c.len_utf8()..])),
            c => part.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::tuple;

    #[test]
    fn a_label_is_read_as_python_writes_tuples() {
        assert_eq!(tuple("('F', '30+')"), ["F", "30+"]);
        assert_eq!(tuple(r#"("O'Neill", 'a, b', 3, None)"#), ["O'Neill", "a, b", "3", "None"]);
        assert_eq!(tuple(r"('it\'s', 'a\\b')"), ["it's", r"a\b"]);
        assert_eq!(tuple("(25, 34)"), ["25", "34"]);
        for plain in ["Female", "(unknown)", "('half", "('a' 'b')", "()", ""] {
            assert_eq!(tuple(plain), [plain]);
        }
    }
}
