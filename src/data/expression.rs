//! Columns derived, and rows chosen, by an SQL expression.
//!
//! The language is the expression part of Polars SQL: arithmetic, comparisons, `CASE WHEN … THEN … ELSE … END`, `CAST`,
//! `COALESCE`, `LN`, `ABS`, `ROUND`, `LOWER`, `LENGTH`, `LIKE`, `IN`, `IS NULL`, `EXTRACT(part FROM moment)`. Names with other characters
//! than letters, digits and underscores stand in double quotes, texts in single quotes. Examples:
//!
//! - minutes between two moments: `(EXTRACT(EPOCH FROM b) - EXTRACT(EPOCH FROM a)) / 60`, or `EXTRACT(EPOCH FROM b - a) / 60`;
//! - the difference alone, `b - a`, gives seconds;
//! - hour of day and day of week (0 is Sunday): `EXTRACT(HOUR FROM a)`, `EXTRACT(DOW FROM a)`;
//! - rows of a time: `pickup_datetime >= '2018-01-01' AND pickup_datetime < '2019-07-01 00:00:00'`;
//! - a flag: `CASE WHEN fare_amount < 0 THEN 'refund' ELSE 'fare' END`.
//!
//! Numbers are written without an exponent (`1000`, not `1e3`), which Polars SQL does not read.
//!
//! An expression must speak about one row at a time. An average over all rows, say, would carry test rows into training.

use polars::prelude::*;
use polars::sql::sql_expr;

use super::display::brief;
use super::{ColumnSpec, Dataset, meaning, parquet};
use crate::engine::{Control, guarded};
use crate::error::{Error, Result};

/// Rows on which it is tried out whether an expression looks at other rows.
const TRIAL: usize = 500;

/// Longest expression that is read, in bytes.
const LONGEST: usize = 64 << 10;

/// Most operators and brackets in an expression. Parser and engine descend into an expression once per operator; a chain of
/// a hundred thousand additions would overflow the stack, which nothing can catch.
const MOST_OPERATORS: usize = 400;

/// Deepest nesting of functions that have a syntax of their own, such as `CAST(x AS INT)`. Where an expression is wrong, the
/// parser reads what is inside of each twice: forty of them would keep it busy for years.
const MOST_NESTED: usize = 12;

/// Refuses what is too large to be read on any thread's stack, or in a person's time.
fn bounded(expression: &str) -> Result<()> {
    if expression.len() <= LONGEST {
        let Weight { operators, nested, odd } = weight(expression);
        if let Some(odd) = odd {
            return Err(Error::input(format!("the expression `{}` holds {odd}", brief(expression, 60)))
                .hint("Write texts in 'single' and names in \"double\" quotes, and nothing but the expression"));
        }
        if operators <= MOST_OPERATORS && nested <= MOST_NESTED {
            return Ok(());
        }
    }
    Err(Error::input(format!("the expression `{}` is too long or too deep", brief(expression, 60)))
        .hint("Derive parts of it as columns of their own, and use those"))
}

/// What an expression asks of the parser.
struct Weight {
    /// Operators and brackets outside of quotes. Commas do not count: a list is as deep as one of its members. A word is an
    /// operator by its name, or by its place behind an operand.
    operators: usize,
    /// How deep functions with a syntax of their own stand in each other.
    nested: usize,
    /// What the parser reads by rules of its own: within a comment, or a text with a prefix, a quote is no quote, and what
    /// was counted here would not be what is parsed.
    odd: Option<&'static str>,
}

