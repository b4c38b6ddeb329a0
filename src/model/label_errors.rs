//! Labels that are likely wrong: models that had not seen a row contradict its label outright.

use super::Target;
use super::confident::{confident_joint, label_issues, noise};
use super::feasibility::OutOfFold;
use super::prepare::Prepared;
use crate::data::{Finding, Severity, brief, counted, percent};

/// The name of the check.
pub const CHECK: &str = "label-errors";

/// Probability of another class from which a label is contradicted outright.
const OUTRIGHT: f64 = 0.9;

/// Share of rows contradicted outright from which it is said, and the fewest of them.
const SHARE: f64 = 0.015;
const FEWEST: usize = 10;

/// Share of the suspected labels that must be contradicted outright. Where classes merely overlap, confident learning suspects
/// a tenth of the rows and more, and most of them mildly: of the credit sample 12 %, of which 13 % outright.
const OUTRIGHT_OF_SUSPECTED: f64 = 0.25;

/// Rows whose labels confident learning suspects *and* which are contradicted outright, the most suspicious first.
///
/// From probabilities alone a wrong label and an honest exception look the same: where the columns tell the target only
/// roughly, wrong labels stay hidden, and nothing is said.
#[must_use]
pub fn find(prepared: &Prepared, said: &OutOfFold) -> Option<Finding> {
    let Target::Classes { codes, .. } = &said.truth else { return None };
    let scores = said.prediction.scores.view();
    let issues = label_issues(codes, scores);
    let against = |row: usize| {
        let others = (0..scores.ncols()).filter(|k| *k != codes[row]);
        others.map(|k| scores[[row, k]]).fold(0.0, f64::max)
    };
    let mut contradicted: Vec<(f64, usize)> =
        issues.iter().map(|row| (against(*row), *row)).filter(|(p, _)| *p >= OUTRIGHT).collect();
    let share = contradicted.len() as f64 / codes.len().max(1) as f64;
    let overlap = (contradicted.len() as f64) < OUTRIGHT_OF_SUSPECTED * issues.len() as f64;
    if contradicted.len() < FEWEST || share < SHARE || overlap {
        return None;
    }
    contradicted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let name = brief(&prepared.target_name, 60);
    let message = format!(
        "{} ({}) have a value of {name} that models which had not seen them contradict with nine to one or more: some of these labels are likely wrong",
        counted(contradicted.len() as u64, "row"),
        percent(share)
    );
    Some(
        Finding::new(CHECK, Severity::Warning, message)
            .on(&prepared.target_name)
            .with("rows", contradicted.len())
            .with("share", share)
            .with("suspected", issues.len())
            .with("estimated_noise", noise(&confident_joint(codes, scores)))
            .with("looked_at", codes.len())
            .remedy("Have a person look at these rows, the first ones first; correct what is wrong at its source and keep the exceptions")
            .rows(contradicted.into_iter().map(|(_, row)| said.rows[row] as usize)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LoadOptions, load, mix};
    use crate::engine::Control;
    use crate::model::feasibility::learning_curve;
    use crate::model::prepare::{PrepareSpec, prepare};

    /// Rows whose label follows from two columns, but for every `every`-th.
    fn found(every: usize) -> Option<Finding> {
        let noise = |i: usize, salt: u64, n: u64| mix(salt, i as u64) % n;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let text = (0..600).fold("a,b,y\n".to_owned(), |text, i| {
            let a = noise(i, 1, 1000);
            let wrong = i % every == 7;
            text + &format!("{a},{},{}\n", noise(i, 2, 1000), if (a > 500) == wrong { "no" } else { "yes" })
        });
        std::fs::write(&path, text).unwrap();
        let data = load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap();
        let prepared = prepare(&data, &PrepareSpec { target: "y".into(), ..PrepareSpec::default() }, &[], 1).unwrap();
        find(&prepared, &learning_curve(&data, &prepared, 1, &Control::default()).unwrap().out_of_fold)
    }

    #[test]
    fn wrong_labels_are_found_and_right_ones_left_alone() {
        let f = found(20).unwrap();
        assert_eq!((f.check.as_ref(), f.column.as_deref()), (CHECK, Some("y")));
        let right = f.rows.iter().filter(|row| (*row - 1) % 20 == 7).count();
        assert!(right >= 8 && f.rows.len() == 10, "{f:?}");
        assert_eq!(found(10_000), None);
    }
}
