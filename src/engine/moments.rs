//! Count, mean, variance and skewness as one mergeable aggregate.

use serde::{Deserialize, Serialize};

/// Central moments up to the third, with extremes. Merging two gives the moments of both sets of values together.
///
/// The update and merge follow Pébay (2008), "Formulas for robust, one-pass parallel computation of covariances and
/// arbitrary-order statistical moments", which extends Welford (1962) and Chan, Golub and LeVeque (1979). They do not
/// subtract large sums, so a narrow spread around a large mean keeps its digits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many finite values were seen.
    pub count: u64,
    /// Their mean; 0 when there is none.
    pub mean: f64,
    /// Sum of squared differences from the mean.
    pub m2: f64,
    /// Sum of cubed differences from the mean.
    pub m3: f64,
    /// The smallest value; +infinity when there is none.
    pub min: f64,
    /// The largest value; -infinity when there is none.
    pub max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0, mean: 0.0, m2: 0.0, m3: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Moments {
    /// Takes in one value; what is not finite is ignored.
    pub fn push(&mut self, value: f64) {
        if value.is_finite() {
            self.merge(&Self { count: 1, mean: value, m2: 0.0, m3: 0.0, min: value, max: value });
        }
    }

    /// The moments of some values; what is not finite is ignored. Mean first, then the differences from it, so that no
    /// large sums are subtracted; many times faster than taking in one value after the other.
    #[must_use]
    pub fn of(values: &[f64]) -> Self {
        Self::around(values, 0.0)
    }

    /// [`Moments::of`] with the mean counted from `origin`: near the data, it keeps digits that a large mean would push
    /// out. Moments around one origin merge; [`Moments::placed`] brings the mean back. Beyond ±1e290 an origin is not heeded.
    #[must_use]
    pub fn around(values: &[f64], origin: f64) -> Self {
        let origin = heeded(origin);
        let mut all = Self::default();
        for part in values.chunks(4096) {
            let finite = || part.iter().copied().filter(|v| v.is_finite()).map(|v| v - origin);
            let (mut n, mut sum) = (0u64, 0.0);
            let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
            for v in finite() {
                n += 1;
                sum += v;
            }
            if n == 0 {
                continue;
            }
            for v in part.iter().copied().filter(|v| v.is_finite()) {
                min = min.min(v);
                max = max.max(v);
            }
            let mut mean = sum / n as f64;
            if !mean.is_finite() {
                // The sum left the number range; the mean cannot.
                mean = finite().map(|v| v / n as f64).sum();
            }
            let (mut m1, mut m2, mut m3) = (0.0, 0.0, 0.0);
            for v in finite() {
                let d = v - mean;
                m1 += d;
                m2 += d * d;
                m3 += d * d * d;
            }
            // What rounding left of the first moment corrects the others (Chan, Golub and LeVeque 1983, equation 1.7).
            let shift = m1 / n as f64;
            all.merge(&Self {
                count: n,
                mean: mean + shift,
                m2: m2 - m1 * shift,
                m3: m3 - 3.0 * shift * m2 + 2.0 * m1 * shift * shift,
                min,
                max,
            });
        }
        all
    }

    /// Moments whose mean was counted from `origin`, with their mean as it is.
    #[must_use]
    pub fn placed(mut self, origin: f64) -> Self {
        if self.count > 0 {
            self.mean += heeded(origin);
        }
        self
    }

    /// Takes in everything that `other` has seen.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let n = a + b;
        let delta = other.mean - self.mean;
        self.m3 +=
            other.m3 + delta.powi(3) * a * b * (a - b) / (n * n) + 3.0 * delta * (a * other.m2 - b * self.m2) / n;
        self.m2 += other.m2 + delta * delta * a * b / n;
        self.mean += delta * b / n;
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Sample variance (divisor n - 1), as pandas gives it; `None` below two values.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.m2 / (self.count - 1) as f64)
    }

    /// Sample standard deviation (divisor n - 1); `None` below two values.
    #[must_use]
    pub fn std(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// Adjusted Fisher-Pearson skewness G1, as `pandas.Series.skew` gives it: `sqrt(n(n-1)) / (n-2)` times
    /// `(m3/n) / (m2/n)^1.5`. `None` below three values or without spread.
    #[must_use]
    pub fn skewness(&self) -> Option<f64> {
        if self.count < 3 || self.m2 <= 0.0 {
            return None;
        }
        let n = self.count as f64;
        let g1 = (self.m3 / n) / (self.m2 / n).powf(1.5);
        Some((n * (n - 1.0)).sqrt() / (n - 2.0) * g1).filter(|s| s.is_finite())
    }
}

