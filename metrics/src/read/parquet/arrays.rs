//! From Arrow arrays to cells.

use crate::read::column::{Column, Values};
use crate::read::draft::Group;
use crate::read::request::{Kind, Range};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::DataType;
use std::fmt::Display;

/// Whether a column of this type can be read as that.
pub(super) fn readable(kind: Kind, data_type: &DataType) -> bool {
    let number =
        data_type.is_integer() || matches!(data_type, DataType::Float32 | DataType::Float64);
    let text = matches!(data_type, DataType::Utf8 | DataType::Binary);
    let truth = *data_type == DataType::Boolean && !matches!(kind, Kind::Number(_));
    number || text || truth
}

/// Adds a batch whose first row is the `before`th of its part.
pub(super) fn add(column: &mut Column, array: &ArrayRef, before: u64) {
    macro_rules! numbers {
        ($kind:ty, $as_number:expr) => {
            add_numbers(column, array.as_primitive::<$kind>(), before, $as_number)
        };
    }
    match array.data_type() {
        DataType::Boolean => {
            for (line, truth) in (before + 1..).zip(array.as_boolean().iter()) {
                match truth {
                    Some(truth) => column.truth(truth, line),
                    None => column.empty(line),
                }
            }
        }
        DataType::Utf8 => {
            for (line, text) in (before + 1..).zip(array.as_string::<i32>().iter()) {
                column.text(text.unwrap_or_default().as_bytes(), line);
            }
        }
        DataType::Binary => {
            for (line, text) in (before + 1..).zip(array.as_binary::<i32>().iter()) {
                column.text(text.unwrap_or_default(), line);
            }
        }
        DataType::Dictionary(_, _) => add_coded(column, array, before),
        DataType::Int8 => numbers!(Int8Type, f64::from),
        DataType::Int16 => numbers!(Int16Type, f64::from),
        DataType::Int32 => numbers!(Int32Type, f64::from),
        DataType::Int64 => numbers!(Int64Type, |number| number as f64),
        DataType::UInt8 => numbers!(UInt8Type, f64::from),
        DataType::UInt16 => numbers!(UInt16Type, f64::from),
        DataType::UInt32 => numbers!(UInt32Type, f64::from),
        DataType::UInt64 => numbers!(UInt64Type, |number| number as f64),
        DataType::Float32 => numbers!(Float32Type, f64::from),
        DataType::Float64 => numbers!(Float64Type, |number| number),
        // `readable` lets no other type pass.
        _ => {}
    }
}

fn add_numbers<T: ArrowPrimitiveType>(
    column: &mut Column,
    array: &PrimitiveArray<T>,
    before: u64,
    as_number: impl Fn(T::Native) -> f64,
) where
    T::Native: Display,
{
    if array.null_count() == 0 && add_right_numbers(column, array, &as_number) {
        return;
    }
    for (line, number) in (before + 1..).zip(array.iter()) {
        match number {
            None => column.empty(line),
            Some(number) if column.reads_numbers() || as_number(number).is_nan() => {
                column.number(as_number(number), line);
            }
            Some(number) => column.written(&number, line),
        }
    }
}

/// Adds a batch in one go if nothing is wrong with it; `false` when something may be.
#[expect(clippy::float_cmp, reason = "0 and 1 are exact")]
fn add_right_numbers<T: ArrowPrimitiveType>(
    column: &mut Column,
    array: &PrimitiveArray<T>,
    as_number: &impl Fn(T::Native) -> f64,
) -> bool {
    let numbers = array.values().iter().map(|number| as_number(*number));
    match (&mut column.values, column.wanted.kind) {
        (Values::Classes(values), _) if column.positive.is_none() => {
            let right = numbers.clone().filter(|n| !matches!(n, 0.0 | 1.0)).count() == 0;
            if right {
                values.extend(numbers.map(|number| u8::from(number == 1.0)));
            }
            right
        }
        (Values::Numbers(values), Kind::Number(range)) => {
            let most = match range {
                Range::Unit => 1.0,
                Range::NotNegative => f64::MAX,
            };
            let right = numbers.clone().filter(|n| !(0.0..=most).contains(n)).count() == 0;
            if right {
                // -0 becomes 0.
                values.extend(numbers.map(|number| number + 0.0));
            }
            right
        }
        _ => false,
    }
}

/// Text, each row a key into a dictionary. In a column of groups each word is looked up once.
fn add_coded(column: &mut Column, array: &ArrayRef, before: u64) {
    let coded = array.as_dictionary::<Int32Type>();
    let words: Vec<&[u8]> = match coded.values().data_type() {
        DataType::Utf8 => {
            let words = coded.values().as_string::<i32>();
            words.iter().map(|word| word.unwrap_or_default().as_bytes()).collect()
        }
        _ => {
            let words = coded.values().as_binary::<i32>();
            words.iter().map(Option::unwrap_or_default).collect()
        }
    };
    let word = |key: Option<i32>| key.and_then(|key| usize::try_from(key).ok());
    let Values::Groups(groups) = &mut column.values else {
        for (line, key) in (before + 1..).zip(coded.keys().iter()) {
            let text = word(key).and_then(|key| words.get(key).copied());
            column.text(text.unwrap_or_default(), line);
        }
        return;
    };
    // A word that no row has may not become a group.
    let mut known: Vec<Option<Group>> = vec![None; words.len()];
    let mut codes = Vec::with_capacity(coded.len());
    let mut right = coded.null_count() == 0;
    if right {
        for key in coded.keys().values() {
            let key = usize::try_from(*key).unwrap_or(usize::MAX);
            let Some(known) = known.get_mut(key) else {
                right = false;
                break;
            };
            match *known.get_or_insert_with(|| groups.look_up(words[key])) {
                Group::Code(code) => codes.push(code),
                _ => {
                    right = false;
                    break;
                }
            }
        }
    }
    if right {
        groups.codes.extend(codes);
        return;
    }
    for (line, key) in (before + 1..).zip(coded.keys().iter()) {
        let text = word(key).and_then(|key| words.get(key).copied());
        column.text(text.unwrap_or_default(), line);
    }
}