fn weight(expression: &str) -> Weight {
    // Each open bracket with what it adds to the nesting; whether an operand, or such a function, stands before a place.
    let (mut open, mut nested): (Vec<usize>, usize) = (Vec::new(), 0);
    let (mut count, mut operand, mut special) = (0usize, false, 0usize);
    let (mut odd, mut cases) = (None, 0usize);
    let mut rest = expression.chars().peekable();
    while let Some(c) = rest.next() {
        let before = std::mem::take(&mut special);
        match c {
            '\'' | '"' | '`' => {
                rest.by_ref().find(|d| *d == c);
                operand = true;
            }
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c.to_ascii_uppercase());
                while let Some(d) = rest.next_if(|d| d.is_alphanumeric() || *d == '_') {
                    word.push(d.to_ascii_uppercase());
                }
                if rest.peek().is_some_and(|d| matches!(d, '\'' | '"' | '`')) {
                    odd = Some("a quote right behind a letter or digit");
                }
                let behind = std::mem::replace(&mut operand, true);
                match word.as_str() {
                    "AND" | "OR" | "XOR" | "NOT" | "WHEN" | "IS" | "IN" | "LIKE" | "ILIKE" | "RLIKE" | "REGEXP"
                    | "SIMILAR" | "DIV" | "BETWEEN" | "ESCAPE" | "AT" | "SELECT" => {
                        count += 1;
                        operand = false;
                    }
                    "THEN" | "ELSE" | "FROM" | "FOR" | "AS" | "TO" | "DISTINCT" | "WITH" | "WITHOUT" | "TIME" => {
                        operand = false;
                    }
                    // Without its end it is read twice, like the functions below.
                    "CASE" => {
                        (count, cases, operand) = (count + 1, cases + 1, false);
                        nested = nested.max(open.iter().sum::<usize>() + cases);
                    }
                    "END" => cases = cases.saturating_sub(1),
                    // `LPAD(a, 1000000000)` would fill the memory.
                    "LPAD" | "RPAD" | "REPEAT" => odd = Some("a function that makes texts of any length"),
                    "ZONE" | "PRECISION" | "NULL" => {}
                    // The parser descends into what follows, with much stack for each.
                    "INTERVAL" => count += MOST_OPERATORS / 20,
                    "CAST" | "TRY_CAST" | "SAFE_CAST" | "CONVERT" | "EXTRACT" | "CEIL" | "FLOOR" | "SUBSTR"
                    | "SUBSTRING" | "OVERLAY" | "TRIM" | "ARRAY" | "STRUCT" | "MAP" => special = 1,
                    "POSITION" => special = 2,
                    // `INTERVAL INTERVAL`, `a COLLATE b COLLATE c`; but `1.5` is one number.
                    _ if behind && !c.is_ascii_digit() => count += MOST_OPERATORS / 40,
                    _ => {}
                }
            }
            '(' | '[' | '{' => {
                count += 1;
                open.push(before);
                nested = nested.max(open.iter().sum::<usize>() + cases);
                operand = false;
            }
            ')' | ']' | '}' => {
                open.pop();
                operand = true;
            }
            '.' => {}
            ',' => operand = false,
            c if c.is_ascii_punctuation() => {
                match (c, rest.peek()) {
                    ('-', Some('-')) | ('/', Some('*')) => odd = Some("a comment"),
                    ('$' | '#', _) => odd = Some("one of the signs $ and #"),
                    _ => {}
                }
                count += 1;
                operand = false;
            }
            _ => special = before,
        }
    }
    Weight { operators: count, nested, odd }
}

/// A column's name as an expression names it.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether an expression can be read.
///
/// # Errors
/// When it cannot; the message says why.
pub fn understood(expression: &str) -> Result<()> {
    parse(expression).map(|_| ())
}

fn parse(expression: &str) -> Result<Expr> {
    bounded(expression)?;
    let place = || format!("the expression `{}`", brief(expression, 120));
    let expr = guarded(&place(), || sql_expr(expression).map_err(|e| refused(&place(), &e)))?;
    Ok(match expr {
        Expr::Alias(inner, _) => inner.as_ref().clone(),
        other => other,
    })
}

fn refused(place: &str, error: &PolarsError) -> Error {
    let text = error.to_string();
    Error::input(format!("{place} is not understood: {}", brief(text.lines().next().unwrap_or_default(), 200)))
        .hint("Write an SQL expression such as EXTRACT(EPOCH FROM b - a) / 60 or a >= DATE('2020-01-31')")
}

/// The columns that an expression reads, in the order of their first mention. Empty when it cannot be parsed.
#[must_use]
pub fn expression_columns(expression: &str) -> Vec<String> {
    parse(expression).map(|expr| columns_of(&expr)).unwrap_or_default()
}

