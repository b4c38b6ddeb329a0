//! The second look at a table: models are fitted to say whether it can carry one, and which labels they contradict.

use crate::data::{Dataset, Feasibility, FeasibilityVerdict, Finding, Profile, Reason, in_order};
use crate::engine::Control;
use crate::error::{Error, Kind, Result};
use crate::model::feasibility::{curve_reasons, learning_curve, time_reasons};
use crate::model::leakage::{self, check_split};
use crate::model::prepare::{Leak, PrepareSpec, prepare};
use crate::model::{Prepared, label_errors};
use crate::store::now_ms;

use super::data_steps::{LEAK, inspect, leaks};
use super::step::Step;
use super::workshop::{Walk, Workshop};

/// What the second look found.
#[derive(Debug, Clone, PartialEq)]
pub struct Deep {
    /// The first verdict's reasons and those of the fitted models.
    pub feasibility: Feasibility,
    /// Suspicious labels, and what the two sides of the split share.
    pub findings: Vec<Finding>,
}

impl Deep {
    /// The profile with what was found put in its place.
    #[must_use]
    pub fn into_profile(self, mut profile: Profile) -> Profile {
        let deep = |f: &Finding| f.check == label_errors::CHECK || leakage::CHECKS.contains(&f.check.as_ref());
        profile.findings.retain(|f| !deep(f));
        profile.findings.extend(self.findings);
        profile.findings = in_order(profile.findings);
        profile.feasibility = self.feasibility;
        profile
    }
}

/// Assesses a table whose profile is known: learning curve and predictability with a small forest on at most 10,000 rows, label
/// delay and freshness at `now` (milliseconds since 1970), suspicious labels, and the leakage battery over the split that
/// `spec` asks for. The columns that the profile found to leak are left out. Takes seconds; to be run in the background.
///
/// # Errors
/// When cancelled, or when a column of `spec` does not exist. A table on which nothing can be fitted is an answer, not an error.
pub fn assess_deep(
    dataset: &Dataset,
    profile: &Profile,
    spec: &PrepareSpec,
    seed: u64,
    now: i64,
    control: &Control,
) -> Result<Deep> {
    let found = profile.findings.iter().filter(|f| f.check == LEAK);
    let leaks: Vec<Leak> =
        found.filter_map(|f| Some(Leak { column: f.column.clone()?, reason: f.evidence.clone() })).collect();
    deep(dataset, profile, spec, &leaks, seed, now, control)
}

fn deep(
    dataset: &Dataset,
    profile: &Profile,
    spec: &PrepareSpec,
    leaks: &[Leak],
    seed: u64,
    now: i64,
    control: &Control,
) -> Result<Deep> {
    dataset.spec(&spec.target)?;
    control.report("feasibility", Some(0.0), "the split");
    let time = profile.time.as_deref();
    let mut reasons = match time {
        Some(time) => time_reasons(dataset, &spec.target, time, now)?,
        None => Vec::new(),
    };
    let mut findings = Vec::new();
    match fitted(dataset, spec, leaks, time, seed, control) {
        Ok((more, found)) => {
            reasons.extend(more);
            findings = found;
        }
        Err(error) if error.kind == Kind::Cancelled => return Err(error),
        Err(error) => reasons.push(Reason::new(
            "fit",
            FeasibilityVerdict::NotYet,
            f64::NAN,
            format!("No model could be fitted: {}", error.message),
            error.hint.unwrap_or_else(|| "Change what the message names".to_owned()),
        )),
    }
    control.check()?;
    Ok(Deep { feasibility: profile.feasibility.and(reasons), findings })
}

/// What fitted models say, and what the split shares.
fn fitted(
    dataset: &Dataset,
    spec: &PrepareSpec,
    leaks: &[Leak],
    time: Option<&str>,
    seed: u64,
    control: &Control,
) -> Result<(Vec<Reason>, Vec<Finding>)> {
    let prepared: Prepared = prepare(dataset, spec, leaks, seed)?;
    let mut findings = check_split(dataset, &prepared, time, control)?;
    let curve = learning_curve(dataset, &prepared, seed, control)?;
    findings.extend(label_errors::find(&prepared, &curve.out_of_fold));
    Ok((curve_reasons(&curve)?, findings))
}

