//! Models as SQL in the engines themselves: PostgreSQL, DuckDB and Spark must say what the native model says, on hand-made
//! models with nasty names and values, on random ones, and on the samples' rows kept back.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use pilothouse as house;
use pilothouse::bundle::onnx::output_names;
use pilothouse::bundle::parity;
use pilothouse::bundle::sql::{self, Dialect, SqlOptions};
use pilothouse::data::{self, LoadOptions, column};
use pilothouse::engine::Control;
use pilothouse::model::prepare::{PrepareSpec, prepare, take_rows};
use pilothouse::model::{Encoding, FeaturePlan, Fitted, FittedModel, Levels, Task, estimators};
use polars::prelude::*;

#[allow(dead_code)]
#[path = "../src/bundle/fixtures.rs"]
mod fixtures;

/// Scores may differ by this much; numbers by this share of themselves. The engines' `exp` differ in the last digit.
const TOLERANCE: f64 = 1e-9;
const KEY: &str = "row's no.";

/// A model, rows, and how their answers are compared.
struct Question {
    name: String,
    estimator: String,
    task: Task,
    model: Arc<FittedModel>,
    rows: DataFrame,
    table: String,
    /// Whether PostgreSQL may cut off the ends of the numbers, and so only has to answer.
    beyond: bool,
}

#[derive(Default)]
struct Questions {
    tables: BTreeMap<String, DataFrame>,
    all: Vec<Question>,
}

impl Questions {
    fn ask(&mut self, name: &str, model: &Arc<FittedModel>, table: &str, rows: &DataFrame, beyond: bool) {
        let names: Vec<&str> = model.plan.inputs.iter().map(|i| i.name.as_str()).collect();
        let rows = self.tables.entry(table.to_owned()).or_insert_with(|| rows.select(names).unwrap()).clone();
        self.all.push(Question {
            name: name.to_owned(),
            estimator: model.estimator.clone(),
            task: model.task,
            model: Arc::clone(model),
            rows,
            table: table.to_owned(),
            beyond,
        });
    }

    /// Asks about the rows as they are, with missing and unseen values, and with extreme ones.
    fn ask_all(&mut self, name: &str, model: FittedModel, table: &str, rows: &DataFrame) {
        let model = Arc::new(model);
        self.ask(name, &model, table, rows, false);
        let edges = parity::perturbed(&model, rows).unwrap();
        self.ask(&format!("{name}, edges"), &model, &format!("{table} edges"), &edges, false);
        for (beyond, what) in [(false, "far"), (true, "beyond")] {
            let extreme = extreme(&model, rows, beyond);
            self.ask(&format!("{name}, {what}"), &model, &format!("{table} {what}"), &extreme, beyond);
        }
    }
}

/// Rows with numbers from the ends of the range and texts that need care.
fn extreme(model: &FittedModel, rows: &DataFrame, beyond: bool) -> DataFrame {
    const FAR: [f64; 12] =
        [1e60, -1e60, 5e-324, -0.0, 1e-300, 3.4028235e38, 3.402_823_6e38, -3.5e38, 1.401e-45, 16_777_217.0, 1e9, -1e9];
    const BEYOND: [f64; 6] = [f64::MAX, f64::MIN, 1e300, -1e300, f64::INFINITY, f64::NEG_INFINITY];
    const TEXTS: [&str; 7] = ["", " ", "None", "nan", "it's \\ \"so\"", "\u{1b}[31m\n\t${x}", "København, DK "];
    let far = if beyond { &BEYOND[..] } else { &FAR[..] };
    let height = 2 * far.len();
    let columns = model.plan.inputs.iter().enumerate().map(|(at, input)| {
        let column = column::get(rows, &input.name).unwrap();
        if input.is_text() {
            let texts = column::texts(column).unwrap();
            let text = |i: usize| match i % 3 {
                0 => texts.get(i % texts.len().max(1)).cloned().flatten(),
                1 => Some(TEXTS[(i + at) % TEXTS.len()].to_owned()),
                _ => None,
            };
            Column::new(input.name.as_str().into(), (0..height).map(text).collect::<Vec<_>>())
        } else {
            let numbers = column::numbers(column).unwrap();
            // One extreme value at a time in the first half, in every column in the second.
            let number = |i: usize| {
                if i >= far.len() || i % model.plan.inputs.len() == at {
                    far[(i + if i >= far.len() { at } else { 0 }) % far.len()]
                } else {
                    numbers.get(i % numbers.len().max(1)).copied().unwrap_or(f64::NAN)
                }
            };
            Column::new(input.name.as_str().into(), (0..height).map(number).collect::<Vec<_>>())
        }
    });
    DataFrame::new(height, columns.collect()).unwrap()
}