fn columns_of(expr: &Expr) -> Vec<String> {
    // The tree is walked from the root with the last operand first; turning it round gives the order of the text.
    let mut names: Vec<String> = Vec::new();
    for part in expr {
        if let Expr::Column(name) = part {
            names.push(name.to_string());
        }
    }
    names.reverse();
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Evaluates a row-wise expression to one column of the dataset's height.
fn evaluate(data: &Dataset, name: &str, expression: &str, control: &Control) -> Result<Column> {
    let expr = parse(expression)?;
    if let Some(unknown) = columns_of(&expr).iter().find(|c| data.columns.iter().all(|s| s.name != **c)) {
        return Err(data.no_such_column(unknown).at(format!("the expression `{}`", brief(expression, 120))));
    }
    let place = format!("the expression `{}`", brief(expression, 120));
    let other_rows = || {
        Error::input(format!("{place} looks at more than one row"))
            .hint("Use only what stands in the same row: sums, averages and ranks over rows would carry test rows into training")
    };
    if (&expr).into_iter().any(|e| match e {
        // `x IN (1, 2)` gathers its constants into a list; that looks at no row.
        Expr::Agg(AggExpr::Implode { input, .. }) => input.as_ref().into_iter().any(|e| !matches!(e, Expr::Literal(_))),
        Expr::Agg(_) | Expr::Over { .. } | Expr::Len | Expr::SubPlan(..) => true,
        _ => false,
    }) {
        return Err(other_rows());
    }
    let expr = with_moments(expr, &data.frame)?;
    conditions_meet(&expr, &data.frame).map_err(|e| e.at(&place))?;
    let expr = expr.alias(name);
    control.check()?;
    let on = |frame: DataFrame| -> Result<Column> {
        let height = frame.height();
        let result =
            guarded(&place, || frame.lazy().select([expr.clone()]).collect().map_err(|e| refused(&place, &e)))?;
        let column = match result.columns() {
            [one] => one.clone(),
            many => return Err(Error::input(format!("{place} gives {} columns instead of one", many.len()))),
        };
        match column.len() {
            n if n == height => Ok(column),
            1 => Ok(column.new_from_index(0, height)),
            n => Err(Error::input(format!("{place} gives {n} values for {height} rows"))),
        }
    };
    let whole = on(data.frame.clone())?;
    control.check()?;
    // Whatever looks at other rows gives another result when they are gone.
    let half = (data.rows() / 2).min(TRIAL);
    for (start, length) in [(0, half), (half, (data.rows() - half).min(TRIAL))] {
        if length > 0 && !on(data.frame.slice(start as i64, length))?.equals_missing(&whole.slice(start as i64, length))
        {
            return Err(other_rows());
        }
    }
    Ok(whole)
}

/// Good SQL that Polars does not know: `EXTRACT(EPOCH FROM b - a)`, where it has an epoch of moments only, becomes the
/// seconds of the duration; and a text compared to a date or moment (`day >= '2019-01-01'`) becomes a moment.
fn with_moments(expr: Expr, frame: &DataFrame) -> Result<Expr> {
    let is_duration = |operand: &Expr| matches!(type_of(operand, frame), DataType::Duration(_));
    let is_moment = |operand: &Expr| matches!(type_of(operand, frame), DataType::Date | DataType::Datetime(..));
    let compare = |left: Arc<Expr>, op: Operator, right: Arc<Expr>| Expr::BinaryExpr { left, op, right };
    guarded("the expression", || {
        expr.try_map_expr(|part| {
            // EXTRACT(EPOCH FROM x) arrives as timestamp(x) / 1e9 + nanosecond(x) / 1e9.
            if let Expr::BinaryExpr { left, op: Operator::Plus, right } = &part
                && let (Some(a), Some(b)) = (epoch_operand(left), epoch_operand(right))
                && a == b
                && is_duration(a)
            {
                let micros = a.clone().cast(DataType::Duration(TimeUnit::Microseconds)).to_physical();
                return Ok(micros.cast(DataType::Float64) / lit(1e6));
            }
            if let Expr::BinaryExpr { left, op, right } = &part
                && op.is_comparison()
            {
                let pairs = (
                    moment_literal(right).filter(|_| is_moment(left)),
                    moment_literal(left).filter(|_| is_moment(right)),
                );
                return Ok(match pairs {
                    (Some(moment), _) => compare(left.clone(), *op, Arc::new(moment)),
                    (_, Some(moment)) => compare(Arc::new(moment), *op, right.clone()),
                    _ => part,
                });
            }
            Ok(part)
        })
        .map_err(Error::from)
    })
}

/// What an expression would give, by the columns' types alone; nothing when that cannot be told.
fn type_of(expr: &Expr, frame: &DataFrame) -> DataType {
    let typed = frame.head(Some(0)).lazy().select([expr.clone().alias("x")]).collect_schema();
    typed.ok().and_then(|schema| schema.get("x").cloned()).unwrap_or(DataType::Null)
}

/// Refuses `AND` and `OR` between a condition and something else: Polars would take the other side's numbers for bits, or
/// for yes wherever they are not zero.
fn conditions_meet(expr: &Expr, frame: &DataFrame) -> Result<()> {
    for part in expr {
        let Expr::BinaryExpr { left, op, right } = part else { continue };
        let word = match op {
            Operator::And | Operator::LogicalAnd => "AND",
            Operator::Or | Operator::LogicalOr => "OR",
            _ => continue,
        };
        let [a, b] = [left, right].map(|side| type_of(side, frame));
        let (odd, side) = match (&a, &b) {
            (DataType::Boolean, DataType::Boolean | DataType::Null) | (DataType::Null, _) => continue,
            (DataType::Boolean, other) => (other, right),
            (other, DataType::Boolean) => (other, left),
            _ => continue,
        };
        return Err(Error::input(format!(
            "{word} wants a condition on both sides, and `{}` is none ({})",
            brief(&side.to_string(), 60),
            kind(odd)
        ))
        .hint("Say what is asked of it, for example tip_amount > 0"));
    }
    Ok(())
}

/// What values of a type are called.
fn kind(of: &DataType) -> &'static str {
    match of {
        DataType::String => "a text",
        DataType::Date | DataType::Datetime(..) | DataType::Duration(_) => "a moment",
        _ => "a number",
    }
}

