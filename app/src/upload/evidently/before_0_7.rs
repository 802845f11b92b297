//! Evidently's report up to 0.6: each metric an object of numbers for the current data, and one for
//! the reference.

use super::{Classes, OF_A_CLASS, OF_DATA, OF_TWO, Whole};
use crate::upload::estimate::agree;
use crate::upload::group;
use crate::upload::harvest::{Counted, Harvest};
use crate::upload::measure;
use crate::upload::name::quoted;
use crate::upload::problems::Problems;
use crate::upload::spot::Spot;
use metrics::Slice;
use metrics::catalogue::Key;
use metrics::counts::Counts;
use metrics::multiclass::Confusion;
use std::collections::HashSet;

const QUALITY: &str = "ClassificationQualityMetric";
const BY_CLASS: &str = "ClassificationQualityByClass";
const MATRIX: &str = "ClassificationConfusionMatrix";

/// Rates of which those of a class and those of the other are told apart.
const OF_ONE_CLASS: [&str; 3] = ["true_positive_rate", "false_positive_rate", "precision"];

pub(super) fn read(root: &Spot, slice: &Slice, harvest: &mut Harvest, problems: &mut Problems) {
    let Some(metrics) = root.list("metrics", problems) else { return };
    let matrix = metrics.items().find_map(|metric| Matrix::of(&metric));
    let summary = metrics.items().find_map(|metric| {
        metric.find(&["result", "current", "number_of_rows"]).and_then(|rows| rows.count())
    });
    let rows = matrix.as_ref().map(Matrix::rows).or(summary);
    let has = |is: fn(&Spot) -> bool| metrics.items().any(|metric| is(&metric));
    let classes = match (has(has_classes), has(has_positive)) {
        (true, _) => Classes::More,
        (false, true) => Classes::Two,
        (false, false) => Classes::Untold,
    };
    let whole = Whole::new(slice, rows, classes, harvest);
    if classes == Classes::Two {
        harvest.convention(match positive(&metrics, matrix.as_ref()) {
            Some(class) => {
                format!("the positive class is {}, whose rates the report gives", quoted(&class))
            }
            None => {
                "the file does not tell which of the two classes is the positive one".to_owned()
            }
        });
    }
    let file = File { whole, matrix };
    let mut matrices = 0;
    for metric in metrics.items() {
        match metric.get("metric").and_then(|name| name.text()) {
            Some(MATRIX) if metric.find(&["result", "current_matrix"]).is_some() => {
                matrices += 1;
                file.leave_unused(&metric, matrices, &metrics, harvest);
            }
            Some(name) => file.metric(name, &metric, harvest, problems),
            None => metric.expected("an object with a metric's name as `metric`", problems),
        }
    }
}

/// Whether a metric tells of more classes than two. Of two, there are rates of the positive one.
fn has_classes(metric: &Spot) -> bool {
    let current = |field: &str| metric.find(&["result", "current", field]);
    match metric.get("metric").and_then(|name| name.text()) {
        Some(QUALITY) => current("recall").is_some() && current("tpr").is_none(),
        Some(BY_CLASS) => current("metrics").is_some_and(|classes| classes.fields().count() > 2),
        Some(MATRIX) => Matrix::of(metric).is_some_and(|matrix| matrix.labels.len() > 2),
        _ => false,
    }
}

/// Whether a metric is of two classes, one of them the positive.
fn has_positive(metric: &Spot) -> bool {
    let current = |field: &str| metric.find(&["result", "current", field]);
    let classes = current("metrics").map(|classes| classes.fields().count());
    current("tpr").is_some() || classes.is_some_and(|classes| classes == 2)
}

