//! The statistics of drift, each as its source defines it.

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Upper tail of the chi-square distribution with `df` degrees of freedom.
#[must_use]
pub fn chi2_sf(x: f64, df: f64) -> f64 {
    if !(x.is_finite() && x > 0.0) {
        return if x.is_nan() {
            f64::NAN
        } else if x > 0.0 {
            0.0
        } else {
            1.0
        };
    }
    ChiSquared::new(df).map_or(f64::NAN, |d| d.sf(x))
}

/// Population stability index `Σ (p − q) ln(p / q)` between two sets of counts over the same bins.
///
/// An empty bin counts as half a row, so that the index stays finite and small samples do not exaggerate it.
/// Bins that are empty on both sides are left out. 0 when either side has no rows.
#[must_use]
pub fn psi(reference: &[u64], current: &[u64]) -> f64 {
    let (n_ref, n_cur) = (total(reference), total(current));
    if n_ref == 0.0 || n_cur == 0.0 {
        return 0.0;
    }
    let share = |count: u64, n: f64| (count as f64).max(0.5) / n;
    reference
        .iter()
        .zip(current)
        .filter(|(r, c)| **r + **c > 0)
        .map(|(r, c)| {
            let (p, q) = (share(*c, n_cur), share(*r, n_ref));
            (p - q) * (p / q).ln()
        })
        .sum()
}

/// Jensen-Shannon distance with base 2: the square root of the divergence, 0 (same) to 1 (nothing in common).
/// SciPy's `spatial.distance.jensenshannon(p, q, base=2)`.
#[must_use]
pub fn js_distance(reference: &[u64], current: &[u64]) -> f64 {
    let (n_ref, n_cur) = (total(reference), total(current));
    if n_ref == 0.0 || n_cur == 0.0 {
        return 0.0;
    }
    let term = |p: f64, m: f64| if p > 0.0 { p * (p / m).log2() } else { 0.0 };
    let divergence: f64 = reference
        .iter()
        .zip(current)
        .map(|(r, c)| {
            let (p, q) = (*r as f64 / n_ref, *c as f64 / n_cur);
            let m = f64::midpoint(p, q);
            f64::midpoint(term(p, m), term(q, m))
        })
        .sum();
    divergence.clamp(0.0, 1.0).sqrt()
}

fn total(counts: &[u64]) -> f64 {
    counts.iter().sum::<u64>() as f64
}

/// Walks two sorted samples together and calls `step` with each stretch's width and the two distribution functions
/// on it.
fn walk(a: &[f64], b: &[f64], mut step: impl FnMut(f64, f64, f64)) {
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let at = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.min(*y),
            (Some(x), None) | (None, Some(x)) => *x,
            (None, None) => return,
        };
        while a.get(i).is_some_and(|x| *x <= at) {
            i += 1;
        }
        while b.get(j).is_some_and(|x| *x <= at) {
            j += 1;
        }
        let next = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.min(*y),
            (Some(x), None) | (None, Some(x)) => *x,
            (None, None) => at,
        };
        step(next - at, i as f64 / a.len() as f64, j as f64 / b.len() as f64);
    }
}

/// First Wasserstein distance `∫ |F − G|` between two samples in rising order (SciPy's `wasserstein_distance`).
/// `None` when either is empty.
#[must_use]
pub fn wasserstein(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut distance = 0.0;
    walk(a, b, |width, f, g| distance += width * (f - g).abs());
    Some(distance)
}

/// Two-sample Kolmogorov-Smirnov statistic `max |F − G|` of two samples in rising order, with the p of its limiting
/// distribution. `None` when either is empty.
#[must_use]
pub fn ks(a: &[f64], b: &[f64]) -> Option<(f64, f64)> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let mut d = 0.0_f64;
    walk(a, b, |_, f, g| d = d.max((f - g).abs()));
    let (n, m) = (a.len() as f64, b.len() as f64);
    Some((d, kolmogorov_sf((n * m / (n + m)).sqrt() * d)))
}

/// Upper tail of Kolmogorov's limiting distribution, `2 Σ (−1)^(k−1) exp(−2 k² x²)` (SciPy's `special.kolmogorov`).
#[must_use]
pub fn kolmogorov_sf(x: f64) -> f64 {
    if x < 0.2 {
        return 1.0; // The first digit that differs from 1 is beyond the twelfth here.
    }
    let mut sum = 0.0;
    for k in 1..=100 {
        let k = f64::from(k);
        let term = (-2.0 * k * k * x * x).exp();
        sum += if k % 2.0 == 1.0 { term } else { -term };
        if term < 1e-18 {
            break;
        }
    }
    (2.0 * sum).clamp(0.0, 1.0)
}

#[cfg(test)]
#[allow(clippy::unreadable_literal)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-10 * b.abs().max(1e-12) + 1e-13, "{a} is not {b}");
    }

    // All expected values: SciPy 1.17.1 and NumPy on the same inputs, printed with repr.

    #[test]
    fn chi_square_tail_equals_scipy() {
        let cases = [
            (3.84, 1.0, 0.05004352124870519),
            (16.92, 9.0, 0.04998360638750561),
            (0.5, 3.0, 0.9188914116546758),
            (120.0, 9.0, 1.336164776532522e-21),
            (9.0, 30.0, 0.9999263394764036),
        ];
        for (x, df, p) in cases {
            near(chi2_sf(x, df), p);
        }
        assert_eq!((chi2_sf(0.0, 3.0), chi2_sf(f64::INFINITY, 3.0)), (1.0, 0.0));
    }

    #[test]
    fn distances_equal_scipy() {
        near(js_distance(&[120, 80, 40, 0, 10], &[30, 50, 10, 5, 0]), 0.28469816695258615);
        let a = [1.0, 2.5, 2.5, 4.0, 7.25, 9.5];
        let b = [0.5, 2.5, 3.0, 8.0];
        near(wasserstein(&a, &b).unwrap(), 1.0833333333333335);
        let (d, p) = ks(&a, &b).unwrap();
        near(d, 0.25);
        near(p, 0.998265735385231);
        assert_eq!((wasserstein(&a, &[]), ks(&[], &b)), (None, None));
    }

    #[test]
    fn kolmogorov_tail_equals_scipy() {
        let cases = [
            (0.1, 1.0),
            (0.3, 0.9999906941986655),
            (0.5, 0.9639452436648751),
            (0.83, 0.4961909953505036),
            (1.36, 0.049485876755377876),
            (2.5, 7.453306344157342e-06),
        ];
        for (x, p) in cases {
            near(kolmogorov_sf(x), p);
        }
    }

    #[test]
    fn psi_equals_the_formula_in_numpy() {
        near(psi(&[100, 200, 300, 400], &[20, 60, 50, 70]), 0.056339158281740284);
        // An empty bin counts as half a row: ((c-r)*log(c/r)).sum() with r = [100, 200, 300, 0.5] / 600.
        near(psi(&[100, 200, 300, 0], &[20, 60, 50, 70]), 2.3199094572673435);
        assert_eq!((psi(&[0, 0], &[1, 2]), psi(&[3, 0], &[9, 0])), (0.0, 0.0));
    }
}
