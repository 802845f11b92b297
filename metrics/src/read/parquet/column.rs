//! The columns of a row group, from Arrow arrays to classes, numbers and groups.

use crate::read::Ids;
use crate::read::asked::{self, Role, too_many_classes};
use crate::read::cell::{self, Classes};
use crate::read::draft::{Group, Groups, group_problem, too_many_groups};
use crate::read::problems::Problems;
use crate::spec::Missing;
use crate::{Problem, Spec};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use std::fmt::Write;

/// What a column is read as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Label,
    Prediction,
    Score,
    Weight,
    Id,
    Attribute,
    /// What a task other than binary classification asks for.
    Asked(Role),
}

/// A column of a row group.
pub(super) struct Column {
    pub kind: Kind,
    pub values: Values,
    pub problems: Problems,
    pub classes: Classes,
}

pub(super) enum Values {
    Classes(Vec<u8>),
    Numbers(Vec<f64>),
    Ids(Vec<u128>),
    Groups(Groups),
    Asked(asked::Values),
}

/// The code of a row whose attribute is empty and that is dropped for it.
pub(super) const DROPPED: u16 = u16::MAX;

/// Whether a column of this type can be read as that.
pub(super) fn readable(kind: Kind, data_type: &DataType) -> bool {
    let number =
        data_type.is_integer() || matches!(data_type, DataType::Float32 | DataType::Float64);
    let text = matches!(data_type, DataType::Utf8 | DataType::Binary);
    match kind {
        Kind::Score | Kind::Weight => number || text,
        Kind::Label | Kind::Prediction | Kind::Id | Kind::Attribute | Kind::Asked(_) => {
            number || text || *data_type == DataType::Boolean
        }
    }
}

impl Column {
    pub fn new(kind: Kind, missing: Missing) -> Self {
        let values = match kind {
            Kind::Label | Kind::Prediction => Values::Classes(Vec::new()),
            Kind::Score | Kind::Weight => Values::Numbers(Vec::new()),
            Kind::Id => Values::Ids(Vec::new()),
            Kind::Attribute => Values::Groups(Groups::new(missing)),
            Kind::Asked(role) => Values::Asked(role.column()),
        };
        Self { kind, values, problems: Problems::default(), classes: Classes::default() }
    }

    /// Adds a batch whose first row is the `before`th of its row group.
    pub fn add(
        &mut self,
        array: &ArrayRef,
        name: &str,
        before: u64,
        spec: &Spec,
        ids: Option<&Ids>,
    ) {
        let line = |row: usize| before + row as u64 + 1;
        let Self { kind, values, problems, classes } = self;
        match values {
            Values::Classes(values) => {
                let positive = spec.positive.as_deref();
                if positive.is_none() && !matches!(array.data_type(), DataType::Boolean) {
                    let mut plain = |row, value: Option<f64>| {
                        let class = match value {
                            Some(0.0) => 0,
                            Some(1.0) => 1,
                            other => {
                                problems.push(|| not_binary(other, name, line(row)));
                                0
                            }
                        };
                        values.push(class);
                    };
                    if numbers(array, &mut plain) {
                        return;
                    }
                }
                texts(array, &mut |row, text| {
                    let class = text.filter(|text| !text.is_empty()).and_then(|text| match kind {
                        Kind::Label => classes.label(text, positive),
                        _ => classes.prediction(text, positive),
                    });
                    if class.is_none() {
                        problems.push(|| {
                            crate::read::csv::not_binary(text.unwrap_or_default(), name, line(row))
                        });
                    }
                    values.push(class.unwrap_or(0));
                });
            }
            Values::Numbers(values) => {
                let check = if *kind == Kind::Score { cell::score } else { cell::weight };
                let mut take = |row: usize, value: Option<f64>| {
                    let wrong = match value.map(check) {
                        Some(Ok(value)) => return values.push(value),
                        Some(Err(wrong)) => wrong,
                        None => ("not_a_number", format!("`{name}` is empty")),
                    };
                    problems.push(|| crate::read::csv::bad_measure(wrong, name, line(row)));
                    values.push(0.0);
                };
                if !numbers(array, &mut take) {
                    texts(array, &mut |row, text| {
                        let text = text.unwrap_or_default();
                        match cell::number(text) {
                            Some(value) => take(row, Some(value)),
                            None => take(row, None),
                        }
                    });
                }
            }
            Values::Ids(values) => texts(array, &mut |_, text| {
                values.extend(ids.map(|ids| ids.hash(text.unwrap_or_default())));
            }),
            Values::Groups(groups) => add_groups(groups, problems, array, name, before, spec),
            Values::Asked(values) => {
                if let Kind::Asked(role) = *kind {
                    add_asked(values, role, problems, array, name, before);
                }
            }
        }
    }
}

fn add_asked(
    values: &mut asked::Values,
    role: Role,
    problems: &mut Problems,
    array: &ArrayRef,
    name: &str,
    before: u64,
) {
    let mut check = |row: usize, result: Result<(), asked::Wrong>| {
        if let Err(wrong) = result {
            problems.push(|| asked::problem(wrong, name, before + row as u64 + 1));
        }
    };
    let is_numbers = matches!(values, asked::Values::Numbers(_));
    let done = is_numbers
        && numbers(array, &mut |row, number| {
            if let Some(result) = values.push_number(role, number) {
                check(row, result);
            }
        });
    if !done {
        texts(array, &mut |row, text| {
            check(row, values.push_text(role, text.unwrap_or_default()));
        });
    }
    if matches!(values, asked::Values::Names(names) if names.too_many(role)) {
        problems.fatal(too_many_classes(name));
    }
}