/// The hand-made and random models; fewer and shallower ones for Spark, which takes a second a query.
fn made(engine: Dialect) -> Questions {
    let (random, many, depth) = if engine == Dialect::Spark { (8, 20, 60) } else { (40, 500, 900) };
    let mut questions = Questions::default();
    for case in fixtures::cases() {
        let inputs = case.model.plan.inputs.len();
        let table = if inputs == 1 {
            format!("single {}", case.model.plan.inputs[0].name.replace('.', "_"))
        } else {
            "made".into()
        };
        questions.ask_all(&case.name, case.model, &table, &case.rows);
    }
    for seed in 0..random {
        let mut case = fixtures::random(seed);
        impute(&mut case.model);
        questions.ask_all(&format!("random {seed}, {}", case.name), case.model, &format!("random {seed}"), &case.rows);
    }
    // Many trees, and deep ones.
    let mut forest = fixtures::cases().into_iter().find(|c| c.name.starts_with("forest multiclass")).unwrap();
    if let Fitted::Trees { trees, .. } = &mut forest.model.fitted {
        let some = trees.clone();
        *trees = some.iter().cycle().take(many).cloned().collect();
    }
    questions.ask_all("forest of many trees", forest.model, "made", &forest.rows);
    let mut deep = fixtures::cases().into_iter().find(|c| c.name.starts_with("tree regression")).unwrap();
    deep.model.fitted = Fitted::Trees { base: 1.5, outputs: 1, trees: vec![chain(depth)] };
    questions.ask_all("a deep tree", deep.model, "made", &deep.rows);
    // More features than one expression may hold, with squares of all sizes.
    for kind in ["logistic", "gaussian_nb", "linear"] {
        let (model, rows) = wide(kind);
        let table = format!("wide {}", rows.width());
        questions.ask_all(&format!("{kind} of 300 columns"), model, &table, &rows);
    }
    questions
}

/// Fills the gaps of a random plan where the estimator knows no way for missing values; such a model is refused as SQL.
fn impute(model: &mut FittedModel) {
    if matches!(model.fitted, Fitted::Dummy { .. } | Fitted::Trees { .. } | Fitted::Boosted { .. }) {
        return;
    }
    for input in &mut model.plan.inputs {
        if let Encoding::Number { impute, mean, .. } = &mut input.encoding {
            impute.get_or_insert(*mean);
        }
    }
}

/// A tree in which each right child goes on.
fn chain(depth: u32) -> house::model::Tree {
    let mut tree = house::model::Tree::default();
    for level in 0..=depth {
        let last = level == depth;
        let children = if last { vec![(0, 0)] } else { vec![(2 * level + 1, 2 * level + 2), (0, 0)] };
        for (left, right) in children {
            tree.feature.push(0);
            tree.threshold.push(level as f32 / 100.0 - 4.0);
            tree.left.push(left);
            tree.right.push(right);
            tree.value.push(level as f32);
        }
    }
    tree
}

