//! From which score on a row is called positive, when a false alarm and a miss cost differently.
//!
//! A threshold that is best on some rows looks better on them than it is. By how much is found by the bootstrap (Efron and Gong
//! 1983, Harrell 1996): drawn rows choose, and their cost at the choice falls short of that of all rows. The shortfall is added
//! to the cost that is told.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::resample::Units;
use crate::engine::Control;
use crate::error::{Error, Result};

/// Bootstrap repeats.
const REPEATS: u64 = 500;

/// What each outcome costs, in any unit; a benefit is a negative cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Costs {
    /// A false alarm: called positive, is not.
    pub false_positive: f64,
    /// A miss: is positive, was not called so.
    pub false_negative: f64,
    /// A hit.
    pub true_positive: f64,
    /// Rightly left alone.
    pub true_negative: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self { false_positive: 1.0, false_negative: 1.0, true_positive: 0.0, true_negative: 0.0 }
    }
}

impl Costs {
    /// Refuses costs by which it would pay to be wrong.
    ///
    /// # Errors
    /// When a cost is no number, or a wrong call is not dearer than the right one.
    pub fn check(&self) -> Result<()> {
        let all = [self.false_positive, self.false_negative, self.true_positive, self.true_negative];
        if all.iter().any(|c| !c.is_finite()) {
            return Err(Error::usage("a cost is not a number"));
        }
        if self.false_positive <= self.true_negative || self.false_negative <= self.true_positive {
            return Err(Error::usage("by these costs it would not pay to be right")
                .hint("A false alarm must cost more than rightly leaving alone, and a miss more than a hit"));
        }
        Ok(())
    }

    fn of(&self, positive: bool, called: bool) -> f64 {
        match (positive, called) {
            (true, true) => self.true_positive,
            (true, false) => self.false_negative,
            (false, true) => self.false_positive,
            (false, false) => self.true_negative,
        }
    }

    /// The threshold that is best when scores are true chances: where both calls cost the same (Elkan 2001).
    #[must_use]
    pub fn threshold_of_chances(&self) -> f64 {
        let alarm = self.false_positive - self.true_negative;
        alarm / (alarm + self.false_negative - self.true_positive)
    }
}

/// A value with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ranged {
    /// The value.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub value: f64,
    /// Lower end.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub low: f64,
    /// Upper end.
    #[serde(deserialize_with = "crate::engine::undefined::number")]
    pub high: f64,
}

/// The threshold that costs least, and what it costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ThresholdChoice {
    /// The costs.
    pub costs: Costs,
    /// Rows with a score of at least this are called positive. The interval is that of the thresholds which resampled rows choose.
    pub threshold: Ranged,
    /// Mean cost a row at the threshold, with what it owes to being chosen on these rows added.
    pub cost: Ranged,
    /// Mean cost a row when the more probable class is called (threshold 0.5).
    pub cost_at_half: f64,
    /// Mean cost a row at [`Costs::threshold_of_chances`].
    pub cost_of_chances: f64,
    /// The lesser of the mean costs of calling all rows positive, and none.
    pub cost_of_one_answer: f64,
    /// Called positive and are.
    pub true_positives: usize,
    /// Called positive and are not.
    pub false_positives: usize,
    /// Not called positive and are.
    pub false_negatives: usize,
    /// Not called positive and are not.
    pub true_negatives: usize,
}

/// Mean cost of calling rows with a score of at least `threshold` positive.
fn cost_at(truth: &[bool], scores: &[f64], rows: impl Iterator<Item = usize>, costs: &Costs, threshold: f64) -> f64 {
    let (sum, n) = rows.fold((0.0, 0usize), |(s, n), i| (s + costs.of(truth[i], scores[i] >= threshold), n + 1));
    sum / n as f64
}