fn not_binary(value: Option<f64>, name: &str, line: u64) -> Problem {
    let text = value.map(|value| value.to_string()).unwrap_or_default();
    crate::read::csv::not_binary(text.as_bytes(), name, line)
}

fn add_groups(
    groups: &mut Groups,
    problems: &mut Problems,
    array: &ArrayRef,
    name: &str,
    before: u64,
    spec: &Spec,
) {
    let mut code = |group: Group, row: usize| match group {
        Group::Code(code) => code,
        Group::Missing if spec.missing == Missing::Drop => DROPPED,
        Group::TooMany => {
            problems.fatal(too_many_groups(name));
            0
        }
        other => {
            problems.push(|| group_problem(other, name, before + row as u64 + 1));
            0
        }
    };
    if let Some(coded) = array.as_any_dictionary_opt() {
        let mut known = Vec::with_capacity(coded.values().len());
        texts(coded.values(), &mut |_, text| {
            known.push(groups.look_up(text.unwrap_or_default()));
        });
        let empty = array.is_nullable().then(|| groups.look_up(b""));
        for (row, key) in coded.normalized_keys().into_iter().enumerate() {
            let group = match empty {
                Some(empty) if array.is_null(row) => empty,
                _ => known.get(key).copied().unwrap_or(Group::NotText),
            };
            groups.codes.push(code(group, row));
        }
    } else {
        texts(array, &mut |row, text| {
            let group = groups.look_up(text.unwrap_or_default());
            groups.codes.push(code(group, row));
        });
    }
}

#[expect(clippy::cast_lossless, reason = "one macro serves types that fit and types that do not")]
/// Calls `each` with every row's number; `false` when the array holds no numbers.
fn numbers(array: &ArrayRef, each: &mut dyn FnMut(usize, Option<f64>)) -> bool {
    macro_rules! walk {
        ($kind:ty) => {
            for (row, value) in array.as_primitive::<$kind>().iter().enumerate() {
                each(row, value.map(|value| value as f64));
            }
        };
    }
    match array.data_type() {
        DataType::Int8 => walk!(Int8Type),
        DataType::Int16 => walk!(Int16Type),
        DataType::Int32 => walk!(Int32Type),
        DataType::Int64 => walk!(Int64Type),
        DataType::UInt8 => walk!(UInt8Type),
        DataType::UInt16 => walk!(UInt16Type),
        DataType::UInt32 => walk!(UInt32Type),
        DataType::UInt64 => walk!(UInt64Type),
        DataType::Float32 => walk!(Float32Type),
        DataType::Float64 => walk!(Float64Type),
        _ => return false,
    }
    true
}

/// Calls `each` with every row as text; numbers as they are written shortest, NaN as nothing.
fn texts(array: &ArrayRef, each: &mut dyn FnMut(usize, Option<&[u8]>)) {
    macro_rules! walk {
        ($kind:ty) => {{
            let mut text = String::new();
            for (row, value) in array.as_primitive::<$kind>().iter().enumerate() {
                text.clear();
                let written = value.is_some_and(|value| write!(text, "{value}").is_ok());
                each(row, (written && text != "NaN").then_some(text.as_bytes()));
            }
        }};
    }
    match array.data_type() {
        DataType::Boolean => {
            for (row, value) in array.as_boolean().iter().enumerate() {
                let text: Option<&[u8]> =
                    value.map(|value| if value { &b"true"[..] } else { &b"false"[..] });
                each(row, text);
            }
        }
        DataType::Utf8 => {
            for (row, value) in array.as_string::<i32>().iter().enumerate() {
                each(row, value.map(str::as_bytes));
            }
        }
        DataType::Binary => {
            for (row, value) in array.as_binary::<i32>().iter().enumerate() {
                each(row, value);
            }
        }
        DataType::Dictionary(_, _) => {
            if let Some(coded) = array.as_any_dictionary_opt() {
                let mut known: Vec<Option<Vec<u8>>> = Vec::new();
                texts(coded.values(), &mut |_, text| known.push(text.map(<[u8]>::to_vec)));
                for (row, key) in coded.normalized_keys().into_iter().enumerate() {
                    let text = known.get(key).and_then(Option::as_deref);
                    each(row, text.filter(|_| !array.is_null(row)));
                }
            }
        }
        DataType::Int8 => walk!(Int8Type),
        DataType::Int16 => walk!(Int16Type),
        DataType::Int32 => walk!(Int32Type),
        DataType::Int64 => walk!(Int64Type),
        DataType::UInt8 => walk!(UInt8Type),
        DataType::UInt16 => walk!(UInt16Type),
        DataType::UInt32 => walk!(UInt32Type),
        DataType::UInt64 => walk!(UInt64Type),
        DataType::Float32 => walk!(Float32Type),
        DataType::Float64 => walk!(Float64Type),
        // `readable` lets no other type pass.
        _ => {}
    }
}
