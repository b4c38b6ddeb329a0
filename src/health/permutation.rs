//! How often chance alone moves counts as far as they moved.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use statrs::function::factorial::ln_factorial;

use super::stats::{chi2_sf, psi};
use crate::engine::Control;
use crate::error::Result;

/// Below this expected count in any bin the chi-square limit of PSI is not good enough. The usual rule says 5, but PSI
/// weighs thin bins by a logarithm: at 5% (ten bins, 6,000 simulated pairs) the limit calls 9.6% when bins expect 5 rows,
/// 7.5% at 10, 6.3% at 20 and 5.3% at 40.
const LEAST_EXPECTED: f64 = 40.0;

/// Chance results as extreme as the real one after which no more are drawn (Besag and Clifford 1991).
const ENOUGH: usize = 25;

/// The p of the hypothesis that both sets of counts come from one distribution, and whether it was found by
/// permutation. `draws` is the most permutations that are tried; they decide how small p can get.
///
/// With enough rows in every bin, `PSI / (1/n_ref + 1/n_cur)` follows a chi-square distribution with B − 1 degrees of
/// freedom (Yurdakul 2018). Otherwise rows are dealt out anew between the two sides.
pub(super) fn p_value(
    reference: &[u64],
    current: &[u64],
    draws: usize,
    rng: &mut ChaCha8Rng,
    control: &Control,
) -> Result<(f64, bool)> {
    let (n_ref, n_cur): (u64, u64) = (reference.iter().sum(), current.iter().sum());
    let pooled: Vec<u64> = reference.iter().zip(current).map(|(r, c)| r + c).filter(|n| *n > 0).collect();
    if pooled.len() < 2 || n_ref == 0 || n_cur == 0 {
        return Ok((1.0, false));
    }
    let observed = psi(reference, current);
    let rows = (n_ref + n_cur) as f64;
    let thin = pooled.iter().map(|n| *n as f64 * n_ref.min(n_cur) as f64 / rows).fold(f64::INFINITY, f64::min);
    if thin >= LEAST_EXPECTED {
        let scaled = observed / (1.0 / n_ref as f64 + 1.0 / n_cur as f64);
        return Ok((chi2_sf(scaled, (pooled.len() - 1) as f64), false));
    }
    let mut extreme = 0;
    let mut left = vec![0; pooled.len()];
    let mut right = vec![0; pooled.len()];
    for draw in 1..=draws {
        if draw % 64 == 0 {
            control.check()?;
        }
        deal(&pooled, n_cur, &mut left, &mut right, rng);
        // Equal results may differ in the last digit.
        if psi(&left, &right) >= observed * (1.0 - 1e-12) {
            extreme += 1;
            if extreme == ENOUGH {
                return Ok((extreme as f64 / draw as f64, true));
            }
        }
    }
    Ok(((extreme + 1) as f64 / (draws + 1) as f64, true))
}

/// Deals `n_cur` of the pooled rows to the right and the rest to the left, bin by bin.
fn deal(pooled: &[u64], n_cur: u64, left: &mut [u64], right: &mut [u64], rng: &mut ChaCha8Rng) {
    let mut rows: u64 = pooled.iter().sum();
    let mut wanted = n_cur;
    for ((n, l), r) in pooled.iter().zip(left).zip(right) {
        *r = hypergeometric(rows, *n, wanted, rng);
        *l = n - *r;
        rows -= n;
        wanted -= *r;
    }
}

/// How many of `marked` among `rows` are hit when `drawn` are drawn without putting back. Found by inversion,
/// walking outwards from the most probable result.
fn hypergeometric(rows: u64, marked: u64, drawn: u64, rng: &mut ChaCha8Rng) -> u64 {
    let low = (drawn + marked).saturating_sub(rows);
    let high = drawn.min(marked);
    if low >= high {
        return high;
    }
    let (n, k, d) = (rows as f64, marked as f64, drawn as f64);
    let mode = ((((d + 1.0) * (k + 1.0)) / (n + 2.0)).floor() as u64).clamp(low, high);
    let choose = |n: u64, k: u64| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
    let top = (choose(marked, mode) + choose(rows - marked, drawn - mode) - choose(rows, drawn)).exp();
    let mut left = rng.random::<f64>() - top;
    let (mut up, mut down) = (mode, mode);
    let (mut p_up, mut p_down) = (top, top);
    while left > 0.0 {
        let before = left;
        if up < high {
            let x = up as f64;
            p_up *= (k - x) * (d - x) / ((x + 1.0) * (n - k - d + x + 1.0));
            up += 1;
            left -= p_up;
            if left <= 0.0 {
                return up;
            }
        }
        if down > low {
            let x = down as f64;
            p_down *= x * (n - k - d + x) / ((k - x + 1.0) * (d - x + 1.0));
            down -= 1;
            left -= p_down;
            if left <= 0.0 {
                return down;
            }
        }
        if left >= before {
            break; // The rest of the probability is below what doubles can tell.
        }
    }
    mode
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn hypergeometric_has_the_right_mean_and_variance() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for (rows, marked, drawn) in
            [(50, 20, 10), (10_000, 30, 5000), (2_000_000, 900_000, 1000), (7, 7, 3), (9, 0, 4)]
        {
            let draws: Vec<f64> = (0..20_000).map(|_| hypergeometric(rows, marked, drawn, &mut rng) as f64).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            let (n, k, d) = (rows as f64, marked as f64, drawn as f64);
            let expected = d * k / n;
            let spread = d * (k / n) * (1.0 - k / n) * (n - d) / (n - 1.0);
            assert!((mean - expected).abs() <= 4.0 * (spread / 20_000.0).sqrt() + 1e-12, "{mean} {expected}");
            assert!((variance - spread).abs() <= 0.05 * spread + 1e-12, "{variance} {spread}");
        }
    }

    #[test]
    fn permutation_and_chi_square_agree_where_both_hold() {
        // The same shares ten times: thin bins are permuted, full ones use the limit, scaled to the same PSI.
        let (reference, current) = ([150_u64, 140, 160, 150], [33_u64, 48, 30, 39]);
        let control = Control::default();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (p, permuted) = p_value(&reference, &current, 20_000, &mut rng, &control).unwrap();
        assert!(permuted);
        let scaled = psi(&reference, &current) / (1.0 / 600.0 + 1.0 / 150.0);
        let limit = chi2_sf(scaled, 3.0);
        assert!((p - limit).abs() < 0.25 * limit, "{p} {limit}");
        let (_, permuted) =
            p_value(&reference.map(|n| n * 20), &current.map(|n| n * 20), 99, &mut rng, &control).unwrap();
        assert!(!permuted);
    }

    #[test]
    fn one_sided_and_empty_counts_are_no_evidence() {
        let control = Control::default();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for (a, b) in [(vec![], vec![]), (vec![10], vec![3]), (vec![0, 0], vec![5, 5]), (vec![4, 0], vec![9, 0])] {
            assert_eq!(p_value(&a, &b, 99, &mut rng, &control).unwrap().0, 1.0);
        }
    }
}