/// The class whose rates the single numbers are, by the confusion matrix or else by the numbers of
/// each class; `None` where they fit both classes, or none.
fn positive(metrics: &Spot, matrix: Option<&Matrix>) -> Option<String> {
    let called = |wanted: &'static str| {
        metrics
            .items()
            .filter(move |metric| metric.get("metric").and_then(|name| name.text()) == Some(wanted))
    };
    called(QUALITY).find_map(|metric| {
        let numbers = metric.find(&["result", "current"])?;
        let all = told(QUALITY, &numbers);
        // Where none of its rates is there, any class fits.
        let is_of_class = all.iter().any(|told| OF_ONE_CLASS.contains(&told.key.as_str()));
        let matrix = matrix.filter(|matrix| is_of_class && matrix.is_of(&numbers));
        let by_matrix =
            matrix.and_then(|matrix| Some(matrix.labels[matrix.positive(&all)?].clone()));
        by_matrix.or_else(|| {
            let of_class = |metric: Spot| {
                let classes = metric.find(&["result", "current", "metrics"])?;
                class_of(&numbers, &classes)
            };
            called(BY_CLASS).find_map(of_class)
        })
    })
}

/// The one of some classes whose precision, recall and F1 these are.
fn class_of(numbers: &Spot, classes: &Spot) -> Option<String> {
    let mut fitting = classes.fields().filter(|(_, class)| {
        let both = |field: &str| {
            let [a, b] = [numbers, class].map(|of| of.get(field)?.number());
            a.zip(b)
        };
        let compared: Vec<(f64, f64)> =
            ["precision", "recall", "f1"].into_iter().filter_map(both).collect();
        !compared.is_empty() && compared.iter().all(|(a, b)| (a - b).abs() <= 1e-9)
    });
    let (only, _) = fitting.next()?;
    fitting.next().is_none().then(|| only.to_owned())
}

/// Numbers of rows by label and predicted label.
struct Matrix {
    labels: Vec<String>,
    cells: Vec<Vec<u64>>,
}

impl Matrix {
    fn of(metric: &Spot) -> Option<Self> {
        let current = metric.find(&["result", "current_matrix"])?;
        let labels: Vec<String> =
            current.get("labels")?.items().map(|label| label.name()).collect::<Option<_>>()?;
        let row = |row: Spot| row.items().map(|cell| cell.count()).collect::<Option<Vec<_>>>();
        let cells: Vec<Vec<u64>> =
            current.get("values")?.items().map(row).collect::<Option<_>>()?;
        let is_square =
            cells.len() == labels.len() && cells.iter().all(|it| it.len() == labels.len());
        let total = cells.iter().flatten().try_fold(0u64, |sum, rows| sum.checked_add(*rows))?;
        let are_told = labels.iter().collect::<HashSet<_>>().len() == labels.len();
        let holds = is_square && are_told && u16::try_from(labels.len()).is_ok() && total < 1 << 53;
        holds.then_some(Self { labels, cells })
    }

    fn rows(&self) -> u64 {
        self.cells.iter().flatten().sum()
    }

    fn confusion(&self) -> Confusion {
        let places = |len: usize| (0..len).filter_map(|place| u16::try_from(place).ok());
        let cells = places(self.labels.len()).flat_map(|label| {
            let row = &self.cells[usize::from(label)];
            places(row.len()).map(move |it| ((label, it), row[usize::from(it)]))
        });
        Confusion::of_rows(cells)
    }

    /// The rows of a class: predicted rightly, all of its label, all predicted as it.
    fn of_class(&self, at: usize) -> [u64; 3] {
        let predicted = self.cells.iter().map(|row| row[at]).sum();
        [self.cells[at][at], self.cells[at].iter().sum(), predicted]
    }

    /// Whether it has the accuracy of some numbers.
    fn is_of(&self, numbers: &Spot) -> bool {
        let accuracy = numbers.get("accuracy").and_then(|value| value.number());
        accuracy.is_none_or(|it| is_share(it, self.accuracy()))
    }

    /// The share of the rows whose label was predicted.
    fn accuracy(&self) -> f64 {
        let right = (0..self.labels.len()).map(|at| self.cells[at][at]).sum();
        share(right, self.rows())
    }

    /// Whether a class is in the matrix, with this recall and precision.
    fn has(&self, class: &str, numbers: &Spot) -> bool {
        let Some(at) = self.labels.iter().position(|label| label == class) else { return false };
        let [right, labelled, predicted] = self.of_class(at);
        let is = |field: &str, exact| {
            numbers.get(field).and_then(|it| it.number()).is_none_or(|it| is_share(it, exact))
        };
        is("recall", share(right, labelled)) && is("precision", share(right, predicted))
    }

