//! The upload page: choose or drop a file, check it, then make it a run.

mod preview;

pub use preview::{Preview, PreviewPanels};

use super::parts::{
    EmptyState, FieldKind, Form, PageHeader, Panel, Select, Submit, TextArea, TextField,
};
use super::problems::{Problems, ProblemsView};
use crate::domain::model::Task;
use crate::form::FieldErrors;
use crate::upload::Format;
use leptos::prelude::*;
use metrics::Problem;

/// Everything that the upload page shows.
#[derive(Clone, Debug)]
pub struct UploadView {
    pub model_name: String,
    /// What the model does; the spec is of the same.
    pub task: Task,
    pub version: String,
    /// Where the form goes.
    pub action: String,
    pub typed: Typed,
    pub errors: FieldErrors,
    pub problems: Vec<Problem>,
    pub preview: Option<Preview>,
    /// The same by command line, to copy.
    pub command: String,
}

impl UploadView {
    /// The empty form of a model that does this.
    pub fn of(task: Task) -> Self {
        Self {
            model_name: String::new(),
            task,
            version: String::new(),
            action: String::new(),
            typed: Typed::default(),
            errors: FieldErrors::default(),
            problems: Vec::new(),
            preview: None,
            command: String::new(),
        }
    }
}

/// What was typed, shown again after an attempt.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// `results` or `predictions`.
    pub kind: String,
    /// A format's name; empty: told by the content.
    pub format: String,
    pub dataset: String,
    pub evaluated_at: String,
    pub spec: String,
    /// The digest of a file that was checked and is still here.
    pub staged: String,
    pub staged_name: String,
}

/// Files of more bytes than this are read by the server only: the browser would stand still.
const MOST_READ: u32 = 32 << 20;

/// The choice of no format.
const TOLD: &str = "told by the content";