fn wide(kind: &str) -> (FittedModel, DataFrame) {
    use rand::{Rng, SeedableRng};
    let rng = &mut rand_chacha::ChaCha8Rng::seed_from_u64(5);
    let (inputs, columns) = (0..300)
        .map(|at| {
            let name = format!("c{at}");
            let (mean, scale) = (rng.random_range(-5.0..5.0), rng.random_range(0.1..20.0));
            let values: Vec<f64> = (0..20).map(|_| mean + rng.random_range(-2.0..2.0) * scale).collect();
            let encoding = if at % 10 == 0 {
                let levels = (0..8).map(|l| f64::from(l) - 4.0).collect();
                Encoding::OneHot { levels: Levels::Number(levels), missing: true }
            } else {
                Encoding::Number { impute: Some(mean), mean, scale, indicator: at % 3 == 0 }
            };
            let values =
                if at % 10 == 0 { values.iter().map(|v| v.round().clamp(-4.0, 4.0)).collect() } else { values };
            (house::model::InputColumn { name: name.clone(), encoding }, Column::new(name.as_str().into(), values))
        })
        .unzip::<_, _, Vec<_>, Vec<_>>();
    let plan = FeaturePlan { inputs };
    let rows = DataFrame::new(20, columns).unwrap();
    let (task, k) = if kind == "linear" { (Task::Regression, 0) } else { (Task::Multiclass, 4) };
    let mut case = fixtures::fit(rng, kind, task, k, plan, &rows);
    if let Fitted::GaussianNb { theta, var, .. } = &mut case.model.fitted {
        // Classes close to each other, so that no probability is simply 0 or 1.
        for class in theta.iter_mut() {
            class.iter_mut().for_each(|t| *t *= 0.05);
        }
        for class in var.iter_mut() {
            class.iter_mut().for_each(|v| *v = 1.0 + 0.1 * *v);
        }
    }
    (case.model, case.rows)
}

/// Every estimator on the rows of the samples that were kept back.
fn samples() -> Questions {
    let mut questions = Questions::default();
    for (file, target, task) in [
        ("retail_churn_train.csv", "churned", None),
        ("credit_scoring.csv", "Status", None),
        ("ames_housing.csv", "Sale_Price", None),
        ("ames_housing.csv", "Overall_Cond", Some(Task::Multiclass)),
        ("nyc_taxi_2018_2020.csv", "total_amount", None),
        ("nyc_taxi_2018_2020.csv", "payment_type", Some(Task::Multiclass)),
    ] {
        let control = Control::default();
        let dataset = data::load(&common::sample(file), &LoadOptions::default(), &control).unwrap();
        let spec = PrepareSpec { target: target.into(), task, max_rows: 2500, ..PrepareSpec::default() };
        let prepared = prepare(&dataset, &spec, &[], 1).unwrap();
        let train = take_rows(&dataset.frame, &prepared.sides.train).unwrap();
        let held_out = take_rows(&dataset.frame, &prepared.sides.test).unwrap();
        let plan = FeaturePlan::fit(&train, &prepared.features).unwrap();
        let x = Arc::new(plan.transform(&train).unwrap());
        let y = prepared.y.take(&prepared.sides.train);
        for name in estimators::names(prepared.task) {
            let params = match *name {
                "random_forest" => estimators::Params::from([("n_estimators".into(), 20.into())]),
                "boosted_trees" => estimators::Params::from([("max_iter".into(), 20.into())]),
                "logistic_regression" => estimators::Params::from([("max_iter".into(), 60.into())]),
                _ => estimators::Params::new(),
            };
            let estimator = estimators::make(name, prepared.task, &params).unwrap();
            // Boosted trees get missing values as they are, as in training.
            let gaps = plan.without_imputing().filter(|_| estimator.takes_missing());
            let (plan, x) = match gaps {
                Some(gaps) => (gaps, Arc::new(plan.take_back_imputing(&x))),
                None => (plan.clone(), Arc::clone(&x)),
            };
            let fitted = estimator.fit(&x, &y, 1, &control).unwrap();
            let model = FittedModel {
                estimator: (*name).into(),
                task: prepared.task,
                target: target.into(),
                classes: prepared.classes.clone(),
                plan,
                fitted,
                calibration: None,
            };
            questions.ask_all(
                &format!("{name} {file} {target}"),
                model,
                &format!("{file} {target}").replace('.', "_"),
                &held_out,
            );
        }
    }
    questions
}

fn options(question: &Question, dialect: Dialect) -> SqlOptions {
    let booleans: BTreeSet<String> = question
        .rows
        .columns()
        .iter()
        .filter(|c| *c.dtype() == DataType::Boolean)
        .map(|c| c.name().to_string())
        .collect();
    SqlOptions { table: question.table.clone(), keys: vec![KEY.into()], booleans, ..SqlOptions::new(dialect) }
}

