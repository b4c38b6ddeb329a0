//! A query as a chain of named steps. Each step computes some columns from the step before and carries others on.

use super::dialect::Dialect;

/// A growing query. Columns have short names of our own (`k1`, `v2`, …), so nothing clashes with a table's.
pub(super) struct Query {
    pub(super) dialect: Dialect,
    prefix: String,
    steps: Vec<String>,
    columns: Vec<String>,
    widest: usize,
}

/// A computed column: its name and its expression.
pub(super) type Computed = (String, String);

impl Query {
    /// A query whose first step reads `columns`, of which there must be some, from `table` (quoted) as `t`. Steps are called `prefix` and a number.
    pub(super) fn new(dialect: Dialect, prefix: String, table: &str, columns: Vec<Computed>) -> Self {
        let mut query = Self { dialect, prefix, steps: Vec::new(), columns: Vec::new(), widest: 0 };
        query.push(columns, &format!("{table} AS t"));
        query
    }

    fn last(&self) -> String {
        format!("{}_{}", self.prefix, self.steps.len())
    }

    fn push(&mut self, computed: Vec<Computed>, from: &str) {
        let mut carried = std::mem::take(&mut self.columns);
        let fresh: std::collections::BTreeSet<&str> = computed.iter().map(|(name, _)| name.as_str()).collect();
        carried.retain(|name| !fresh.contains(name.as_str()));
        let list: Vec<String> = carried
            .into_iter()
            .map(|name| (name.clone(), name))
            .chain(computed)
            .map(|(name, expression)| {
                let item = if name == expression { name.clone() } else { format!("{expression} AS {name}") };
                self.columns.push(name);
                item
            })
            .collect();
        self.widest = self.widest.max(list.len());
        let name = format!("{}_{}", self.prefix, self.steps.len() + 1);
        self.steps.push(format!(
            "{name} AS (\n  SELECT\n    {}\n  FROM {from}{}\n)",
            list.join(",\n    "),
            self.dialect.fence()
        ));
    }

    /// A step that computes columns and carries those of the last step for which `keep` holds. A column computed anew takes
    /// the place of the old one.
    pub(super) fn step(&mut self, computed: Vec<Computed>, keep: impl Fn(&str) -> bool) {
        self.columns.retain(|name| keep(name));
        let from = self.last();
        self.push(computed, &from);
    }

    /// The most columns that a step has.
    pub(super) fn widest(&self) -> usize {
        self.widest
    }

    /// The text, ending with the given columns; their names are quoted.
    pub(super) fn finish(self, outputs: &[Computed]) -> String {
        let list: Vec<String> = outputs.iter().map(|(name, expression)| format!("{expression} AS {name}")).collect();
        let last = self.last();
        format!("WITH {}\nSELECT\n  {}\nFROM {last}\n", self.steps.join(",\n"), list.join(",\n  "))
    }
}

/// A sum of many terms whose parentheses nest as little as they can: engines limit how deep an expression is.
pub(super) fn balanced_sum(terms: &[String]) -> String {
    const TOGETHER: usize = 16;
    if terms.len() <= TOGETHER {
        return terms.join(" + ");
    }
    let mut each = TOGETHER;
    while each * TOGETHER < terms.len() {
        each *= TOGETHER;
    }
    let parts: Vec<String> = terms.chunks(each).map(|part| format!("({})", balanced_sum(part))).collect();
    parts.join(" + ")
}