    /// The counts of a class against the rest.
    fn counts(&self, at: usize) -> Counts {
        let [right, labelled, predicted] = self.of_class(at);
        let (missed, wrong) = (labelled - right, predicted - right);
        Counts::of_confusion(right, wrong, missed, self.rows() - labelled - wrong)
    }

    /// The place of the class whose rates are those that were reported, where there is one such.
    fn positive(&self, told: &[Told]) -> Option<usize> {
        let mut fitting = (0..self.labels.len()).filter(|at| {
            let [right, labelled, predicted] = self.of_class(*at);
            let wrong = predicted - right;
            let rest = self.rows() - labelled - wrong;
            let exact =
                [share(right, labelled), share(wrong, wrong + rest), share(right, predicted)];
            OF_ONE_CLASS.iter().zip(exact).all(|(key, exact)| {
                told.iter()
                    .filter(|told| told.key == *key)
                    .filter_map(|told| told.value.number())
                    .all(|reported| is_share(reported, exact))
            })
        });
        let only = fitting.next();
        only.filter(|_| fitting.next().is_none())
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// Whether a reported rate is that of counts; of none, anything is reported.
fn is_share(reported: f64, exact: f64) -> bool {
    exact.is_nan() || agree(reported, exact)
}

/// A number as the file calls it.
struct Told<'n> {
    original: String,
    key: String,
    value: Spot<'n>,
}

impl Told<'_> {
    fn counted(&self) -> Counted<'_> {
        let Self { original, key, value } = self;
        let value_or_nan = Some(value.number().unwrap_or(f64::NAN));
        Counted { original, key, value: value_or_nan, place: value.place() }
    }
}

/// The numbers of a metric that the catalogue knows.
fn told<'n>(name: &str, current: &Spot<'n>) -> Vec<Told<'n>> {
    let is_one = |value: &Spot| !value.is_null() && !value.is_object() && !value.is_list();
    current
        .fields()
        .filter(|(_, value)| is_one(value))
        .filter_map(|(field, value)| {
            let key = measure::key_of(field)?.to_owned();
            Some(Told { original: format!("{name}.{field}"), key, value })
        })
        .collect()
}

struct File<'s> {
    whole: Whole<'s>,
    matrix: Option<Matrix>,
}