/// A moment written as a text in ISO 8601.
fn moment_literal(expr: &Expr) -> Option<Expr> {
    let Expr::Literal(value) = expr else { return None };
    let any = value.to_any_value()?;
    let text = any.get_str()?;
    let moment = super::csv::dates::parse(super::csv::dates::Order::YmdDash, text.trim().as_bytes())?;
    Some(lit(moment.micros).cast(DataType::Datetime(TimeUnit::Microseconds, None)))
}

/// The operand of one half of an epoch.
fn epoch_operand(half: &Expr) -> Option<&Expr> {
    let Expr::BinaryExpr { left, op, .. } = half else { return None };
    if !matches!(op, Operator::RustDivide | Operator::TrueDivide | Operator::FloorDivide) {
        return None;
    }
    match left.as_ref() {
        Expr::Function { input, function: FunctionExpr::TemporalExpr(_) } => input.first(),
        _ => None,
    }
}

/// Adds a column computed by an SQL expression over the columns of the same row.
///
/// The result is brought to one of the six storage types (a duration becomes seconds; a number that is infinite or no number
/// becomes missing), and its meaning is found like that of a loaded column.
///
/// # Errors
/// When the name is taken, the expression is not understood, names unknown columns, looks at other rows, or fails.
pub fn derive(data: &mut Dataset, name: &str, expression: &str, control: &Control) -> Result<()> {
    control.check()?;
    if name.trim().is_empty() {
        return Err(Error::input("a derived column needs a name"));
    }
    if data.columns.iter().any(|c| c.name == name) {
        return Err(Error::input(format!("there is already a column `{}`", brief(name, 60)))
            .hint("Choose another name for the derived column"));
    }
    let raw = evaluate(data, name, expression, control)?;
    let mut notes = Vec::new();
    let (column, physical) = parquet::one(&raw, &mut notes)?;
    let column = parquet::finite(column.with_name(name.into()), &mut notes)?;
    let meaning = meaning::find(name, physical, &column, control)?;
    data.frame.with_column(column)?;
    data.columns.push(ColumnSpec {
        name: name.to_owned(),
        physical,
        meaning,
        missing_spellings: Vec::new(),
        date_format: None,
    });
    data.notes.append(&mut notes);
    Ok(())
}

/// For each row whether an SQL condition holds; missing where it cannot be told.
///
/// # Errors
/// When the condition is not understood, names unknown columns, looks at other rows, or is no condition.
pub fn condition(data: &Dataset, predicate: &str, control: &Control) -> Result<BooleanChunked> {
    let kept = evaluate(data, "__kept", predicate, control)?;
    kept.bool().cloned().map_err(|_| {
        Error::input(format!("`{}` gives no yes or no", brief(predicate, 120)))
            .hint("Write a condition, for example fare_amount >= 0")
    })
}

