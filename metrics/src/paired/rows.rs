//! The rows of a run, pruned to what a paired comparison needs.

/// The rows of a run: a hash of the id, label, prediction, score and groups; sorted by hash.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub(super) ids: Vec<u128>,
    /// Label + 2 × prediction.
    pub(super) cells: Vec<u8>,
    /// In 0..1; empty when the run has none.
    pub(super) scores: Vec<f64>,
    pub(super) attributes: Vec<Column>,
    /// The sets of attributes that the run crosses.
    pub(super) intersections: Vec<Vec<String>>,
    /// Whether the run says that some rows belong together.
    pub(super) clustered: bool,
    /// Rows that are not here, because they have no id or one that another row has too.
    pub(super) unidentified: u64,
}

/// An attribute, with the group of each row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// The attribute's name.
    pub name: String,
    /// The names of its groups.
    pub groups: Vec<String>,
    /// For each row, which of them.
    pub codes: Vec<u16>,
}

impl Rows {
    /// The rows of a table, column by column. An id of 0 is none; `cells` are label + 2 ×
    /// prediction; `scores` are in 0..1, or empty.
    ///
    /// ```
    /// use metrics::paired::Rows;
    /// let rows = Rows::new(vec![3, 0, 1, 3], vec![3, 0, 1, 2], vec![], vec![], vec![]);
    /// assert_eq!((rows.len(), rows.unidentified()), (1, 3));
    /// ```
    ///
    /// # Panics
    /// When the columns are not equally long.
    pub fn new(
        ids: Vec<u128>,
        cells: Vec<u8>,
        scores: Vec<f64>,
        attributes: Vec<Column>,
        intersections: Vec<Vec<String>>,
    ) -> Self {
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_unstable_by_key(|&row| ids[row]);
        let alone = |at: usize| {
            let id = ids[order[at]];
            let beside = [at.checked_sub(1), Some(at + 1)];
            let twice = beside
                .into_iter()
                .flatten()
                .filter_map(|other| order.get(other))
                .any(|&other| ids[other] == id);
            id != 0 && !twice
        };
        let kept: Vec<usize> =
            (0..order.len()).filter(|&at| alone(at)).map(|at| order[at]).collect();
        Self {
            unidentified: (ids.len() - kept.len()) as u64,
            ids: pick(&ids, &kept),
            cells: pick(&cells, &kept),
            scores: if scores.is_empty() { scores } else { pick(&scores, &kept) },
            attributes: attributes
                .into_iter()
                .map(|column| Column { codes: pick(&column.codes, &kept), ..column })
                .collect(),
            intersections,
            clustered: false,
        }
    }

    /// The same rows, saying whether some of them belong together.
    #[must_use]
    pub fn clustered(self, clustered: bool) -> Self {
        Self { clustered, ..self }
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Rows that are not here, because they have no id or one that another row has too.
    pub fn unidentified(&self) -> u64 {
        self.unidentified
    }

    /// The same rows under other names: `attribute` gives an attribute's name, `group` that of a
    /// group of an attribute, both from what they are called here.
    #[must_use]
    pub fn renamed(
        mut self,
        attribute: impl Fn(&str) -> String,
        group: impl Fn(&str, &str) -> String,
    ) -> Self {
        for column in &mut self.attributes {
            for name in &mut column.groups {
                *name = group(&column.name, name);
            }
            column.name = attribute(&column.name);
        }
        for name in self.intersections.iter_mut().flatten() {
            *name = attribute(name);
        }
        self
    }
}

fn pick<T: Copy>(values: &[T], rows: &[usize]) -> Vec<T> {
    rows.iter().map(|&row| values[row]).collect()
}
