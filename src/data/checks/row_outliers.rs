//! Rows whose numbers are usual one by one, but do not belong together.

use rayon::prelude::*;
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

use super::association::ranks;
use super::{Table, View};
use crate::data::finding::{Finding, Severity, counted, percent};
use crate::error::Result;

/// Numbers compared; a table with more compares its first ones.
const MOST_COLUMNS: usize = 60;

/// Rows and distinct values below which nothing is said.
const FEWEST_ROWS: usize = 200;
const FEWEST_VALUES: usize = 10;

/// How far beyond the largest distance that chance gives a row must lie, and how far beyond that of 99 of 100 rows.
const BEYOND: f64 = 1.5;
const BEYOND_MOST: f64 = 2.5;

/// Share of the correlation matrix that is replaced by the identity, so that columns that say the same do not blow up
/// what is left between them.
const RIDGE: f64 = 0.05;

/// Rows far from all others in the common pattern of the numbers: the Mahalanobis distance of normal scores (ranks
/// brought to a normal distribution, so that long tails of single columns do not count), on at most 10,000 rows. The squared
/// distances follow a chi-square distribution; it is scaled to their median, and a row is named when it lies 1.5 times
/// beyond the point that one table in a hundred would reach by chance, and 2.5 times beyond 99 of 100 rows.
pub fn rows(table: &Table<'_>) -> Result<Vec<Finding>> {
    let views: Vec<View<'_>> = table
        .columns()
        .filter(|c| c.is_number() && c.summary.distinct() > FEWEST_VALUES && c.summary.missing_share() < 0.5)
        // A number that is nearly always the same (no pool, no second house) only says whether there is one.
        .filter(|c| c.summary.top_count() * 2 < c.summary.present())
        .take(MOST_COLUMNS)
        .collect();
    let n = table.sample().len();
    if views.len() < 3 || n < FEWEST_ROWS {
        return Ok(Vec::new());
    }
    let scores: Vec<Vec<f64>> = views
        .par_iter()
        .map(|view| {
            table.control.check()?;
            Ok(normal_scores(&table.sampled_numbers(view)?))
        })
        .collect::<Result<_>>()?;
    let k = scores.len();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let mut matrix = vec![0.0; k * k];
    for (i, a) in scores.iter().enumerate() {
        table.control.check()?;
        for (j, b) in scores.iter().enumerate().take(i + 1) {
            let r = dot(a, b) / n as f64 * (1.0 - RIDGE) + if i == j { RIDGE } else { 0.0 };
            for at in [i * k + j, j * k + i] {
                if let Some(cell) = matrix.get_mut(at) {
                    *cell = r;
                }
            }
        }
    }
    let Some(factor) = cholesky(&matrix, k) else { return Ok(Vec::new()) };
    let distances: Vec<(f64, usize)> = (0..n)
        .into_par_iter()
        .map(|row| {
            let z: Vec<f64> = scores.iter().map(|s| s.get(row).copied().unwrap_or(0.0)).collect();
            // The whitened row: its largest part is the column that departs most from what the ones before say.
            let white = forward(&factor, &z, k);
            let worst = white.iter().enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map_or(0, |(i, _)| i);
            (white.iter().map(|v| v * v).sum(), worst)
        })
        .collect();
    let mut sorted: Vec<f64> = distances.iter().map(|(d, _)| *d).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let Ok(chi) = ChiSquared::new(k as f64) else { return Ok(Vec::new()) };
    let scale = sorted.get(n / 2).copied().unwrap_or(0.0) / chi.inverse_cdf(0.5);
    let most = sorted.get(n * 99 / 100).copied().unwrap_or(f64::MAX);
    let bound = (BEYOND * scale * chi.inverse_cdf(1.0 - 0.01 / n as f64)).max(BEYOND_MOST * most);
    let mut far: Vec<(f64, usize, usize)> = distances
        .iter()
        .zip(table.sample())
        .filter(|((d, _), _)| *d > bound)
        .map(|((d, worst), row)| (*d, *row as usize, *worst))
        .collect();
    if far.is_empty() {
        return Ok(Vec::new());
    }
    far.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let (_, row, worst) = far.first().copied().unwrap_or_default();
    let share = far.len() as f64 / n as f64;
    let message = format!(
        "{} ({}) have numbers that do not belong together; the farthest is row {}, by {}",
        counted(far.len() as u64, "row"),
        percent(share),
        table.places([row]).next().unwrap_or(row) + 1,
        views.get(worst).map_or_else(String::new, View::name)
    );
    Ok(vec![
        Finding::new("row-outliers", Severity::Note, message)
            .with("rows", far.len())
            .with("share", share)
            .with("looked_at", n)
            .with("columns", k)
            .with("distance", far.first().map(|f| f.0.sqrt()))
            .with("bound", bound.sqrt())
            .remedy("Look at them at their source: two cells may have been exchanged, or a unit be wrong")
            .rows(far.into_iter().map(|(_, row, _)| row)),
    ])
}