/// The threshold that costs least on rows given in falling order of their scores, each with how often it counts. It lies halfway
/// between two scores.
fn best(truth: &[bool], scores: &[f64], order: &[usize], weight: &[u32], costs: &Costs) -> f64 {
    // Start by calling nobody positive; then let the threshold fall.
    let mut cost: f64 = order.iter().map(|&i| f64::from(weight[i]) * costs.of(truth[i], false)).sum();
    let used: Vec<usize> = order.iter().copied().filter(|&i| weight[i] > 0).collect();
    let top = used.first().map_or(1.0, |&i| scores[i]);
    let (mut least, mut threshold) = (cost, f64::midpoint(top, top.max(1.0)).max(top.next_up()));
    let mut tied = used.chunk_by(|&a, &b| scores[a] == scores[b]).peekable();
    while let Some(rows) = tied.next() {
        for &i in rows {
            cost += f64::from(weight[i]) * (costs.of(truth[i], true) - costs.of(truth[i], false));
        }
        if cost < least {
            least = cost;
            let here = scores[rows[0]];
            threshold = tied.peek().map_or(here.min(0.0), |next| f64::midpoint(here, scores[next[0]]));
        }
    }
    threshold
}

/// Chooses the threshold. `groups` as in the other intervals: whole groups are drawn.
///
/// # Errors
/// When the costs are not sound, a class does not occur, or when cancelled.
pub fn choose(
    truth: &[bool],
    scores: &[f64],
    costs: &Costs,
    groups: Option<&[u32]>,
    seed: u64,
    control: &Control,
) -> Result<ThresholdChoice> {
    costs.check()?;
    if truth.iter().all(|t| *t) || !truth.iter().any(|t| *t) {
        return Err(Error::input("only one class occurs among the rows kept back, so no threshold can be chosen")
            .hint("Keep back more rows"));
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let threshold = best(truth, scores, &order, &vec![1; scores.len()], costs);
    let units = Units::new(truth.len(), groups);
    let repeats: Vec<(f64, f64)> = (0..REPEATS)
        .into_par_iter()
        .map(|repeat| {
            control.check()?;
            let mut weight = vec![0u32; scores.len()];
            for i in units.draw(seed, repeat) {
                weight[i as usize] += 1;
            }
            let chosen = best(truth, scores, &order, &weight, costs);
            let drawn = (0..scores.len()).flat_map(|i| std::iter::repeat_n(i, weight[i] as usize));
            let flattered = cost_at(truth, scores, drawn, costs, chosen);
            Ok((chosen, cost_at(truth, scores, 0..scores.len(), costs, chosen) - flattered))
        })
        .collect::<Result<_>>()?;
    let range = |mut values: Vec<f64>| -> (f64, f64) {
        values.retain(|v| v.is_finite());
        values.sort_by(f64::total_cmp);
        let at = |q: f64| values.get((q * (values.len().max(1) - 1) as f64).round() as usize).copied();
        (at(0.025).unwrap_or(f64::NAN), at(0.975).unwrap_or(f64::NAN))
    };
    let (low, high) = range(repeats.iter().map(|r| r.0).collect());
    let flattery = repeats.iter().map(|r| r.1).sum::<f64>() / repeats.len() as f64;
    let here = |t: f64| cost_at(truth, scores, 0..scores.len(), costs, t);
    let level = here(threshold) + flattery.max(0.0);
    let spread: Vec<f64> = (0..REPEATS)
        .into_par_iter()
        .map(|repeat| {
            let rows = units.draw(seed ^ 1, repeat);
            cost_at(truth, scores, rows.iter().map(|i| *i as usize), costs, threshold)
        })
        .collect();
    let (less, more) = range(spread);
    let counts = |positive: bool, called: bool| {
        (0..scores.len()).filter(|&i| truth[i] == positive && (scores[i] >= threshold) == called).count()
    };
    Ok(ThresholdChoice {
        costs: *costs,
        threshold: Ranged { value: threshold, low, high },
        cost: Ranged { value: level, low: less + level - here(threshold), high: more + level - here(threshold) },
        cost_at_half: cost_at(truth, scores, 0..scores.len(), costs, 0.5_f64.next_up()),
        cost_of_chances: here(costs.threshold_of_chances()),
        cost_of_one_answer: here(f64::NEG_INFINITY).min(here(f64::INFINITY)),
        true_positives: counts(true, true),
        false_positives: counts(false, true),
        false_negatives: counts(true, false),
        true_negatives: counts(false, false),
    })
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rows(n: usize, seed: u64) -> (Vec<bool>, Vec<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let scores: Vec<f64> = (0..n).map(|_| rng.random_range(0.0..1.0)).collect();
        (scores.iter().map(|p| rng.random_bool(*p)).collect(), scores)
    }

    fn chosen(truth: &[bool], scores: &[f64], costs: &Costs) -> ThresholdChoice {
        choose(truth, scores, costs, None, 3, &Control::default()).unwrap()
    }

    #[test]
    fn the_choice_is_the_cheapest_of_all_thresholds() {
        let (truth, scores) = rows(300, 1);
        let scores: Vec<f64> = scores.iter().map(|s| (s * 40.0).round() / 40.0).collect();
        let costs = Costs { false_positive: 3.0, false_negative: 10.0, true_positive: -2.0, true_negative: 0.5 };
        let found = chosen(&truth, &scores, &costs);
        let at = |t: f64| cost_at(&truth, &scores, 0..300, &costs, t);
        let least = (0..=41).map(|k| at(f64::from(k) / 40.0 - 0.01)).fold(f64::INFINITY, f64::min);
        assert!((at(found.threshold.value) - least).abs() < 1e-12);
        assert_eq!(found.true_positives + found.false_negatives, truth.iter().filter(|t| **t).count());
        assert_eq!(found.true_negatives + found.false_positives, truth.iter().filter(|t| !**t).count());
        assert!(found.cost_of_one_answer >= least && found.cost_at_half >= least);
    }

    #[test]
    fn true_chances_give_elkans_threshold() {
        // A miss nine times as dear as a false alarm: call from a chance of one tenth on.
        let (truth, scores) = rows(20_000, 2);
        let costs = Costs { false_negative: 9.0, ..Costs::default() };
        assert!((costs.threshold_of_chances() - 0.1).abs() < 1e-12);
        let found = chosen(&truth, &scores, &costs);
        assert!((found.threshold.value - 0.1).abs() < 0.03, "{found:?}");
        assert!(found.threshold.low <= 0.1 && 0.1 <= found.threshold.high, "{found:?}");
    }

    #[test]
    fn the_cost_is_not_the_flattering_one() {
        // Scores of pure noise: whatever threshold looks best on the rows gains nothing on others.
        let (mut own, mut honest, mut fresh) = (0.0, 0.0, 0.0);
        for seed in 0..30 {
            let mut rng = ChaCha8Rng::seed_from_u64(100 + seed);
            let truth: Vec<bool> = (0..60).map(|i| i % 2 == 0).collect();
            let scores: Vec<f64> = (0..60).map(|_| rng.random_range(0.0..1.0)).collect();
            let found = chosen(&truth, &scores, &Costs::default());
            own += cost_at(&truth, &scores, 0..60, &found.costs, found.threshold.value) / 30.0;
            honest += found.cost.value / 30.0;
            fresh += 0.5 / 30.0;
        }
        assert!(own < fresh - 0.05 && (honest - fresh).abs() < 0.02, "own {own}, honest {honest}, fresh {fresh}");
    }

    #[test]
    fn costs_that_reward_errors_and_rows_of_one_class_are_refused() {
        let upside_down = Costs { false_positive: -1.0, ..Costs::default() };
        assert!(upside_down.check().unwrap_err().message.contains("pay to be right"));
        assert!(choose(&[true; 5], &[0.5; 5], &Costs::default(), None, 1, &Control::default()).is_err());
        // Nobody is worth calling: the threshold lies above every score.
        let found = chosen(
            &[true, false, false, false],
            &[0.1, 0.7, 0.8, 0.9],
            &Costs { false_positive: 50.0, ..Costs::default() },
        );
        assert!(found.threshold.value > 0.9 && found.true_positives + found.false_positives == 0);
    }
}
