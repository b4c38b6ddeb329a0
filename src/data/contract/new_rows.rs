//! What a contract can ask of new rows, whose answers may not be known yet.

use super::spec::Contract;
use crate::data::Dataset;
use crate::data::expression_columns;

impl Contract {
    /// The contract for a batch of new rows. `later` names the columns that are known only afterwards: the target, and what it
    /// is computed from. They may be absent or without values; unique keys and relations that read an absent one are not
    /// asked. The number of rows is that of a table to learn from, and says nothing of a batch.
    #[must_use]
    pub fn for_new_rows(&self, data: &Dataset, later: &[String]) -> Self {
        let mut contract = Self { rows: None, ..self.clone() };
        for column in contract.columns.iter_mut().filter(|c| later.contains(&c.name)) {
            column.required = false;
            column.not_null = None;
        }
        let asked = |name: &String| !later.contains(name) || data.spec(name).is_ok();
        contract.unique.retain(|key| key.columns.iter().all(asked));
        contract.relations.retain(|relation| expression_columns(&relation.condition).iter().all(asked));
        contract
    }
}