/// Ranks as quantiles of the normal distribution, brought to a mean of 0 and a variance of 1; missing values are 0.
fn normal_scores(values: &[f64]) -> Vec<f64> {
    let known: Vec<f64> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    let n = known.len() as f64;
    let normal = Normal::standard();
    let mut scores = ranks(&known).into_iter().map(|r| normal.inverse_cdf((r - 0.5) / n));
    let mut all: Vec<f64> =
        values.iter().map(|v| if v.is_nan() { 0.0 } else { scores.next().unwrap_or(0.0) }).collect();
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let spread = (all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / all.len() as f64).sqrt();
    all.iter_mut().for_each(|v| *v = if spread > 0.0 { (*v - mean) / spread } else { 0.0 });
    all
}

/// The lower factor of a symmetric positive matrix, row by row; `None` when it is not positive.
fn cholesky(matrix: &[f64], k: usize) -> Option<Vec<f64>> {
    let mut factor = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..=i {
            let known: f64 =
                (0..j).map(|m| Some(factor.get(i * k + m)? * factor.get(j * k + m)?)).sum::<Option<f64>>()?;
            let left = matrix.get(i * k + j)? - known;
            let value = if i == j {
                if left <= 0.0 {
                    return None;
                }
                left.sqrt()
            } else {
                left / factor.get(j * k + j)?
            };
            *factor.get_mut(i * k + j)? = value;
        }
    }
    Some(factor)
}

/// Solves `factor · x = z`.
fn forward(factor: &[f64], z: &[f64], k: usize) -> Vec<f64> {
    let mut x: Vec<f64> = Vec::with_capacity(k);
    for (row, z) in factor.chunks(k).zip(z) {
        let known: f64 = row.iter().zip(&x).map(|(f, x)| f * x).sum();
        x.push((z - known) / row.get(x.len()).copied().unwrap_or(1.0));
    }
    x
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fires, noise, silent, table};

    /// Price follows area and rooms; one row has the price of a small flat and the area of a palace.
    fn flats(odd: bool) -> String {
        table("area,rooms,price", 600, |i| {
            let area = 30 + noise(i, 1, 200);
            let price = if odd && i == 77 { 110 } else { area * 3 + noise(i, 2, 40) };
            let area = if odd && i == 77 { 220 } else { area };
            format!("{area},{},{price}", area * 10 + noise(i, 3, 300))
        })
    }

    #[test]
    fn numbers_that_do_not_belong_together_are_found() {
        assert_eq!(fires("row-outliers", &flats(true), None, None).rows, [78]);
        silent("row-outliers", &flats(false), None);
    }

    #[test]
    fn the_factor_solves() {
        // By hand: [[4, 2], [2, 5]] = [[2, 0], [1, 2]] times its transpose.
        let factor = super::cholesky(&[4.0, 2.0, 2.0, 5.0], 2).unwrap();
        assert_eq!(factor, [2.0, 0.0, 1.0, 2.0]);
        assert_eq!(super::forward(&factor, &[2.0, 5.0], 2), [1.0, 2.0]);
        assert!(super::cholesky(&[1.0, 2.0, 2.0, 1.0], 2).is_none());
    }
}
