//! What boosting makes small: gradients, curvatures, where it starts, and the value of the loss.

use rayon::prelude::*;

use super::histogram::{CURVATURE, GRADIENT, pack};
use crate::model::Target;

/// A loss over raw scores, of which a row has one, or one a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Half the squared distance.
    SquaredError,
    /// Poisson deviance of counts; the raw score is the logarithm of the mean.
    Poisson,
    /// Log loss of two classes.
    Logistic,
    /// Log loss of several classes.
    Softmax,
}

/// Rows looked at together: fixed, so that sums of floats have one order.
const CHUNK: usize = 1 << 13;
/// Shares and means are kept this far from nought before their logarithm is taken.
const LEAST: f64 = 1e-15;

/// Truth in the form that the loss needs: numbers (in standard units for squared error), or class codes.
pub(super) enum Truth {
    Numbers(Vec<f64>),
    Codes(Vec<u16>),
}

/// Scale of the packed gradients and curvatures: packed value = value · scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scales {
    pub(super) gradient: f64,
    pub(super) curvature: f64,
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

impl Loss {
    /// Raw scores a row.
    pub(super) fn outputs(self, y: &Target) -> usize {
        match (self, y) {
            (Self::Softmax, Target::Classes { count, .. }) => *count,
            _ => 1,
        }
    }

    /// Whether every row has the same curvature, so that its sum is the number of rows.
    pub(super) fn has_even_curvature(self) -> bool {
        self == Self::SquaredError
    }

    /// The truth, its unit and its middle: `y = middle + unit · truth`.
    pub(super) fn truth(self, y: &Target, fit: &[u32]) -> (Truth, f64, f64) {
        match y {
            Target::Classes { codes, .. } => (Truth::Codes(codes.iter().map(|c| *c as u16).collect()), 1.0, 0.0),
            Target::Numbers(v) if self == Self::SquaredError => {
                let n = fit.len().max(1) as f64;
                // Squares of values beyond 1e150 are infinite, and below it nought: such a target is measured in units of its
                // largest value.
                let size = fit.iter().fold(0.0_f64, |a, &r| a.max(v[r as usize].abs()));
                let size = if (1e-100..1e100).contains(&size) { 1.0 } else { size.max(f64::MIN_POSITIVE) };
                let mean = fit.iter().map(|&r| v[r as usize] / size).sum::<f64>() / n;
                let variance = fit.iter().map(|&r| (v[r as usize] / size - mean).powi(2)).sum::<f64>() / n;
                let unit = if variance > 0.0 { variance.sqrt() * size } else { 1.0 };
                let middle = mean * size;
                (Truth::Numbers(v.iter().map(|v| v / unit - middle / unit).collect()), unit, middle)
            }
            Target::Numbers(v) => (Truth::Numbers(v.clone()), 1.0, 0.0),
        }
    }

    /// The best constant raw scores.
    pub(super) fn start(self, truth: &Truth, outputs: usize, fit: &[u32]) -> Vec<f64> {
        let n = fit.len().max(1) as f64;
        match truth {
            Truth::Numbers(v) => {
                let mean = fit.iter().map(|&r| v[r as usize]).sum::<f64>() / n;
                // In standard units the mean is nought.
                vec![if self == Self::Poisson { mean.max(LEAST).ln() } else { 0.0 }]
            }
            Truth::Codes(codes) => {
                let mut shares = vec![0.0; outputs.max(2)];
                for &r in fit {
                    shares[usize::from(codes[r as usize])] += 1.0 / n;
                }
                let log = |s: f64| s.max(LEAST).ln();
                if outputs == 1 { vec![log(shares[1]) - log(shares[0])] } else { shares.into_iter().map(log).collect() }
            }
        }
    }

