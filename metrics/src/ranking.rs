//! Formulas of single rankings: quality for who searches, exposure for what is found.
//!
//! A ranking is a slice in the order of ranks, from rank 1.
//!
//! Sources: Järvelin & Kekäläinen 2002, ACM TOIS 20:422 (nDCG); Manning, Raghavan & Schütze 2008,
//! chapter 8; Geyik, Ambler & Kenthapadi 2019, KDD (NDKL); Singh & Joachims 2018, KDD (exposure);
//! Moffat & Zobel 2008, ACM TOIS 27:2 (geometric attention).

/// How visible rank `rank` is, from 1: 1/log2(rank + 1).
///
/// ```
/// assert_eq!(metrics::ranking::exposure(1), 1.0);
/// assert_eq!(metrics::ranking::exposure(3), 0.5);
/// ```
pub fn exposure(rank: usize) -> f64 {
    1.0 / libm::log2(rank as f64 + 1.0)
}

/// The chance that somebody who stops at each position with chance `stop` stops at this one.
pub fn attention(rank: usize, stop: f64) -> f64 {
    stop * libm::pow(1.0 - stop, rank as f64 - 1.0)
}

/// nDCG in the top `k`, in 0..1, with linear gain: `shown` is the relevance by rank, `ideal` that of
/// all of the query's items from the most relevant down. `None` when no item is relevant.
///
/// ```
/// use metrics::ranking::ndcg;
/// assert_eq!(ndcg(&[3.0, 2.0], &[3.0, 2.0], 10), Some(1.0));
/// assert_eq!(ndcg(&[0.0], &[0.0], 10), None);
/// ```
pub fn ndcg(shown: &[f64], ideal: &[f64], k: usize) -> Option<f64> {
    let gain = |relevance: &[f64]| -> f64 {
        relevance.iter().take(k).enumerate().map(|(i, gain)| gain * exposure(i + 1)).sum()
    };
    let best = gain(ideal);
    (best > 0.0).then(|| (gain(shown) / best).min(1.0))
}

/// The relevant items among the first `k`.
pub fn hits(relevant: &[bool], k: usize) -> usize {
    relevant.iter().take(k).filter(|relevant| **relevant).count()
}

/// Average precision in the top `k`, in 0..1: precision at each relevant position, over as many as
/// the top could hold of the query's `total` relevant items. `None` when there are none.
///
/// ```
/// use metrics::ranking::average_precision;
/// assert_eq!(average_precision(&[true, false, true], 2, 3), Some((1.0 + 2.0 / 3.0) / 2.0));
/// ```
pub fn average_precision(relevant: &[bool], total: usize, k: usize) -> Option<f64> {
    let possible = total.min(k);
    let mut found = 0_u32;
    let mut sum = 0.0;
    for (i, _) in relevant.iter().take(k).enumerate().filter(|(_, relevant)| **relevant) {
        found += 1;
        sum += f64::from(found) / (i + 1) as f64;
    }
    (possible > 0).then(|| (sum / possible as f64).min(1.0))
}

/// One over the rank of the first relevant item; 0 when none is shown.
pub fn reciprocal_rank(relevant: &[bool]) -> f64 {
    relevant.iter().position(|relevant| *relevant).map_or(0.0, |i| 1.0 / (i + 1) as f64)
}

/// How far shares are from target shares, in 0..1: half the sum of their absolute differences (total
/// variation).
///
/// ```
/// let distance = metrics::ranking::distance(&[0.6, 0.3, 0.1], &[1.0 / 3.0; 3]);
/// assert!((distance - 0.266667).abs() < 1e-6);
/// ```
pub fn distance(shares: &[f64], target: &[f64]) -> f64 {
    shares.iter().zip(target).map(|(share, target)| (share - target).abs()).sum::<f64>() / 2.0
}

/// Normalised discounted KL divergence, 0 or more, of the groups of a ranking from target shares:
/// `groups` are places in `target`, by rank. `Ok(None)` for an empty ranking.
///
/// ```
/// let divergence = metrics::ranking::ndkl(&[0, 0, 1, 0, 1, 1], &[0.5, 0.5]);
/// assert!((divergence.unwrap().unwrap() - 0.370058).abs() < 1e-6);
/// ```
///
/// # Errors
/// A group that is shown though its target share is 0, which makes the divergence infinite.
pub fn ndkl(groups: &[usize], target: &[f64]) -> Result<Option<f64>, usize> {
    let mut counts = vec![0_u32; target.len()];
    let (mut sum, mut norm) = (0.0, 0.0);
    for (i, &group) in groups.iter().enumerate() {
        match target.get(group) {
            Some(share) if *share > 0.0 => counts[group] += 1,
            _ => return Err(group),
        }
        let size = (i + 1) as f64;
        let divergence: f64 = counts
            .iter()
            .zip(target)
            .filter(|(count, _)| **count > 0)
            .map(|(&count, share)| {
                let shown = f64::from(count) / size;
                shown * libm::log(shown / share)
            })
            .sum();
        sum += divergence * exposure(i + 1);
        norm += exposure(i + 1);
    }
    // Rounding may leave a ranking on target a hair below 0.
    Ok((norm > 0.0).then(|| (sum / norm).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// a, a, b, a, b, b.
    const RANKING: [usize; 6] = [0, 0, 1, 0, 1, 1];

    fn mean(of: impl Fn(usize) -> f64, group: usize) -> f64 {
        let ranks = RANKING.iter().enumerate().filter(|(_, shown)| **shown == group);
        ranks.map(|(i, _)| of(i + 1)).sum::<f64>() / 3.0
    }

    #[test]
    fn exposure_of_two_groups_is_that_of_the_textbook_example() {
        let (a, b) = (mean(exposure, 0), mean(exposure, 1));
        assert!((a - 0.687_202).abs() < 1e-6 && (b - 0.414_353).abs() < 1e-6);
        assert!((b / a - 0.602_957).abs() < 1e-6);
        let geometric = |rank| attention(rank, 0.5);
        let (a, b) = (mean(geometric, 0), mean(geometric, 1));
        assert!((a * 100.0 - 27.083_333).abs() < 1e-6 && (b * 100.0 - 5.729_167).abs() < 1e-6);
        assert!((b / a - 0.211_538).abs() < 1e-6);
    }

    #[test]
    fn a_ranking_on_target_does_not_diverge_and_one_off_it_does() {
        assert_eq!(ndkl(&[0], &[1.0]), Ok(Some(0.0)));
        assert_eq!(ndkl(&[], &[0.5, 0.5]), Ok(None));
        assert_eq!(ndkl(&[0, 1], &[1.0, 0.0]), Err(1));
    }

    #[test]
    fn a_list_that_is_shorter_than_k_is_judged_by_what_could_be_there() {
        assert_eq!(average_precision(&[true], 1, 10), Some(1.0));
        assert_eq!(average_precision(&[true], 3, 10), Some(1.0 / 3.0));
        assert_eq!(average_precision(&[false], 0, 10), None);
        assert_eq!(ndcg(&[1.0], &[1.0, 1.0], 1), Some(1.0));
        assert!((reciprocal_rank(&[false, false, true]) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(hits(&[true, false, true], 2), 1);
    }
}