/// What a spec of the task may look like, for the first upload of a model.
pub const fn spec(task: Task) -> &'static str {
    match task {
        Task::BinaryClassification => {
            "\
task = \"binary_classification\"
label = \"label\"
score = \"score\"
prediction = \"prediction\"
slices = [\"sex\", \"race\"]
intersections = 2
"
        }
        Task::MulticlassClassification => {
            "\
task = \"multiclass_classification\"
label = \"label\"
prediction = \"prediction\"
slices = [\"sex\", \"race\"]
"
        }
        Task::Regression => {
            "\
task = \"regression\"
label = \"truth\"
prediction = \"prediction\"
slices = [\"sex\", \"race\"]
"
        }
        Task::Ranking => {
            "\
task = \"ranking\"
query = \"user_id\"
item = \"item_id\"
rank = \"rank\"
relevance = \"relevance\"
k = [5, 10, 20]
query_slices = [\"gender\"]
item_slices = [\"genre\"]
"
        }
        Task::TextGeneration => {
            "\
task = \"text_generation\"
cluster = \"prompt_id\"
refusal = \"refused\"
toxicity = \"toxicity\"
judge = \"model, prompt and rubric of the judge\"
slices = [\"group\"]
"
        }
        Task::ImageGeneration => {
            "\
task = \"image_generation\"
query = \"prompt_id\"
item_slices = [\"perceived_skin_tone\"]
k = 4
unsafe = \"unsafe\"
slices = [\"topic\"]
"
        }
    }
}

/// What the spec says, in a sentence of the form.
const fn spec_hint(task: Task) -> &'static str {
    match task {
        Task::BinaryClassification => {
            "TOML or JSON: which column is the label, the score, the prediction, and which are slices. \
             With id too, runs are compared row by row; ids are kept as keyed hashes, as long as \
             the model says."
        }
        Task::MulticlassClassification => {
            "TOML or JSON: which columns hold the true and the predicted class, and which are slices."
        }
        Task::Regression => {
            "TOML or JSON: which columns hold the true and the predicted number, and which are slices."
        }
        Task::Ranking => {
            "TOML or JSON: which columns are query, item, rank (from 1; empty if not shown) and \
             relevance, and which attributes are of queries and of items."
        }
        Task::TextGeneration => {
            "TOML or JSON: which columns hold judgements (refusal, toxicity, unsafe, stereotype, \
             sentiment, win); an empty cell is a failure of the judge and is counted."
        }
        Task::ImageGeneration => {
            "TOML or JSON: which column is the prompt, which attributes are perceived in the images, \
             and which columns hold judgements; an empty judgement is counted as a failure."
        }
    }
}

#[component]
pub fn UploadPage(view: UploadView) -> impl IntoView {
    let title = format!("Upload to {} {}", view.model_name, view.version);
    let errors = view.errors.clone();
    let typed = view.typed.clone();
    let staged = (!typed.staged.is_empty()).then(|| {
        let name = if typed.staged_name.is_empty() { "the file" } else { &typed.staged_name };
        format!("{name} was checked and is kept for an hour; choose another to replace it")
    });
    let needs_file = staged.is_none();
    let file_hint = staged.unwrap_or_else(|| {
        "Results: a run document (JSON), the long table (CSV), or what another tool wrote. \
         Predictions: CSV, Parquet or NDJSON, also compressed, or counts of them. Drop the file \
         here or choose it."
            .to_owned()
    });
    let kinds = [
        ("results", "results, already computed"),
        ("predictions", "predictions, to be evaluated here"),
    ]
    .map(|(value, words)| (value.to_owned(), words.to_owned()))
    .to_vec();
    let formats: Vec<(String, String)> = std::iter::once((String::new(), TOLD.to_owned()))
        .chain(Format::ALL.map(|format| (format.name().to_owned(), format.title().to_owned())))
        .collect();
    let hidden = vec![
        ("staged".to_owned(), typed.staged.clone()),
        ("staged_name".to_owned(), typed.staged_name.clone()),
    ];
    let preview = view.preview.map(|preview| view! { <PreviewPanels preview=preview /> });
    let known = format!("{}/around", view.action);
    view! {
        <PageHeader title=title />
        <div id="checked">
            <Problems view=ProblemsView { problems: view.problems } />
            {preview}
        </div>
        <Panel title="File">
            <Form action=view.action errors=errors.clone() hidden=hidden multipart=true>
                <TextField
                    label="File"
                    name="file"
                    kind=FieldKind::File
                    errors=errors.clone()
                    hint=file_hint
                    required=needs_file
                />
                <p id="reading" role="status" class="small"></p>
                <Select
                    label="It holds"
                    name="kind"
                    options=kinds
                    value=typed.kind
                    errors=errors.clone()
                    required=true
                />
                <Select
                    label="Format of the results"
                    name="format"
                    options=formats
                    value=typed.format
                    errors=errors.clone()
                    hint="Which one was recognised is shown when the file is chosen, or by Check only."
                />
                <TextField
                    label="Dataset"
                    name="dataset"
                    value=typed.dataset
                    errors=errors.clone()
                    hint="NAME@VERSION, such as adult-test@1994. A run document says it itself."
                />
                <TextField
                    label="Evaluated on"
                    name="evaluated_at"
                    kind=FieldKind::Date
                    value=typed.evaluated_at
                    errors=errors.clone()
                    hint="Empty: today, or what the document says."
                />
                <TextArea
                    label="Spec, for predictions"
                    name="spec"
                    value=typed.spec
                    errors=errors
                    rows=9
                    hint=spec_hint(view.task)
                />
                <Submit label="Upload" name="do" value="upload">
                    <button name="do" value="check">
                        "Check only"
                    </button>
                </Submit>
            </Form>
        </Panel>
        <div id="preview" data-around=known data-most=MOST_READ.to_string()></div>
        <script type="module" src="/assets/upload.js"></script>
        <EmptyState
            title="From a terminal or a pipeline"
            text="The same, with a token from your account page in EVENHAND_TOKEN:"
            command=view.command
        />
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spec_that_the_form_begins_with_is_one_of_its_task() {
        for task in Task::ALL {
            let parsed = metrics::Spec::parse(spec(*task)).unwrap_or_else(|p| panic!("{p:?}"));
            assert_eq!(parsed.task.as_str(), task.as_str());
        }
    }
}
