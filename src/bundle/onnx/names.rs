//! Names of the graph's outputs.

use std::collections::BTreeSet;

use crate::model::FittedModel;

/// Longest class name taken into an output name, in characters.
const LONGEST: usize = 60;

/// The graph's outputs in order: `label` and `p_<class>` for each class, or `prediction`.
///
/// In a class name, every run of characters other than letters, digits, `.`, `-` and `_` becomes one `_`. A name that is taken, by an
/// input column or by another class, gets `_2`, `_3` and so on.
#[must_use]
pub fn output_names(model: &FittedModel) -> Vec<String> {
    let mut taken: BTreeSet<String> = model.plan.inputs.iter().map(|i| i.name.clone()).collect();
    let wanted: Vec<String> = if model.task.is_classification() {
        std::iter::once("label".to_owned()).chain(model.classes.iter().map(|c| format!("p_{}", clean(c)))).collect()
    } else {
        vec!["prediction".to_owned()]
    };
    wanted.into_iter().map(|name| claim(&mut taken, name)).collect()
}

fn claim(taken: &mut BTreeSet<String>, name: String) -> String {
    let free = if taken.contains(&name) {
        // There are finitely many taken names, so one of the numbered ones is free.
        (2u64..).map(|n| format!("{name}_{n}")).find(|n| !taken.contains(n)).unwrap_or_default()
    } else {
        name
    };
    taken.insert(free.clone());
    free
}

fn clean(class: &str) -> String {
    let mut name = String::new();
    for c in class.trim().chars().take(LONGEST) {
        if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') {
            name.push(c);
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    let name = name.trim_matches('_');
    if name.is_empty() { "class".to_owned() } else { name.to_owned() }
}