/// An origin from which no difference leaves the number range.
fn heeded(origin: f64) -> f64 {
    if origin.abs() <= 1e290 { origin } else { 0.0 }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::default();
        values.into_iter().for_each(|v| moments.push(v));
        moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64, scale: f64) -> bool {
        (a - b).abs() <= 1e-9 * scale.max(1.0)
    }

    #[test]
    fn equals_pandas() {
        // pandas 2: s = pd.Series([1, 2, 2, 3, 100, -4.5]); s.mean(), s.std(), s.skew()
        let m: Moments = [1.0, 2.0, 2.0, 3.0, 100.0, -4.5].into_iter().collect();
        assert!(close(m.mean, 17.25, 1.0));
        assert!(close(m.std().unwrap(), 40.627_269_167_395_44, 1.0));
        assert!(close(m.skewness().unwrap(), 2.425_061_917_646_589, 1.0));
        assert_eq!((m.min, m.max), (-4.5, 100.0));
    }

    #[test]
    fn blocks_equal_single_steps() {
        let values: Vec<f64> = (0..10_000)
            .map(|i| if i % 17 == 0 { f64::NAN } else { 1e9 + f64::from(i * 7919 % 1000).powi(2) })
            .collect();
        let (block, steps) = (Moments::of(&values), values.iter().copied().collect::<Moments>());
        assert_eq!((block.count, block.min, block.max), (steps.count, steps.min, steps.max));
        assert!((block.mean / steps.mean - 1.0).abs() < 1e-14 && (block.m2 / steps.m2 - 1.0).abs() < 1e-11);
        assert!((block.skewness().unwrap() - steps.skewness().unwrap()).abs() < 1e-9);
        assert_eq!(Moments::of(&[f64::NAN]), Moments::default());
        assert!(Moments::of(&[f64::MAX, f64::MAX]).mean.is_finite());
        for origin in [1e9, -3.0, f64::MAX] {
            let near = Moments::around(&values, origin).placed(origin);
            assert_eq!((near.count, near.min, near.max), (steps.count, steps.min, steps.max));
            assert!((near.mean / steps.mean - 1.0).abs() < 1e-14 && (near.m2 / steps.m2 - 1.0).abs() < 1e-11);
        }
    }

    #[test]
    fn a_narrow_spread_around_a_large_mean_keeps_its_digits() {
        let m: Moments = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0].into_iter().collect();
        assert_eq!(m.variance(), Some(30.0));
    }

    #[test]
    fn nothing_gives_nothing() {
        let m: Moments = [f64::NAN, f64::INFINITY].into_iter().collect();
        assert_eq!((m.count, m.variance(), m.skewness()), (0, None, None));
    }

    proptest! {
        #[test]
        fn merging_in_any_split_gives_the_same(values in prop::collection::vec(-1e4f64..1e4, 0..80), cut in 0usize..80) {
            let cut = cut.min(values.len());
            let whole: Moments = values.iter().copied().collect();
            let (left, right) = values.split_at(cut);
            let (a, b): (Moments, Moments) = (left.iter().copied().collect(), right.iter().copied().collect());
            for (mut first, second) in [(a, b), (b, a)] {
                first.merge(&second);
                prop_assert_eq!(first.count, whole.count);
                prop_assert!(close(first.mean, whole.mean, 1e4));
                prop_assert!(close(first.m2, whole.m2, whole.m2));
                prop_assert!(close(first.m3, whole.m3, 1e12 * values.len().max(1) as f64));
                prop_assert_eq!((first.min, first.max), (whole.min, whole.max));
            }
        }
    }
}
