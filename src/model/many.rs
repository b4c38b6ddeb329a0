//! Many questions at once: how p values are corrected when the largest surprise of many is looked at.

/// Benjamini and Hochberg's adjusted p values (SciPy's `stats.false_discovery_control`): calling those below a level
/// keeps the expected share of false calls below it.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    let at = |i: usize| p.get(i).copied().filter(|v| !v.is_nan()).unwrap_or(1.0);
    order.sort_by(|&a, &b| at(a).total_cmp(&at(b)));
    let mut q = vec![1.0; p.len()];
    let mut least = 1.0_f64;
    for (rank, &i) in order.iter().enumerate().rev() {
        least = least.min(at(i) * p.len() as f64 / (rank + 1) as f64);
        if let Some(slot) = q.get_mut(i) {
            *slot = least;
        }
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_p_equals_scipy() {
        // SciPy 1.17.1, stats.false_discovery_control.
        let q = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.005, 0.8, 0.04]);
        for (q, expected) in q.into_iter().zip([0.03_f64, 0.048, 0.048, 0.03, 0.8, 0.048]) {
            assert!((q - expected).abs() < 1e-12, "{q} is not {expected}");
        }
        assert_eq!(benjamini_hochberg(&[f64::NAN]), [1.0]);
    }
}