/// For each row whether an SQL condition holds; not where it cannot be told because a value is missing.
///
/// # Errors
/// When the condition is not understood, names unknown columns, or is no condition.
pub fn holds(data: &Dataset, predicate: &str, control: &Control) -> Result<Vec<bool>> {
    Ok(condition(data, predicate, control)?.iter().map(|v| v == Some(true)).collect())
}

/// Keeps the rows for which an SQL condition holds; rows for which it cannot be told (a value is missing) go too.
/// Returns how many rows were dropped.
///
/// # Errors
/// When the condition is not understood, names unknown columns, is no condition, or holds for no row.
pub fn filter(data: &mut Dataset, predicate: &str, control: &Control) -> Result<usize> {
    let mask = condition(data, predicate, control)?;
    keep(data, predicate, &mask)
}

/// [`filter`] where the condition was evaluated already.
///
/// # Errors
/// When it holds for no row.
pub fn keep(data: &mut Dataset, predicate: &str, mask: &BooleanChunked) -> Result<usize> {
    let frame = data.frame.filter(mask)?;
    if frame.height() == 0 {
        return Err(Error::input(format!("the condition `{}` holds for no row", brief(predicate, 120)))
            .hint("Look at the columns' values with `pilothouse profile`"));
    }
    let dropped = data.rows() - frame.height();
    data.frame = frame;
    Ok(dropped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{LoadOptions, Meaning, Physical, column, load};

    fn taxi() -> Dataset {
        load("sample:taxi", &LoadOptions::default(), &Control::default()).unwrap()
    }

    fn derived(expression: &str) -> Result<(Dataset, Vec<f64>)> {
        let mut data = taxi();
        derive(&mut data, "new", expression, &Control::default())?;
        let values = column::numbers(data.frame.column("new")?).unwrap_or_default();
        Ok((data, values))
    }

    /// What would hide operators from the count is refused before the parser sees it.
    #[test]
    fn comments_and_prefixed_texts_are_refused() {
        let deep = format!("x --'\n + {}x ^^ ){}", "FLOOR(".repeat(45), ")".repeat(45));
        let cases = "CASE WHEN b THEN ".repeat(90);
        assert!(understood(&cases).unwrap_err().message.contains("too deep"));
        let nested = (0..10).fold("1".to_owned(), |inner, _| format!("CASE WHEN b THEN {inner} ELSE 2 END"));
        assert!(understood(&nested).is_ok(), "{:?}", understood(&nested));
        let chain = format!("x /*'*/ {}", "+1".repeat(30_000));
        for bad in [&*deep, &*chain, "E'\\'' || x", "$$'$$ || x", "x # '", "extra--1", "LPAD(x, 1000000000)"] {
            let error = understood(bad).unwrap_err();
            assert!(error.message.contains("holds"), "{error}");
        }
        for good in ["\"a--b\" || ' -- /* $ # '", "a - -1", "a / b * c", "DATE '2020-01-31'", "'it''s'"] {
            assert!(understood(good).is_ok(), "{good}: {:?}", understood(good));
        }
    }

    #[test]
    fn and_wants_conditions() {
        for (predicate, odd) in [
            ("fare_amount < 0 AND tip_amount", "tip_amount"),
            ("store_and_fwd_flag OR fare_amount < 0", "store_and_fwd_flag"),
            ("fare_amount < 0 OR (extra > 0 AND pickup_datetime)", "pickup_datetime"),
        ] {
            let error = holds(&taxi(), predicate, &Control::default()).unwrap_err();
            assert!(error.message.contains(odd) && error.message.contains("both sides"), "{error}");
        }
        for good in
            ["fare_amount < 0 AND extra < 0", "fare_amount < 0 AND NULL", "NOT fare_amount < 0 OR tip_amount IN (1, 2)"]
        {
            assert!(holds(&taxi(), good, &Control::default()).is_ok(), "{good}");
        }
    }

    #[test]
    fn minutes_between_two_moments() {
        // The first trip: 2018-01-01 00:19:53 to 00:31:30, 11 minutes and 37 seconds.
        let minutes = 11.0 + 37.0 / 60.0;
        for expression in [
            "(EXTRACT(EPOCH FROM dropoff_datetime) - EXTRACT(EPOCH FROM pickup_datetime)) / 60",
            "EXTRACT(EPOCH FROM dropoff_datetime - pickup_datetime) / 60",
            "EXTRACT(EPOCH FROM (dropoff_datetime - pickup_datetime)) / 60.0",
        ] {
            let (data, values) = derived(expression).unwrap();
            assert!((values[0] - minutes).abs() < 1e-9, "{expression}: {}", values[0]);
            assert_eq!(data.spec("new").unwrap().meaning, Meaning::Number);
            assert_eq!(data.frame.width(), data.columns.len());
        }
        let (data, seconds) = derived("dropoff_datetime - pickup_datetime").unwrap();
        assert!((seconds[0] - 697.0).abs() < 1e-9);
        assert!(data.notes.iter().any(|n| n.contains("seconds")));
    }

    #[test]
    fn parts_of_moments_and_cases() {
        assert_eq!(derived("EXTRACT(HOUR FROM pickup_datetime)").unwrap().1[1], 1.0);
        // 2018-01-01 was a Monday.
        assert_eq!(derived("EXTRACT(DOW FROM pickup_datetime)").unwrap().1[0], 1.0);
        assert_eq!(derived("fare_amount / trip_distance").unwrap().1[0], 8.0 / 0.35);
        let (data, _) = derived("CASE WHEN fare_amount < 0 THEN 'refund' ELSE 'fare' END").unwrap();
        assert_eq!(data.spec("new").unwrap().meaning, Meaning::Category);
        let (_, listed) = derived("store_and_fwd_flag IN ('Y', 'X')").unwrap();
        let (_, equal) = derived("store_and_fwd_flag = 'Y'").unwrap();
        let known = |values: &[f64]| values.iter().map(|v| Some(*v).filter(|v| !v.is_nan())).collect::<Vec<_>>();
        assert_eq!(known(&listed), known(&equal));
        assert!(derived("fare_amount NOT IN (5.5, 6.5)").unwrap().1.contains(&0.0));
        let (data, _) = derived("fare_amount < 0").unwrap();
        assert_eq!(data.spec("new").unwrap().physical, Physical::Boolean);
        let (data, _) = derived("fare_amount / 0").unwrap();
        assert_eq!(data.frame.column("new").unwrap().null_count(), 18_000);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = |expression: &str, word: &str| {
            let error = derived(expression).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains(word), "{expression}: {error}");
            assert_eq!(error.exit_code(), 3);
        };
        wrong("nope + 1", "nope");
        wrong("fare_amount +", "not understood");
        wrong("", "not understood");
        wrong("AVG(fare_amount)", "more than one row");
        wrong("fare_amount - AVG(fare_amount)", "more than one row");
        wrong("SUM(fare_amount) OVER (PARTITION BY vendor_id)", "more than one row");
        wrong("fare_amount IN (SELECT 1)", "");
        wrong("*", "expression");
        let mut data = taxi();
        assert!(derive(&mut data, "fare_amount", "1", &Control::default()).is_err());
    }

    #[test]
    fn the_columns_of_an_expression_are_told() {
        assert_eq!(expression_columns("EXTRACT(EPOCH FROM b - a) / 60 + b"), ["b", "a"]);
        assert_eq!(expression_columns("CASE WHEN \"x y\" > 1 THEN z END").len(), 2);
        assert!(expression_columns("1 +").is_empty());
        assert!(expression_columns("(((").is_empty());
    }

    #[test]
    fn rows_are_chosen_by_a_condition() {
        let mut data = taxi();
        let dropped =
            filter(&mut data, "fare_amount >= 0 AND pickup_datetime >= DATE('2018-01-01')", &Control::default())
                .unwrap();
        assert!(dropped > 0 && data.rows() == 18_000 - dropped);
        assert!(filter(&mut data, "fare_amount", &Control::default()).is_err());
        let error = filter(&mut data, "fare_amount < -1000000000", &Control::default()).unwrap_err();
        assert!(error.message.contains("no row"), "{error}");
    }

    /// How deep an expression may be without harm is found here: on a test's stack of 2 MB, in a build without optimisation.
    #[test]
    fn deep_and_long_expressions_are_refused_or_answered() {
        let mut data = taxi();
        data.frame = data.frame.head(Some(50));
        let sum = |n: usize| format!("fare_amount{}", " + 1".repeat(n));
        assert!(derive(&mut data.clone(), "s", &sum(MOST_OPERATORS), &Control::default()).is_ok());
        assert!(derive(&mut data.clone(), "s", &sum(MOST_OPERATORS + 1), &Control::default()).is_err());
        for expression in [
            sum(100_000),
            sum(3_000),
            "(".repeat(100_000),
            format!("{}1{}", "(".repeat(40), ")".repeat(40)),
            format!("{}1{}", "(".repeat(5_000), ")".repeat(5_000)),
            "NOT ".repeat(3_000) + "TRUE",
            "-".repeat(3_000) + "1",
            "- ".repeat(390) + "1",
            "NOT ".repeat(390) + "TRUE",
            "ABS(".repeat(190) + "1" + &")".repeat(190),
            "CASE WHEN TRUE THEN ".repeat(190) + "1" + &" END".repeat(190),
            "x'".repeat(3_000),
            "CASE WHEN ".repeat(2_000),
            "INTERVAL ".repeat(19) + "'1 day'",
            "INTERVAL ".repeat(390) + "'1 day'",
            format!("fare_amount{}", " DIV 1".repeat(3_000)),
            format!("store_and_fwd_flag{}", " COLLATE x".repeat(3_000)),
            format!("fare_amount{}", ".a".repeat(3_000)),
            format!("fare_amount IN ({}1)", "1, ".repeat(5_000)),
            format!("'{}'", "x".repeat(100_000)),
        ] {
            let _ = derive(&mut data.clone(), "s", &expression, &Control::default());
            let _ = expression_columns(&expression);
        }
        // Wrong expressions, for which the parser would take longer than anybody waits.
        for (word, most) in [("CAST(", 12), ("FLOOR(", 12), ("SUBSTRING(", 12), ("ARRAY[", 12), ("POSITION (", 6)] {
            let wrong = |n: usize| parse(&format!("{}x ^^ )", word.repeat(n))).unwrap_err().message;
            assert!(wrong(45).contains("too deep") && wrong(most + 1).contains("too deep"), "{word}");
            assert!(wrong(most / 2).contains("not understood"), "{word}");
        }
        let list = format!("fare_amount IN ({}1)", "1, ".repeat(1_500));
        condition(&data, &list, &Control::default()).unwrap();
        let list = format!("fare_amount IN ({}1.5)", "1.5, ".repeat(1_500));
        condition(&data, &list, &Control::default()).unwrap();
    }

    // PROPTEST_CASES=100000 asks longer.
    proptest::proptest! {
        /// Any text is answered with a column or with words.
        #[test]
        fn any_text_is_survived(words in proptest::collection::vec(
            proptest::sample::select(vec![
                "fare_amount", "pickup_datetime", "store_and_fwd_flag", "\"", "'", "(", ")", "+", "-", "*", "/", "%", "||",
                "1", "0", "1.5", "1e9", "'a'", "'2019-01-01'", "AND", "OR", "NOT", "IS", "NULL", "IN", "LIKE", "BETWEEN",
                "CASE", "WHEN", "THEN", "ELSE", "END", "CAST", "AS", "INT", "VARCHAR", "DATE", "EXTRACT", "EPOCH", "FROM",
                "HOUR", "INTERVAL", "SELECT", "EXISTS", "ABS", "ROUND", "LN", "SUBSTR", "COALESCE", "MAX", "OVER", ",", "::",
                ";", "--", "[", "]", "{", "}", "\u{e9}", "\0", "=", "<", ">=", "<>", ".", "TRUE", "COUNT(*)",
            ]), 0..14),
        ) {
            let mut data = taxi_head();
            let expression = words.join(" ");
            let _ = derive(&mut data, "new", &expression, &Control::default());
            let _ = condition(&data, &expression, &Control::default());
            let _ = expression_columns(&expression);
        }

        #[test]
        fn any_characters_are_survived(expression in "[ -~\n\u{e9}\u{1b}]{0,60}") {
            let _ = derive(&mut taxi_head(), "new", &expression, &Control::default());
        }
    }

    fn taxi_head() -> Dataset {
        static TAXI: std::sync::LazyLock<Dataset> = std::sync::LazyLock::new(|| {
            let mut data = taxi();
            data.frame = data.frame.head(Some(40));
            data
        });
        TAXI.clone()
    }
}