    /// Packs every row's gradient and curvature for each raw score. `None` when nothing is left to gain.
    pub(super) fn gradients(
        self,
        truth: &Truth,
        raw: &[Vec<f64>],
        fit: &[u32],
        out: &mut [Vec<u64>],
    ) -> Option<Scales> {
        match (truth, raw) {
            (Truth::Codes(codes), [raw]) => {
                let scales = Scales { gradient: GRADIENT, curvature: CURVATURE * 4.0 };
                out[0].par_chunks_mut(CHUNK).zip(raw.par_chunks(CHUNK)).zip(codes.par_chunks(CHUNK)).for_each(
                    |((out, raw), codes)| {
                        for ((out, raw), code) in out.iter_mut().zip(raw).zip(codes) {
                            let p = sigmoid(*raw);
                            *out = scales.pack(p - f64::from(*code), p * (1.0 - p));
                        }
                    },
                );
                Some(scales)
            }
            (Truth::Codes(codes), raw) => {
                let scales = Scales { gradient: GRADIENT, curvature: CURVATURE * 4.0 };
                let sums = self.normalisers(raw);
                for (k, (raw, out)) in raw.iter().zip(out).enumerate() {
                    out.par_chunks_mut(CHUNK)
                        .zip(raw.par_chunks(CHUNK))
                        .zip(codes.par_chunks(CHUNK))
                        .zip(sums.par_chunks(CHUNK))
                        .for_each(|(((out, raw), codes), sums)| {
                            for (((out, raw), code), sum) in out.iter_mut().zip(raw).zip(codes).zip(sums) {
                                let p = (raw - sum).exp();
                                let hit = f64::from(u8::from(usize::from(*code) == k));
                                *out = scales.pack(p - hit, p * (1.0 - p));
                            }
                        });
                }
                Some(scales)
            }
            (Truth::Numbers(y), raw) => {
                let (raw, out) = (raw.first()?, out.first_mut()?);
                let poisson = !self.has_even_curvature();
                let one = |raw: f64, y: f64| if poisson { (raw.exp() - y, raw.exp()) } else { (raw - y, 1.0) };
                // The largest of all, in whatever order.
                let (g, h) = fit
                    .par_chunks(CHUNK)
                    .map(|rows| {
                        rows.iter().fold((0.0_f64, 0.0_f64), |most, &r| {
                            let (g, h) = one(raw[r as usize], y[r as usize]);
                            (most.0.max(g.abs()), most.1.max(h))
                        })
                    })
                    .reduce(|| (0.0, 0.0), |a, b| (a.0.max(b.0), a.1.max(b.1)));
                if !(g > 0.0 && h > 0.0 && (GRADIENT / g).is_finite() && (CURVATURE / h).is_finite()) {
                    return None;
                }
                // Where all curvatures are 1 their sum is the number of rows, exactly.
                let curvature = if poisson { CURVATURE / h } else { 1.0 };
                let scales = Scales { gradient: GRADIENT / g, curvature };
                out.par_chunks_mut(CHUNK).zip(raw.par_chunks(CHUNK)).zip(y.par_chunks(CHUNK)).for_each(
                    |((out, raw), y)| {
                        for ((out, raw), y) in out.iter_mut().zip(raw).zip(y) {
                            let (g, h) = one(*raw, *y);
                            *out = scales.pack(g, h);
                        }
                    },
                );
                Some(scales)
            }
        }
    }

    /// Logarithm of the sum of exponentials over the classes, row by row.
    fn normalisers(self, raw: &[Vec<f64>]) -> Vec<f64> {
        let rows = raw.first().map_or(0, Vec::len);
        (0..rows)
            .into_par_iter()
            .with_min_len(CHUNK)
            .map(|r| {
                let top = raw.iter().fold(f64::NEG_INFINITY, |top, k| top.max(k[r]));
                top + raw.iter().map(|k| (k[r] - top).exp()).sum::<f64>().ln()
            })
            .collect()
    }

    /// The mean loss over `rows`.
    pub(super) fn mean(self, truth: &Truth, raw: &[Vec<f64>], rows: &[u32]) -> f64 {
        let one = |r: usize| match (self, truth) {
            (Self::SquaredError, Truth::Numbers(y)) => (raw[0][r] - y[r]).powi(2) / 2.0,
            (_, Truth::Numbers(y)) => raw[0][r].exp() - y[r] * raw[0][r],
            (_, Truth::Codes(codes)) if raw.len() == 1 => {
                let z = if codes[r] == 1 { -raw[0][r] } else { raw[0][r] };
                z.max(0.0) + (-z.abs()).exp().ln_1p()
            }
            (_, Truth::Codes(codes)) => {
                let top = raw.iter().fold(f64::NEG_INFINITY, |top, k| top.max(k[r]));
                let sum = top + raw.iter().map(|k| (k[r] - top).exp()).sum::<f64>().ln();
                sum - raw[usize::from(codes[r])][r]
            }
        };
        // Chunk by chunk and then chunk after chunk: the same sum on any number of threads.
        let parts: Vec<f64> =
            rows.par_chunks(CHUNK).map(|part| part.iter().map(|&r| one(r as usize)).sum::<f64>()).collect();
        parts.iter().sum::<f64>() / rows.len().max(1) as f64
    }
}

impl Scales {
    fn pack(self, gradient: f64, curvature: f64) -> u64 {
        // Rounds half away from nought; `round` is a call of a function where the processor has no instruction for it.
        let g = gradient * self.gradient;
        // The bounds matter for rows that are not fitted on.
        let g = (g + if g < 0.0 { -0.5 } else { 0.5 }).clamp(-GRADIENT, GRADIENT) as i32;
        let h = (curvature * self.curvature + 0.5).min(CURVATURE) as u32;
        pack(g, h)
    }
}
