//! A run's model as a SQL query.

use polars::prelude::DataType;

use super::record::RunRecord;
use super::workshop::Workshop;
use crate::bundle::sql::{self, Dialect, SqlOptions};
use crate::data::column;
use crate::error::Result;

/// Writes the model of a run as one query over `table`. `keys` are the columns handed through; without any, the model's input
/// columns are.
///
/// # Errors
/// When the run has no model, or it cannot be written for this engine (see [`sql::export`]).
pub fn sql_form(shop: &Workshop, run: &RunRecord, dialect: Dialect, table: &str, keys: Vec<String>) -> Result<String> {
    let model = shop.model(run)?;
    let kept = shop.kept_rows(run)?;
    let boolean = |name: &str| column::get(&kept, name).is_ok_and(|c| *c.dtype() == DataType::Boolean);
    let booleans = model.plan.inputs.iter().map(|i| i.name.clone()).filter(|name| boolean(name)).collect();
    let engines: Vec<String> =
        sql::TESTED.iter().map(|(dialect, version)| format!("{} {version}", dialect.title())).collect();
    let notes = vec![
        format!("Run {}, written on {}.", run.id, chrono::Utc::now().format("%Y-%m-%d")),
        format!(
            "This query was not run by Pilothouse. What writes it is tested beside native models in {}.",
            engines.join(", ")
        ),
        format!("To check it on your rows, compare with `pilothouse predict {} SOURCE -o scores.csv`.", run.id),
    ];
    sql::export(&model, &SqlOptions { dialect, table: table.to_owned(), keys, booleans, notes })
}