impl File<'_> {
    /// Says of a confusion matrix why nothing is read from it, where nothing is.
    fn leave_unused(&self, metric: &Spot, nth: usize, all: &Spot, harvest: &mut Harvest) {
        let asks = |metric: &Spot| {
            let name = metric.get("metric").and_then(|name| name.text());
            matches!(name, Some(QUALITY | BY_CLASS))
        };
        let why = if nth > 1 {
            "the first confusion matrix is the one that counts"
        } else if self.matrix.is_none() {
            "a row for each label, a column for each, and whole numbers of rows should stand here"
        } else if !all.items().any(|metric| asks(&metric)) {
            "no metric beside it says what to take from it: add `ClassificationQualityMetric`"
        } else {
            return;
        };
        harvest.leave(metric.place(), MATRIX, why);
    }

    /// Says that a matrix is not that of some numbers.
    fn amend_unlike(&self, what: &str, harvest: &mut Harvest) {
        if self.matrix.is_some() {
            harvest.amend(format!(
                "the confusion matrix does not give the numbers of {what}, which stay as reported, \
                 without n"
            ));
        }
    }

    fn metric(&self, name: &str, metric: &Spot, harvest: &mut Harvest, problems: &mut Problems) {
        let result = |field: &str| metric.find(&["result", field]);
        if let Some(reference) = result("reference").or_else(|| result("reference_matrix")) {
            let why = "values of the reference data, which is another dataset";
            harvest.leave(reference.place(), name, why);
        }
        let Some(current) = result("current").filter(Spot::is_object) else {
            let why = "it has no numbers of the model on the current data";
            harvest.leave(metric.place(), name, why);
            return;
        };
        match current.get("metrics") {
            Some(classes) if name == BY_CLASS => self.classes(&classes, harvest, problems),
            _ => self.numbers(name, &current, harvest, problems),
        }
    }

    /// One number each, of the positive class or a mean over the classes.
    fn numbers(&self, name: &str, current: &Spot, harvest: &mut Harvest, problems: &mut Problems) {
        if !current.fields().any(|(field, _)| measure::key_of(field).is_some()) {
            harvest.leave(current.place(), name, OF_DATA);
            return;
        }
        let mut all = told(name, current);
        for (field, value) in current.fields().filter(|(_, value)| !value.is_null()) {
            if measure::key_of(field).is_none() || value.is_object() || value.is_list() {
                let why = "no metric that Evenhand knows by this name";
                harvest.leave(value.place(), &format!("{name}.{field}"), why);
            }
        }
        let matrix = self.matrix.as_ref().filter(|it| name == QUALITY && it.is_of(current));
        if name == QUALITY && matrix.is_none() {
            self.amend_unlike(name, harvest);
        }
        if self.whole.classes != Classes::Two {
            all.retain_mut(|told| match self.whole.key(&told.key, harvest, &told.value) {
                Some(key) => {
                    told.key = key;
                    true
                }
                None => false,
            });
            let (means, others): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|it| matrix.is_some() && it.key.starts_with("macro_"));
            self.add_classes(matrix, &means, harvest, problems);
            self.add_reported(&others, harvest, problems);
            return;
        }
        let counts = matrix.and_then(|matrix| Some(matrix.counts(matrix.positive(&all)?)));
        if matrix.is_some() && counts.is_none() {
            self.amend_unlike(name, harvest);
        }
        let is_made =
            |it: &Told| counts.is_some() && it.key != "count" && group::is_of_confusion(&it.key);
        let (made, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_made);
        if let Some(counts) = &counts {
            let made: Vec<Counted> = made.iter().map(Told::counted).collect();
            harvest.add_counted(self.whole.slice, counts, None, &made, problems);
        }
        self.add_reported(&others, harvest, problems);
    }

    /// Each class against the rest.
    fn classes(&self, classes: &Spot, harvest: &mut Harvest, problems: &mut Problems) {
        if self.whole.classes != Classes::More {
            harvest.leave(classes.place(), BY_CLASS, OF_TWO);
            return;
        }
        let matrix = self.matrix.as_ref();
        let matrix = matrix.filter(|it| classes.fields().all(|(name, of)| it.has(name, &of)));
        if matrix.is_none() {
            self.amend_unlike(BY_CLASS, harvest);
        }
        let mut made: Vec<Told> = Vec::new();
        for (class, numbers) in classes.fields() {
            for (field, value) in numbers.fields() {
                if field == "support" || value.is_null() {
                    continue;
                }
                let original = format!("{BY_CLASS}.{class}.{field}");
                match measure::key_of(field).and_then(|key| measure::of_class(key, class)) {
                    Some(key) => made.push(Told { original, key, value }),
                    None => harvest.leave(value.place(), &original, OF_A_CLASS),
                }
            }
        }
        let is_made =
            |it: &Told| matrix.is_some() && group::is_of_confusion(Key::parse(&it.key).base);
        let (made, others): (Vec<_>, Vec<_>) = made.into_iter().partition(is_made);
        self.add_classes(matrix, &made, harvest, problems);
        self.add_reported(&others, harvest, problems);
    }

    fn add_classes(
        &self,
        matrix: Option<&Matrix>,
        made: &[Told],
        harvest: &mut Harvest,
        problems: &mut Problems,
    ) {
        let Some(matrix) = matrix else { return };
        let made: Vec<Counted> = made.iter().map(Told::counted).collect();
        let (slice, confusion) = (self.whole.slice, matrix.confusion());
        harvest.add_classes(slice, &confusion, &matrix.labels, &made, problems);
    }

    fn add_reported(&self, all: &[Told], harvest: &mut Harvest, problems: &mut Problems) {
        for Told { original, key, value } in all {
            if let Some(reported) = value.reported(problems) {
                self.whole.place(original, key, reported, value, harvest);
            }
        }
    }
}
