//! McNemar's test: of the rows that only one of two models gets right, does either get more?

use statrs::distribution::{Binomial, DiscreteCDF};

use crate::model::curves::wilson;

/// What McNemar's test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Share right by the first less share right by the second.
    pub difference: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// Two-sided p of the exact test.
    pub p: f64,
}

/// The exact test, and the interval of the difference of two paired shares from the Wilson intervals of each (Newcombe 1998,
/// method 10). `None` without rows.
#[must_use]
pub fn mcnemar(first: &[bool], second: &[bool]) -> Option<McNemar> {
    let count = |a: bool, b: bool| first.iter().zip(second).filter(|(x, y)| **x == a && **y == b).count();
    let (both, only_first, only_second, none) =
        (count(true, true), count(true, false), count(false, true), count(false, false));
    let n = first.len();
    if n == 0 {
        return None;
    }
    let discordant = only_first + only_second;
    let p = Binomial::new(0.5, discordant as u64)
        .map_or(1.0, |b| (2.0 * b.cdf(only_first.min(only_second) as u64)).min(1.0));

    let n = n as f64;
    let [e, f, g, h] = [both, only_first, only_second, none].map(|c| c as f64);
    let ((low1, high1), (low2, high2)) = (wilson(e + f, n), wilson(e + g, n));
    let (share1, share2) = ((e + f) / n, (e + g) / n);
    // How the two go together, with the correction that Newcombe gives for small tables.
    let below = (e + f) * (g + h) * (e + g) * (f + h);
    let above = e * h - f * g;
    let above = if above > n / 2.0 {
        above - n / 2.0
    } else if above > 0.0 {
        0.0
    } else {
        above
    };
    let phi = if below > 0.0 { above / below.sqrt() } else { 0.0 };
    let reach = |a: f64, b: f64| (a * a - 2.0 * phi * a * b + b * b).max(0.0).sqrt();
    let difference = share1 - share2;
    Some(McNemar {
        difference,
        low: difference - reach(share1 - low1, high2 - share2),
        high: difference + reach(high1 - share1, share2 - low2),
        p,
    })
}
