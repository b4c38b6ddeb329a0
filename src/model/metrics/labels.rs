//! Metrics of predicted labels: all of them can be read off the confusion matrix.

use super::mean;

/// Counts with true classes as rows and predicted classes as columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion(pub Vec<Vec<u64>>);

/// How the figures of several classes become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Average {
    /// The second of two classes alone.
    Positive,
    /// The mean over the classes that occur in the truth or the prediction.
    Macro,
    /// From the counts of all classes together.
    Micro,
    /// The mean weighted by how often a class occurs in the truth.
    Weighted,
}

/// Hits, truths and claims of one class.
#[derive(Debug, Clone, Copy)]
struct Class {
    hits: f64,
    truth: f64,
    said: f64,
}

/// 0 where scikit-learn's `zero_division` would warn and give 0.
fn share(above: f64, below: f64) -> f64 {
    if below == 0.0 { 0.0 } else { above / below }
}

impl Class {
    fn precision(self) -> f64 {
        share(self.hits, self.said)
    }

    fn recall(self) -> f64 {
        share(self.hits, self.truth)
    }

    /// `(1 + β²) TP / (β² · truth + said)`, van Rijsbergen's F.
    fn f_beta(self, beta: f64) -> f64 {
        let square = beta * beta;
        share((1.0 + square) * self.hits, square * self.truth + self.said)
    }

    fn jaccard(self) -> f64 {
        share(self.hits, self.truth + self.said - self.hits)
    }
}

impl Confusion {
    /// Counts rows. Codes must be below `count`.
    #[must_use]
    pub fn new(truth: &[usize], predicted: &[usize], count: usize) -> Self {
        let mut table = vec![vec![0; count]; count];
        for (&t, &p) in truth.iter().zip(predicted) {
            if let Some(cell) = table.get_mut(t).and_then(|row| row.get_mut(p)) {
                *cell += 1;
            }
        }
        Self(table)
    }

    fn classes(&self) -> Vec<Class> {
        let table = &self.0;
        (0..table.len())
            .map(|k| Class {
                hits: table[k][k] as f64,
                truth: table[k].iter().sum::<u64>() as f64,
                said: table.iter().map(|row| row[k]).sum::<u64>() as f64,
            })
            .collect()
    }

    fn rows(&self) -> f64 {
        self.0.iter().flatten().sum::<u64>() as f64
    }

    fn averaged(&self, average: Average, figure: impl Fn(Class) -> f64) -> f64 {
        let classes = self.classes();
        if self.rows() == 0.0 {
            return f64::NAN;
        }
        match average {
            Average::Positive => classes.get(1).map_or(f64::NAN, |c| figure(*c)),
            Average::Macro => mean(classes.into_iter().filter(|c| c.truth + c.said > 0.0).map(figure)),
            Average::Micro => {
                let whole = Class { hits: 0.0, truth: 0.0, said: 0.0 };
                figure(classes.into_iter().fold(whole, |a, c| Class {
                    hits: a.hits + c.hits,
                    truth: a.truth + c.truth,
                    said: a.said + c.said,
                }))
            }
            Average::Weighted => {
                let rows = self.rows();
                classes.into_iter().map(|c| c.truth * figure(c)).sum::<f64>() / rows
            }
        }
    }

    pub(super) fn precision(&self, average: Average) -> f64 {
        self.averaged(average, Class::precision)
    }

    pub(super) fn recall(&self, average: Average) -> f64 {
        self.averaged(average, Class::recall)
    }

    pub(super) fn f_beta(&self, average: Average, beta: f64) -> f64 {
        self.averaged(average, |c| c.f_beta(beta))
    }

    pub(super) fn jaccard(&self, average: Average) -> f64 {
        self.averaged(average, Class::jaccard)
    }

    /// Share of the negatives (the first of two classes) that are called negative.
    pub(super) fn specificity(&self) -> f64 {
        if self.rows() == 0.0 { f64::NAN } else { self.classes().first().map_or(f64::NAN, |c| c.recall()) }
    }

    pub(super) fn accuracy(&self) -> f64 {
        let hits: f64 = self.classes().iter().map(|c| c.hits).sum();
        let rows = self.rows();
        if rows == 0.0 { f64::NAN } else { hits / rows }
    }

    /// Mean recall over the classes that occur in the truth.
    pub(super) fn balanced_accuracy(&self) -> f64 {
        mean(self.classes().into_iter().filter(|c| c.truth > 0.0).map(Class::recall))
    }

    /// Balanced accuracy so that chance gives 0 and perfection 1.
    pub(super) fn balanced_accuracy_adjusted(&self) -> f64 {
        let chance = 1.0 / self.classes().iter().filter(|c| c.truth > 0.0).count() as f64;
        (self.balanced_accuracy() - chance) / (1.0 - chance)
    }

    /// Matthews' correlation for any number of classes (Gorodkin 2004); 0 when undefined.
    pub(super) fn matthews(&self) -> f64 {
        let classes = self.classes();
        let all = self.rows();
        let hits: f64 = classes.iter().map(|c| c.hits).sum();
        let cross: f64 = classes.iter().map(|c| c.truth * c.said).sum();
        let spread = |of: fn(&Class) -> f64| all * all - classes.iter().map(|c| of(c).powi(2)).sum::<f64>();
        let below = (spread(|c| c.truth) * spread(|c| c.said)).sqrt();
        if all == 0.0 {
            return f64::NAN;
        }
        if below == 0.0 { 0.0 } else { (hits * all - cross) / below }
    }

    /// Cohen's kappa: `1 - Σ w·observed / Σ w·expected`, where `weight(i, j)` is the cost of calling class i class j.
    /// NaN when both sides know one class only.
    pub(super) fn kappa(&self, weight: impl Fn(f64, f64) -> f64) -> f64 {
        let classes = self.classes();
        let rows = self.rows();
        let (mut seen, mut expected) = (0.0, 0.0);
        for (i, (row, truth)) in self.0.iter().zip(&classes).enumerate() {
            for (j, (cell, said)) in row.iter().zip(&classes).enumerate() {
                let w = weight(i as f64, j as f64);
                seen += w * *cell as f64;
                expected += w * truth.truth * said.said / rows;
            }
        }
        if expected > 0.0 { 1.0 - seen / expected } else { f64::NAN }
    }

    /// Of two classes: (true positive rate / false positive rate, false negative rate / true negative rate). NaN without
    /// positives; the first also without false alarms, the second without right negatives.
    pub(super) fn likelihood_ratios(&self) -> (f64, f64) {
        let [negative, positive] = self.classes()[..] else { return (f64::NAN, f64::NAN) };
        let (tp, tn) = (positive.hits, negative.hits);
        let (fp, fn_) = (negative.truth - tn, positive.truth - tp);
        if positive.truth == 0.0 {
            return (f64::NAN, f64::NAN);
        }
        let up = if fp == 0.0 { f64::NAN } else { tp * negative.truth / (fp * positive.truth) };
        let down = if tn == 0.0 { f64::NAN } else { fn_ * negative.truth / (tn * positive.truth) };
        (up, down)
    }
}
