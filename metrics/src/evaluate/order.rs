//! Rows in rising order of score, sorted on all cores.
//!
//! Scores lie in 0..1, so they are first put into buckets of equal width, which keep the order among
//! themselves, and then each bucket is sorted where it fits into a core's cache.

use crate::scores::Calibration;
use rayon::prelude::*;
use std::ops::Range;

/// A score's bits, which order as scores do, and what is known of its row.
pub(super) type Ordered = (u64, u32);

/// With fewer rows than this, buckets are not worth their while.
const FEW: usize = 1 << 16;
/// So many buckets, of which each has a place in the cache that its next row is written to.
const BUCKETS: usize = 1 << 12;
/// Threads that look through all scores for those of their buckets.
const MOST_PARTS: usize = 16;
/// Scores that one task counts.
const CHUNK: usize = 1 << 16;

/// Scores in 0..1, none of them -0, with the tags of their rows, in rising order. Ties are in any
/// order.
pub(super) fn by_score(scores: &[f64], tag: impl Fn(usize) -> u32 + Sync) -> Vec<Ordered> {
    let ordered = |(row, score): (usize, &f64)| (score.to_bits(), tag(row));
    if scores.len() < FEW {
        let mut rows: Vec<Ordered> = scores.iter().enumerate().map(ordered).collect();
        rows.sort_unstable_by_key(|&(score, _)| score);
        return rows;
    }
    let sizes = sizes(scores);
    let mut rows = vec![(0, 0); scores.len()];
    parts(&sizes, &mut rows).into_par_iter().for_each(|Part { buckets, rows }| {
        let sizes = &sizes[buckets.clone()];
        let mut next: Vec<usize> = sizes
            .iter()
            .scan(0, |sum, size| {
                let start = *sum;
                *sum += size;
                Some(start)
            })
            .collect();
        for (row, score) in scores.iter().enumerate() {
            let bucket = bucket(*score);
            if buckets.contains(&bucket) {
                let next = &mut next[bucket - buckets.start];
                rows[*next] = ordered((row, score));
                *next += 1;
            }
        }
        split(rows, sizes).into_par_iter().for_each(|rows| {
            // Most scores may be alike, or next to nothing.
            if rows.len() > scores.len() / MOST_PARTS {
                rows.par_sort_unstable_by_key(|&(score, _)| score);
            } else {
                rows.sort_unstable_by_key(|&(score, _)| score);
            }
        });
    });
    rows
}

fn bucket(score: f64) -> usize {
    Calibration::bin(score, BUCKETS)
}

/// Rows in each bucket.
fn sizes(scores: &[f64]) -> Vec<usize> {
    let none = || vec![0; BUCKETS];
    scores
        .par_chunks(CHUNK)
        .fold(none, |mut sizes, scores| {
            for score in scores {
                sizes[bucket(*score)] += 1;
            }
            sizes
        })
        .reduce(none, |a, b| a.iter().zip(b).map(|(a, b)| a + b).collect())
}

/// Neighbouring buckets, and the place of their rows.
struct Part<'a> {
    buckets: Range<usize>,
    rows: &'a mut [Ordered],
}

/// About as many rows for each thread.
fn parts<'a>(sizes: &[usize], mut rows: &'a mut [Ordered]) -> Vec<Part<'a>> {
    let wanted = rows.len() / rayon::current_num_threads().clamp(1, MOST_PARTS) + 1;
    let (mut parts, mut start, mut held) = (Vec::new(), 0, 0);
    for (bucket, size) in sizes.iter().enumerate() {
        held += size;
        if held >= wanted || bucket + 1 == sizes.len() {
            let (own, rest) = rows.split_at_mut(held);
            parts.push(Part { buckets: start..bucket + 1, rows: own });
            (rows, start, held) = (rest, bucket + 1, 0);
        }
    }
    parts
}

/// The rows of each bucket.
fn split<'a>(mut rows: &'a mut [Ordered], sizes: &[usize]) -> Vec<&'a mut [Ordered]> {
    sizes
        .iter()
        .map(|&size| {
            let (own, rest) = std::mem::take(&mut rows).split_at_mut(size);
            rows = rest;
            own
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn many_scores_come_in_order_each_with_its_row_however_they_are_spread() {
        let mut stream = Stream::new(1, "scores", 0);
        let mut draw = |of: &dyn Fn(f64) -> f64| -> Vec<f64> {
            (0..FEW + 7).map(|_| of(stream.uniform())).collect()
        };
        for scores in [
            draw(&|x| x),
            draw(&|x| x * 1e-9),
            draw(&|_| 0.5),
            draw(&|x| (x * 3.0).floor() / 2.0),
            draw(&|x| if x < 0.5 { 0.0 } else { 1.0 }),
        ] {
            let rows = by_score(&scores, |row| u32::try_from(row).unwrap());
            assert!(rows.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            let mut seen: Vec<u32> = rows.iter().map(|&(_, row)| row).collect();
            assert!(rows.iter().all(|&(score, row)| scores[row as usize].to_bits() == score));
            seen.sort_unstable();
            assert!(seen.iter().zip(0..).all(|(&row, place)| row == place));
        }
    }
}
