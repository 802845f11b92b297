//! What bytes are: text or not, and whose results.

use super::column::unguarded;
use super::outline::Outline;
use super::problems::Problems;
use super::table::Rows;
use super::{Format, ll144, measure};
use metrics::Problem;

pub(super) const BOM: char = '\u{feff}';

/// First bytes of files that people send by mistake: what it is, and what to do.
const MAGIC: [(&[u8], &str, &str); 18] = [
    (b"\x1f\x8b", "gzip", "the unpacked file"),
    (b"\x28\xb5\x2f\xfd", "zstd", "the unpacked file"),
    (b"\xfd7zXZ\0", "xz", "the unpacked file"),
    (b"BZh", "bzip2", "the unpacked file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "the unpacked file"),
    (
        b"PK\x03\x04",
        "a ZIP archive or an Excel workbook",
        "the unpacked file, or the sheet as CSV in UTF-8",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "the sheet saved as CSV in UTF-8"),
    (b"PAR1", "Parquet", "results; predictions in Parquet are sent with a spec"),
    (b"ARROW1", "an Arrow file", "a run document (JSON) or a long table (CSV)"),
    (b"SQLite format 3\0", "an SQLite database", "a run document (JSON) or a long table (CSV)"),
    (b"%PDF", "a PDF", "a run document (JSON) or a long table (CSV)"),
    (b"\x89PNG", "a PNG picture", "a run document (JSON) or a long table (CSV)"),
    (b"\x80\x04", "a Python pickle", "a run document (JSON) or a long table (CSV)"),
    (b"\xff\xfe", "text in UTF-16", "the file saved as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "the file saved as UTF-8"),
    (b"<!DOCTYPE", "an HTML page", "a run document (JSON) or a long table (CSV)"),
    (b"<!doctype", "an HTML page", "a run document (JSON) or a long table (CSV)"),
    (b"<html", "an HTML page", "a run document (JSON) or a long table (CSV)"),
];

/// The bytes as text, or the one problem that says what they are.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Problem> {
    for (magic, what, expected) in MAGIC {
        if bytes.starts_with(magic) {
            return Err(Problem::new("not_text", format!("this is {what}")).expected(expected));
        }
    }
    if is_tfrecord(bytes) {
        return Err(Problem::new("not_text", "this is a TFRecord file").expected(
            "JSON: in Python, `json.dump([MessageToDict(slice) for slice in \
             tfma.load_metrics(FOLDER)], file)`",
        ));
    }
    if let Some(at) = bytes.iter().position(|&byte| byte == 0) {
        return Err(Problem::new("nul", "there is a NUL byte, so this is no text file")
            .at_cell(Some(line_of(bytes, at)), None)
            .expected("text in UTF-8"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        Problem::new("not_utf8", "there are bytes that are not UTF-8")
            .at_cell(Some(line_of(bytes, error.valid_up_to())), None)
            .expected("text in UTF-8; in a spreadsheet, save as `CSV UTF-8`")
    })
}

/// Whether bytes are records of TensorFlow: the length of each in eight bytes, a checksum, the record,
/// another checksum.
fn is_tfrecord(bytes: &[u8]) -> bool {
    let length = |at: usize| -> Option<usize> {
        let head = bytes.get(at..at.checked_add(8)?)?;
        usize::try_from(u64::from_le_bytes(head.try_into().ok()?)).ok()
    };
    let next = |at: usize| at.checked_add(length(at)?)?.checked_add(16);
    match next(0) {
        Some(end) if end == bytes.len() => true,
        Some(end) if end < bytes.len() => next(end).is_some_and(|next| next <= bytes.len()),
        _ => false,
    }
}

fn line_of(bytes: &[u8], at: usize) -> u64 {
    bytes[..at].split(|&byte| byte == b'\n').count() as u64
}

/// The format that a text's content shows; `None` where it shows none, and nobody should guess.
pub(super) fn format(text: &str) -> Option<Format> {
    let text = text.trim_start_matches(BOM).trim_start();
    match text.chars().next()? {
        '{' if says_own_schema(text) => Some(Format::RunJson),
        '{' | '[' => json(&Outline::of(text)),
        _ if ["---", "model-index:", "- dataset:"].iter().any(|it| text.starts_with(it)) => {
            Some(Format::HuggingFace)
        }
        _ => Some(table(text)),
    }
}

/// Whether a document begins with its schema and that is Evenhand's: then nothing more has to be
/// looked at.
fn says_own_schema(text: &str) -> bool {
    let mut rest = text;
    ["{", "\"schema\"", ":", "\"evenhand.run/"].iter().all(|part| {
        let after = rest.trim_start().strip_prefix(part);
        rest = after.unwrap_or_default();
        after.is_some()
    })
}

/// What a text is, in words: results of a tool, or another document that people send by mistake.
pub(super) fn kind(text: &str) -> Option<&'static str> {
    if let Some(format) = format(text) {
        return Some(format.title());
    }
    let outline = Outline::of(text.trim_start_matches(BOM).trim_start());
    DOCUMENTS.iter().find(|(field, _)| outline.has(field)).map(|(_, what)| *what)
}

/// Documents about a model without results of a run.
const DOCUMENTS: [(&str, &str); 2] =
    [("model_details", "a model card"), ("bomFormat", "a CycloneDX bill of materials")];

/// Fields that together only one tool writes, and the tool; the first that are there decide.
const FIELDS: [(&[&str], Format); 29] = [
    (&["schema/fields"], Format::Fairlearn),
    (&["schema"], Format::RunJson),
    (&["estimates"], Format::RunJson),
    (&["results", "n-shot"], Format::LmEval),
    (&["results", "versions"], Format::LmEval),
    (&["results", "configs"], Format::LmEval),
    (&["status", "eval"], Format::Inspect),
    (&["[]/name/name"], Format::Helm),
    (&["pre_training_bias_metrics"], Format::Clarify),
    (&["post_training_bias_metrics"], Format::Clarify),
    (&["[]/value_or_threshold"], Format::Clarify),
    (&["gid", "testArguments"], Format::AiVerify),
    (&["metric_results"], Format::Evidently),
    (&["metrics/[]/metric_name"], Format::Evidently),
    (&["metrics/[]/config/type"], Format::Evidently),
    (&["metrics/[]/metric", "metrics/[]/result"], Format::Evidently),
    (&["run/info"], Format::Mlflow),
    (&["run/data"], Format::Mlflow),
    (&["runs/[]/info"], Format::Mlflow),
    (&["metrics/[]/key", "metrics/[]/timestamp"], Format::Mlflow),
    (&["slicingMetrics"], Format::Tfma),
    (&["slicing_metrics"], Format::Tfma),
    (&["sliceKey", "metricKeysAndValues"], Format::Tfma),
    (&["[]/metricKeysAndValues"], Format::Tfma),
    (&["model-index"], Format::HuggingFace),
    (&["_evaluate_version"], Format::HuggingFace),
    (&["[]/dataset/task_id"], Format::HuggingFace),
    (&["message", "ideal"], Format::Aif360),
    (&["[]/message", "[]/ideal"], Format::Aif360),
];

fn json(outline: &Outline) -> Option<Format> {
    let is_there = |(paths, _): &&(&[&str], Format)| paths.iter().all(|path| outline.has(path));
    let by_field = FIELDS.iter().find(is_there).map(|(_, format)| *format);
    by_field.or_else(|| by_shape(outline))
}

/// The format by how fields are nested, where none of them is a tool's own.
fn by_shape(outline: &Outline) -> Option<Format> {
    let root = || outline.under("").filter(|path| !path.contains('/'));
    if outline.has("privileged_groups") || outline.has("unprivileged_groups") {
        return Some(Format::Aif360);
    }
    let langfair = ["Toxicity", "Stereotype", "Counterfactual"];
    if langfair.iter().any(|name| outline.has(name) || outline.has(&format!("metrics/{name}"))) {
        return Some(Format::Langfair);
    }
    if outline.has("columns") && outline.has("data") {
        let labelled = outline.has("index");
        return Some(if labelled { Format::Fairlearn } else { Format::Mlflow });
    }
    if outline.is_flat() {
        return flat(&root().collect::<Vec<_>>());
    }
    if outline.is_list() {
        if outline
            .under("[]/[]")
            .any(|path| path.ends_with("/doubleValue") || path.ends_with("/boundedValue"))
        {
            return Some(Format::Tfma);
        }
        let is_frame = outline.under("[]").any(measure::is_known);
        return is_frame.then_some(Format::Fairlearn);
    }
    let depth = |path: &str| path.split('/').count();
    let last = |path: &str| path.rsplit('/').next().is_some_and(measure::is_known);
    let nested = || outline.under("").filter(|path| depth(path) == 2);
    let measures = |path: &str| path.ends_with("/value") && depth(path) == 3;
    if outline.under("").any(measures) {
        return Some(Format::Bencher);
    }
    (nested().next().is_some() && (root().any(measure::is_known) || nested().any(last)))
        .then_some(Format::Fairlearn)
}

/// Whose dictionary of numbers it is.
fn flat(names: &[&str]) -> Option<Format> {
    if names.iter().any(|name| super::aif360::is_own(name)) {
        return Some(Format::Aif360);
    }
    let has = |wanted: fn(&str) -> bool| names.iter().any(|name| wanted(name));
    if has(|name| name.starts_with("('")) || has(|name| matches!(name, "count" | "selection_rate"))
    {
        return Some(Format::Fairlearn);
    }
    has(|name| name == "example_count" || name.ends_with("_score") || name.contains('/'))
        .then_some(Format::Mlflow)
}

/// Whose table it is, by its header.
fn table(text: &str) -> Format {
    let head = Rows::of(text).next_row(&mut Problems::default());
    let names: Vec<String> = head
        .map(|head| head.cells.iter().map(|cell| unguarded(cell.trim()).into_owned()).collect())
        .unwrap_or_default();
    let has = |name: &str| names.iter().any(|other| other == name);
    if has("metric") || has("value") {
        return Format::LongCsv;
    }
    if has("attribute_name") && (has("attribute_value") || has("score_threshold")) {
        return Format::Aequitas;
    }
    if has("run_id") && names.iter().any(|name| name.starts_with("metrics.")) {
        return Format::Mlflow;
    }
    if ll144::is_header(&names) {
        return Format::Ll144;
    }
    let is_overall =
        matches!(names.as_slice(), [first, second] if first.is_empty() && second == "0");
    if is_overall || names.iter().any(|name| measure::is_known(name)) {
        return Format::Fairlearn;
    }
    Format::LongCsv
}