/// A column's type and values as texts.
fn spelled(column: &Column) -> (&'static str, Vec<Option<String>>) {
    match column.dtype() {
        DataType::String => ("text", column::texts(column).unwrap()),
        DataType::Boolean => ("bool", column.bool().unwrap().iter().map(|v| v.map(|v| v.to_string())).collect()),
        DataType::Float64 => ("double", column.f64().unwrap().iter().map(|v| v.map(|v| format!("{v:?}"))).collect()),
        _ => {
            let longs = column.cast(&DataType::Int64).unwrap();
            ("long", longs.i64().unwrap().iter().map(|v| v.map(|v| v.to_string())).collect())
        }
    }
}

fn typed_columns(rows: &DataFrame) -> Vec<(String, &'static str, Vec<Option<String>>)> {
    let key = (0..rows.height()).map(|i| Some(i.to_string())).collect();
    std::iter::once((KEY.to_owned(), "long", key))
        .chain(rows.columns().iter().map(|c| {
            let (kind, values) = spelled(c);
            (c.name().to_string(), kind, values)
        }))
        .collect()
}

type Answers = BTreeMap<String, Vec<Option<String>>>;

/// Runs the queries in DuckDB or Spark.
fn by_python(python: PathBuf, engine: Dialect, questions: &Questions) -> Vec<Answers> {
    let queries: Vec<(String, String)> =
        questions.all.iter().map(|q| (q.name.clone(), sql::export(&q.model, &options(q, engine)).unwrap())).collect();
    ask_python(python, engine, &questions.tables, &queries)
}

fn ask_python(
    python: PathBuf,
    engine: Dialect,
    tables: &BTreeMap<String, DataFrame>,
    queries: &[(String, String)],
) -> Vec<Answers> {
    let dir = tempfile::tempdir().unwrap();
    let tables: serde_json::Map<String, serde_json::Value> = tables
        .iter()
        .map(|(name, rows)| {
            let columns = typed_columns(rows)
                .into_iter()
                .map(|(name, kind, values)| serde_json::json!({"name": name, "type": kind, "values": values}));
            (name.clone(), columns.collect())
        })
        .collect();
    // Python spells what is not finite as Rust does: NaN, inf.
    std::fs::write(dir.path().join("tables.json"), serde_json::to_vec(&tables).unwrap()).unwrap();
    let queries: Vec<serde_json::Value> =
        queries.iter().map(|(name, sql)| serde_json::json!({"name": name, "sql": sql, "order": KEY})).collect();
    std::fs::write(dir.path().join("queries.json"), serde_json::to_vec(&queries).unwrap()).unwrap();
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/python/run_sql.py");
    let done = Command::new(python).arg(script).arg(engine.name()).arg(dir.path()).output().unwrap();
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{engine}: {complaint}");
    if std::env::var_os("SQL_MODELS_SECONDS").is_some() {
        println!("{complaint}");
    }
    let version = String::from_utf8(done.stdout).unwrap();
    assert_tested(engine, version.trim());
    serde_json::from_slice(&std::fs::read(dir.path().join("out.json")).unwrap()).unwrap()
}

fn assert_tested(engine: Dialect, version: &str) {
    let (_, tested) = sql::TESTED.iter().find(|(dialect, _)| *dialect == engine).unwrap();
    assert!(version.starts_with(tested), "the queries say that they were tested with {tested}, and this is {version}");
}

fn copy_text(value: Option<&String>) -> String {
    value.map_or("\\N".into(), |v| {
        v.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
    })
}