/// The second look within a walk: assesses its table and keeps the deepened profile in place of the first.
///
/// # Errors
/// When the walk has no target, the workspace cannot be written, or when cancelled (then the first profile stays).
pub fn inspect_deep(shop: &Workshop, walk: &Walk, dataset: &Dataset, control: &Control) -> Result<Profile> {
    if walk.flow.prepare.target.is_empty() {
        return Err(Error::usage("no target was chosen").hint("Choose the column to predict first"));
    }
    let profile = match shop.left::<Profile>(walk, Step::Inspect)? {
        Some(profile) => profile,
        None => inspect(shop, walk, dataset, control)?,
    };
    let leaks = leaks(&walk.flow, dataset, Some(&profile));
    let deep = deep(dataset, &profile, &walk.flow.prepare, &leaks, walk.flow.seed, now_ms(), control)?;
    let profile = deep.into_profile(profile);
    shop.keep(walk, Step::Inspect, false, &profile)?;
    Ok(profile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LoadOptions, load, mix, profile};
    use crate::flow::spec::Flow;

    fn table(folder: &std::path::Path, row: impl Fn(usize) -> String) -> Dataset {
        let path = folder.join("t.csv");
        let text = (0..240).fold("day,a,b,y\n".to_owned(), |text, i| text + &row(i) + "\n");
        std::fs::write(&path, text).unwrap();
        load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default()).unwrap()
    }

    fn useful(i: usize) -> String {
        let a = mix(1, i as u64) % 900;
        let day = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(i as u64);
        format!("{day},{a},{},{}", mix(2, i as u64) % 900, if a + mix(3, i as u64) % 400 > 650 { "yes" } else { "no" })
    }

    fn spec() -> PrepareSpec {
        PrepareSpec { target: "y".into(), ..PrepareSpec::default() }
    }

    #[test]
    fn a_walk_keeps_the_second_look_and_repeating_it_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = table(folder.path(), useful);
        let shop = Workshop::open(&folder.path().join("w")).unwrap();
        let mut flow = Flow { prepare: spec(), ..Flow::default() };
        flow.load.source.clone_from(&dataset.source);
        let walk = shop.begin(&flow).unwrap();
        let first = inspect(&shop, &walk, &dataset, &Control::default()).unwrap();
        let second = inspect_deep(&shop, &walk, &dataset, &Control::default()).unwrap();
        let names: Vec<&str> = second.feasibility.reasons.iter().map(|r| r.name.as_str()).collect();
        for name in ["predictability", "learning-curve", "freshness", "label-delay"] {
            assert!(names.contains(&name) && first.feasibility.reasons.iter().all(|r| r.name != name), "{names:?}");
        }
        assert_eq!(shop.left::<Profile>(&walk, Step::Inspect).unwrap(), Some(second.clone()));
        assert!(second.findings.iter().any(|f| f.check == "split-time"));
        let again = inspect_deep(&shop, &walk, &dataset, &Control::default()).unwrap();
        assert_eq!((again.findings, again.feasibility.verdict), (second.findings, second.feasibility.verdict));
        assert_eq!(again.feasibility.reasons.len(), second.feasibility.reasons.len());
    }

    #[test]
    fn a_table_that_carries_no_model_is_an_answer_and_a_cancel_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let dataset = table(folder.path(), |i| format!("2024-01-01,{i},{i},{}", if i < 225 { "" } else { "yes" }));
        let known = profile(&dataset, Some("y"), &Control::default()).unwrap();
        let deep = assess_deep(&dataset, &known, &spec(), 1, 0, &Control::default()).unwrap();
        let fit = deep.feasibility.reasons.iter().find(|r| r.name == "fit").unwrap();
        assert!(fit.verdict == FeasibilityVerdict::NotYet && !fit.change.is_empty(), "{fit:?}");
        let sound = table(folder.path(), useful);
        let known = profile(&sound, Some("y"), &Control::default()).unwrap();
        let control = Control::default();
        control.cancel();
        assert_eq!(assess_deep(&sound, &known, &spec(), 1, 0, &control).unwrap_err().kind, Kind::Cancelled);
        assert!(assess_deep(&sound, &known, &PrepareSpec { target: "z".into(), ..spec() }, 1, 0, &control).is_err());
    }
}
