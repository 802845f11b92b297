//! What screens share: the frame, form parts, headers, tables and how a number is written.

pub mod conflict;
pub mod estimate;
pub mod form;
pub mod link;
pub mod list;
pub mod mark;
pub mod moved;
pub use crate::number;
pub mod page_header;
pub mod prose;
pub mod rules;
pub mod sentence;
pub mod shell;

pub use conflict::{Conflict, ConflictView};
pub use estimate::{EstimateCell, EstimateText, Heat, HeatSide, Shown};
pub use form::{
    CheckBox, CheckList, FieldKind, Form, Select, Submit, SubmitKind, TextArea, TextField,
};
pub use link::Link;
pub use list::{FilterBar, Pages, Scroll, SortHeader, Sorted};
pub use mark::{Badge, BadgeKind, Digest, Moment, Time, Verdict, VerdictKind};
pub use moved::MovedTable;
pub use page_header::{EmptyState, Lede, PageHeader, Panel};
pub use prose::Prose;
pub use rules::{ReadinessPanel, ReadinessView, RuleTable};
pub use sentence::Sentence;
pub use shell::{Crumb, Frame, Notice, NoticeKind, Section, Viewer, document, fragment};