fn by_postgres(questions: &Questions) -> Vec<Answers> {
    let server = support::postgres::Postgres::start();
    let mut client = server.client();
    let version: String = client.query_one("SHOW server_version", &[]).unwrap().get(0);
    assert_tested(Dialect::Postgres, &version);
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    for (name, rows) in &questions.tables {
        let columns = typed_columns(rows);
        let types = BTreeMap::from([("bool", "boolean"), ("long", "bigint"), ("double", "float8"), ("text", "text")]);
        let list: Vec<String> = columns.iter().map(|(c, kind, _)| format!("{} {}", quoted(c), types[kind])).collect();
        client.batch_execute(&format!("CREATE TABLE {} ({})", quoted(name), list.join(", "))).unwrap();
        let mut copy = client.copy_in(&format!("COPY {} FROM STDIN", quoted(name))).unwrap();
        for row in 0..rows.height() {
            let cells: Vec<String> = columns.iter().map(|(_, _, values)| copy_text(values[row].as_ref())).collect();
            std::io::Write::write_all(&mut copy, (cells.join("\t") + "\n").as_bytes()).unwrap();
        }
        copy.finish().unwrap();
    }
    let mut all = Vec::new();
    for question in &questions.all {
        let text = sql::export(&question.model, &options(question, Dialect::Postgres)).unwrap();
        let started = std::time::Instant::now();
        let rows = client
            .simple_query(&format!("SELECT * FROM ({text}) AS q ORDER BY {}", quoted(KEY)))
            .unwrap_or_else(|e| panic!("{}: {:?}", question.name, e.as_db_error().map(ToString::to_string)));
        if std::env::var_os("SQL_MODELS_SECONDS").is_some() {
            println!("{}: {:.2} s, {} bytes", question.name, started.elapsed().as_secs_f64(), text.len());
        }
        let mut answers = Answers::new();
        for message in &rows {
            match message {
                postgres::SimpleQueryMessage::Row(row) => {
                    for (at, column) in row.columns().iter().enumerate() {
                        answers.entry(column.name().to_owned()).or_default().push(row.get(at).map(str::to_owned));
                    }
                }
                postgres::SimpleQueryMessage::RowDescription(columns) => {
                    for column in columns.iter() {
                        answers.entry(column.name().to_owned()).or_default();
                    }
                }
                _ => {}
            }
        }
        all.push(answers);
    }
    all
}

fn value(text: Option<&String>) -> f64 {
    text.expect("an answer is never missing").parse().unwrap()
}

/// Compares and prints the largest difference per estimator and task.
fn compare(engine: Dialect, questions: &Questions, answers: &[Answers]) {
    assert_eq!(questions.all.len(), answers.len());
    let mut table: BTreeMap<(String, &str), (usize, f64)> = BTreeMap::new();
    let mut labels = 0;
    for (question, answers) in questions.all.iter().zip(answers) {
        let model = &question.model;
        let who = format!("{} in {engine}", question.name);
        let native = model.predict(&question.rows).unwrap();
        // Before calibration: an isotonic curve answers with a number even where the score is none.
        let raw = model.fitted.scores(model.plan.transform(&question.rows).unwrap().view());
        let names = output_names(model);
        let classes = model.task.is_classification();
        let mut expected: BTreeSet<String> = names.iter().cloned().collect();
        expected.insert(KEY.into());
        assert_eq!(answers.keys().cloned().collect::<BTreeSet<_>>(), expected, "{who}");
        let keys: Vec<Option<String>> = (0..question.rows.height()).map(|i| Some(i.to_string())).collect();
        assert_eq!(answers[KEY], keys, "{who}");
        let only_compares = matches!(model.fitted, Fitted::Trees { .. } | Fitted::Boosted { .. });
        let cut_off = question.beyond && engine == Dialect::Postgres && !only_compares;
        let entry = table.entry((question.estimator.clone(), question.task.name())).or_insert((0, 0.0));
        entry.0 += keys.len();
        for (k, name) in names.iter().skip(usize::from(classes)).enumerate() {
            for (i, answer) in answers[name].iter().enumerate() {
                let (ours, theirs) = (native.scores[[i, k]], value(answer.as_ref()));
                if cut_off {
                    assert!(theirs.is_finite(), "{who}, row {i}, {name}");
                    continue;
                }
                // Infinite times a coefficient of nought is NaN in the native model; SQL leaves that column out.
                if question.beyond && raw.row(i).iter().any(|v| !v.is_finite()) {
                    continue;
                }
                let difference = if ours == theirs || (ours.is_nan() && theirs.is_nan()) {
                    0.0
                } else {
                    (ours - theirs).abs() / if classes { 1.0 } else { ours.abs().max(1.0) }
                };
                assert!(difference <= TOLERANCE, "{who}, row {i}, {name}: native {ours}, SQL {theirs}");
                entry.1 = entry.1.max(difference);
            }
        }
        if !classes || cut_off {
            continue;
        }
        for (i, (best, label)) in native.classes().into_iter().zip(&answers[&names[0]]).enumerate() {
            let row = native.scores.row(i);
            if question.beyond && raw.row(i).iter().any(|v| !v.is_finite()) {
                continue;
            }
            let tied = row.iter().enumerate().any(|(k, v)| k != best && (v - row[best]).abs() <= TOLERANCE);
            assert!(tied || label.as_ref() == Some(&model.classes[best]), "{who}, row {i}: {label:?}");
            labels += 1;
        }
    }
    for ((estimator, task), (rows, worst)) in table {
        println!("{engine:9} {estimator:20} {task:11} {rows:6} rows, largest difference {worst:.1e}");
    }
    println!("{engine:9} {labels} labels equal");
}

