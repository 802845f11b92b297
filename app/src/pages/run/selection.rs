//! The selection rates of an attribute against chance, and the four-fifths rule on them.

use crate::pages::parts::number;
use leptos::prelude::*;
use metrics::disparity::{FourFifths, ImpactRatio, NullBand};

/// What can be said of the selection rates of one attribute as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    pub attribute: String,
    pub band: NullBand,
    pub rule: FourFifths,
}

impl Selection {
    /// How far apart groups that are all alike would be.
    pub fn chance(&self) -> String {
        let gap = &self.band.difference;
        let verdict = if gap.within_chance(self.band.level) {
            "no more than chance"
        } else {
            "more than chance"
        };
        format!(
            "Groups with one and the same rate would differ by up to {} in {} of cases. These differ \
             by {}, {verdict} (p {}).",
            number::value(gap.limit),
            number::level(self.band.level),
            number::value(gap.observed),
            number::p_value(gap.p_value),
        )
    }

    /// Who is below four fifths of the highest rate, by how much and by how many people.
    pub fn four_fifths(&self) -> String {
        let highest = self.rule.reference.label();
        let flagged: Vec<&ImpactRatio> =
            self.rule.groups.iter().filter(|group| group.flagged).collect();
        if flagged.is_empty() {
            return format!("Four-fifths rule: no group is below 0.8 of {highest}.");
        }
        let groups: Vec<String> = flagged.iter().map(|group| of_group(group)).collect();
        let small = if flagged.iter().any(|group| group.small_numbers) {
            " Small numbers: one decision more would lift the flag."
        } else {
            ""
        };
        format!("Four-fifths rule, against {highest}: {}.{small}", groups.join("; "))
    }

    pub(super) fn row(&self) -> impl IntoView + use<> {
        let method = self.band.method.clone();
        view! {
            <tr>
                <td colspan="6">
                    <p class="why" title=method>
                        {self.chance()}
                    </p>
                    <p class="why" title="A rule of practice, not of law: 29 CFR 1607.4(D)">
                        {self.four_fifths()}
                    </p>
                </td>
            </tr>
        }
    }
}

fn of_group(group: &ImpactRatio) -> String {
    let ratio = group.ratio.map(number::ratio).unwrap_or_default();
    let ends = group.interval.as_ref().map(|it| number::ratio_interval(it.low, it.high));
    let name = group.slice.label();
    let short = number::count(group.shortfall);
    let ends = ends.map(|ends| format!(" {ends}")).unwrap_or_default();
    format!("{name} {ratio}{ends}, {short} too few of {}", number::count(group.n))
}
