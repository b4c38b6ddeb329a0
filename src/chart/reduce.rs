//! Fewer points for the same picture.

use std::collections::BTreeSet;

use super::describe::{Chart, Series, drawable};

impl Series {
    /// The same series with at most four points per column (lines) or one point per place (points), so that drawing
    /// costs the same for a thousand points and for ten million. `columns` should be at least twice the width, in
    /// characters, at which the chart is shown.
    ///
    /// A line keeps the first, least, greatest and last value of each column (the M4 aggregation of Jugel et al.,
    /// VLDB 2014, which keeps the drawn line to within a dot), so its points should rise in x.
    #[must_use]
    pub fn reduce(&self, columns: usize) -> Self {
        match self {
            Self::Line { name, points, band } => Self::Line {
                name: name.clone(),
                points: line(points, columns),
                band: band.as_ref().map(|b| reduce_band(b, columns)),
            },
            Self::Points { name, points: all, errors } if errors.is_empty() => {
                Self::Points { name: name.clone(), points: points(all, columns, columns), errors: Vec::new() }
            }
            other => other.clone(),
        }
    }
}

impl Chart {
    /// The same chart with every series reduced (see [`Series::reduce`]).
    #[must_use]
    pub fn reduce(mut self, columns: usize) -> Self {
        for series in &mut self.series {
            if series.size() > 4 * columns {
                *series = series.reduce(columns);
            }
        }
        self
    }
}

impl Series {
    fn size(&self) -> usize {
        match self {
            Self::Line { points, .. } | Self::Points { points, .. } => points.len(),
            _ => 0,
        }
    }
}

/// The least and greatest drawable value.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| drawable(*v)).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// Which of `columns` equal parts of the range a value falls into.
fn bucket(value: f64, (low, high): (f64, f64), columns: usize) -> usize {
    if high > low {
        (((value - low) / (high - low) * columns as f64) as usize).min(columns.saturating_sub(1))
    } else {
        0
    }
}

/// At most four points for each column; breaks (points that are not finite) are kept, one a run.
pub(super) fn line(points: &[(f64, f64)], columns: usize) -> Vec<(f64, f64)> {
    let Some(range) = extent(points.iter().map(|p| p.0)) else { return Vec::new() };
    let key = |p: &(f64, f64)| (drawable(p.0) && drawable(p.1)).then(|| bucket(p.0, range, columns));
    let mut out = Vec::new();
    for run in points.chunk_by(|a, b| key(a) == key(b)) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        if key(first).is_none() {
            out.push((f64::NAN, f64::NAN));
            continue;
        }
        let (mut least, mut greatest) = (0, 0);
        for (i, p) in run.iter().enumerate() {
            if run.get(least).is_some_and(|l| p.1 < l.1) {
                least = i;
            }
            if run.get(greatest).is_some_and(|g| p.1 > g.1) {
                greatest = i;
            }
        }
        let middle = [least.min(greatest), least.max(greatest)];
        let kept = BTreeSet::from([0, middle[0], middle[1], run.len() - 1]);
        out.extend(kept.into_iter().filter_map(|i| run.get(i)).copied());
        debug_assert!(out.last() == Some(last));
    }
    out
}

fn reduce_band(band: &[(f64, f64, f64)], columns: usize) -> Vec<(f64, f64, f64)> {
    let Some(range) = extent(band.iter().map(|p| p.0)) else { return Vec::new() };
    if band.len() <= 2 * columns {
        return band.to_vec();
    }
    band.chunk_by(|a, b| bucket(a.0, range, columns) == bucket(b.0, range, columns))
        .filter_map(|run| {
            let first = run.first()?;
            let low = run.iter().fold(first.1, |m, p| m.min(p.1));
            let high = run.iter().fold(first.2, |m, p| m.max(p.2));
            Some((first.0, low, high))
        })
        .collect()
}

/// The first point in each place of a `columns` by `rows` raster.
pub(super) fn points(points: &[(f64, f64)], columns: usize, rows: usize) -> Vec<(f64, f64)> {
    let finite = || points.iter().filter(|p| drawable(p.0) && drawable(p.1));
    let (Some(x), Some(y)) = (extent(finite().map(|p| p.0)), extent(finite().map(|p| p.1))) else { return Vec::new() };
    let mut seen = BTreeSet::new();
    finite().filter(|p| seen.insert((bucket(p.0, x, columns), bucket(p.1, y, rows)))).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_keeps_its_ends_and_extremes() {
        let points: Vec<(f64, f64)> = (0..200_000).map(|i| (f64::from(i), (f64::from(i) / 700.0).sin())).collect();
        let less = line(&points, 100);
        assert!(less.len() <= 400, "{}", less.len());
        assert_eq!(less.first(), points.first());
        assert_eq!(less.last(), points.last());
        let top = |p: &[(f64, f64)]| p.iter().map(|p| p.1).fold(f64::MIN, f64::max);
        assert_eq!(top(&less), top(&points));
    }

    #[test]
    fn a_break_stays_a_break() {
        let points = [(0.0, 1.0), (1.0, f64::NAN), (2.0, f64::NAN), (3.0, 2.0)];
        let less = line(&points, 10);
        assert_eq!(less.len(), 3);
        assert!(less[1].0.is_nan());
    }

    #[test]
    fn points_become_one_a_place() {
        let all: Vec<(f64, f64)> = (0..50_000).map(|i| (f64::from(i % 223), f64::from(i % 227))).collect();
        assert!(points(&all, 20, 10).len() <= 200);
        assert!(points(&[(f64::NAN, 1.0)], 20, 10).is_empty());
    }
}