#[test]
fn made_models_answer_alike_in_postgresql() {
    let questions = made(Dialect::Postgres);
    compare(Dialect::Postgres, &questions, &by_postgres(&questions));
}

#[test]
fn made_models_answer_alike_in_duckdb() {
    let questions = made(Dialect::DuckDb);
    compare(Dialect::DuckDb, &questions, &by_python(common::python(), Dialect::DuckDb, &questions));
}

#[test]
fn trained_models_answer_alike_in_postgresql_and_duckdb() {
    let questions = samples();
    compare(Dialect::Postgres, &questions, &by_postgres(&questions));
    compare(Dialect::DuckDb, &questions, &by_python(common::python(), Dialect::DuckDb, &questions));
}

#[test]
fn the_binary_writes_a_query_that_says_what_predict_says() {
    let house = common::House::new();
    house.json(0, &["train", "sample:credit", "--target", "Status", "--models", "decision_tree,logistic_regression"]);
    let refused = house.refused(2, &["export", "best", "--format", "onnx", "--table", "x", "-o", "m.onnx"]);
    assert!(refused.contains("--format sql"), "{refused}");
    house.refused(2, &["export", "best", "--format", "sql", "--table", "a..b", "-o", "m.sql"]);
    let made = house.json(
        0,
        &["export", "best", "--format", "sql", "--dialect", "duckdb", "--table", "credit", "--key", KEY, "-o", "m.sql"],
    );
    assert_eq!((made["dialect"].as_str(), made["table"].as_str()), (Some("duckdb"), Some("credit")));
    let text = std::fs::read_to_string(house.path().join("m.sql")).unwrap();
    assert!(text.contains("was not run by Pilothouse") && text.contains("SHA-256"), "{text}");
    house.json(0, &["predict", "best", "sample:credit", "-o", "scores.csv"]);

    let dataset =
        data::load(&common::sample("credit_scoring.csv"), &LoadOptions::default(), &Control::default()).unwrap();
    let tables = BTreeMap::from([("credit".to_owned(), dataset.frame)]);
    let answers = ask_python(common::python(), Dialect::DuckDb, &tables, &[("credit".into(), text)]).remove(0);
    let mut scores = csv::Reader::from_path(house.path().join("scores.csv")).unwrap();
    let names = scores.headers().unwrap().clone();
    let mut rows = 0;
    for (i, record) in scores.records().enumerate() {
        let record = record.unwrap();
        assert_eq!(answers["label"][i].as_deref(), record.get(1), "row {i}");
        for at in 2..names.len() {
            let (ours, theirs): (f64, f64) = (record[at].parse().unwrap(), value(answers[&names[at]][i].as_ref()));
            assert!((ours - theirs).abs() <= TOLERANCE, "row {i}, {}: {ours} and {theirs}", &names[at]);
        }
        rows += 1;
    }
    assert_eq!(rows, answers[KEY].len());
    assert!(rows > 4000);
}

/// Spark needs Java and half a gigabyte of Python packages, so `tests/setup` does not bring it. See docs/sql.md.
fn spark() -> PathBuf {
    std::env::var_os("PILOTHOUSE_TEST_SPARK_PYTHON")
        .map(PathBuf::from)
        .expect("PILOTHOUSE_TEST_SPARK_PYTHON is not set: it names a Python with pyspark 4.3.0, and Java must be there")
}

#[test]
#[ignore = "needs Java and PILOTHOUSE_TEST_SPARK_PYTHON"]
fn made_models_answer_alike_in_spark() {
    let questions = made(Dialect::Spark);
    compare(Dialect::Spark, &questions, &by_python(spark(), Dialect::Spark, &questions));
}

#[test]
#[ignore = "needs Java and PILOTHOUSE_TEST_SPARK_PYTHON"]
fn trained_models_answer_alike_in_spark() {
    let questions = samples();
    compare(Dialect::Spark, &questions, &by_python(spark(), Dialect::Spark, &questions));
}
