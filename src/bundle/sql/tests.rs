use super::*;
use crate::bundle::fixtures::{self, Case};
use crate::model::{FeaturePlan, InputColumn, Levels, Task, Tree};

fn options(dialect: Dialect) -> SqlOptions {
    SqlOptions::new(dialect)
}

fn single(name: &str, levels: &[&str], classes: [&str; 2]) -> FittedModel {
    let levels: Vec<String> = levels.iter().map(|l| (*l).to_owned()).collect();
    let coef = vec![vec![1.5; levels.len()]];
    FittedModel {
        estimator: "logistic_regression".into(),
        task: Task::Binary,
        target: "target".into(),
        classes: classes.map(str::to_owned).to_vec(),
        plan: FeaturePlan {
            inputs: vec![InputColumn {
                name: name.into(),
                encoding: Encoding::OneHot { levels: Levels::Text(levels), missing: false },
            }],
        },
        fitted: Fitted::Logistic { coef, intercept: vec![0.25] },
        calibration: None,
    }
}

fn case(start: &str) -> Case {
    fixtures::cases().into_iter().find(|c| c.name.starts_with(start)).unwrap()
}

#[test]
fn every_case_has_a_text_in_every_dialect_and_the_same_one_again() {
    for case in fixtures::cases() {
        for dialect in Dialect::ALL {
            let text =
                export(&case.model, &options(dialect)).unwrap_or_else(|e| panic!("{} {dialect}: {e}", case.name));
            assert_eq!(text, export(&case.model, &options(dialect)).unwrap(), "{} {dialect}", case.name);
            assert!(!text.contains('\0') && !text.contains('\u{1b}'), "{} {dialect}", case.name);
        }
    }
}

#[test]
fn what_comes_from_data_cannot_leave_its_quotes() {
    let bad = "a'b\"c`d\\'; DROP TABLE x; --\n${env:HOME}\u{202e}";
    let model = single("it`s \"so\"", &[bad], ["no\n-- x", "ye's\\"]);
    let mut options = options(Dialect::Postgres);
    options.notes = vec!["one\nDROP TABLE x; \\".into()];
    let text = export(&model, &options).unwrap();
    assert!(text.contains(r#"E'a''b"c`d\\''; DROP TABLE x; --\u000a${env:HOME}\u202e'"#), "{text}");
    assert!(text.contains(r#""it`s ""so"""#) && text.contains(r"E'ye''s\\'") && text.contains(r"E'no\u000a-- x'"));
    options.dialect = Dialect::DuckDb;
    let text = export(&model, &options).unwrap();
    assert!(text.contains(r#"('a''b"c`d\''; DROP TABLE x; --' || chr(10) || '${env:HOME}' || chr(8238))"#), "{text}");
    options.dialect = Dialect::Spark;
    let text = export(&model, &options).unwrap();
    assert!(text.contains(r#"'a\'b"c`d\\\'; DROP TABLE x; --\u000a\u0024{env:HOME}\u202e'"#), "{text}");
    assert!(text.contains(r#"`it``s "so"`"#) && !text.contains("${"), "{text}");
    for line in text.lines().filter(|l| l.starts_with("--")) {
        assert!(!line.ends_with('\\'), "{line}");
    }
    assert!(text.lines().filter(|l| l.contains("DROP")).all(|l| l.starts_with("-- ") || l.contains('\'')));
}

#[test]
fn names_that_an_engine_takes_for_one_are_told_apart_or_refused() {
    let long = "x".repeat(70);
    let model = single(&long, &["a"], ["A", "a"]);
    let text = |dialect| export(&model, &options(dialect)).unwrap();
    assert!(text(Dialect::Postgres).contains(&format!("k1 AS \"{}\"", "x".repeat(63))));
    assert!(text(Dialect::Postgres).contains("AS \"p_A\"") && text(Dialect::Postgres).contains("AS \"p_a\""));
    assert!(text(Dialect::DuckDb).contains("AS \"p_a_2\"") && text(Dialect::Spark).contains("AS `p_a_2`"));

    let mut two = model.clone();
    two.plan.inputs.push(InputColumn { name: "X".repeat(70), ..two.plan.inputs[0].clone() });
    two.fitted = Fitted::Logistic { coef: vec![vec![1.0, 1.0]], intercept: vec![0.0] };
    assert!(export(&two, &options(Dialect::Postgres)).is_ok());
    let error = export(&two, &options(Dialect::DuckDb)).unwrap_err();
    assert!(error.message.contains("are one column to DuckDB") && error.exit_code() == 3, "{error}");

    // Two classes that differ after 60 characters.
    let classes = ["y".repeat(80) + "1", "y".repeat(80) + "2"];
    let model = single("c", &["a"], [&classes[0], &classes[1]]);
    let text = export(&model, &options(Dialect::Postgres)).unwrap();
    assert!(text.contains(&format!("p0 AS \"p_{}\"", "y".repeat(60))), "{text}");
    assert!(text.contains(&format!("p1 AS \"p_{}_\"", "y".repeat(60))), "{text}");
}

#[test]
fn what_an_engine_cannot_hold_is_refused_with_a_reason() {
    let refused = |model: &FittedModel, options: &SqlOptions| export(model, options).unwrap_err();
    let nul = single("c", &["a"], ["no", "y\0"]);
    assert!(refused(&nul, &options(Dialect::Postgres)).message.contains("NUL"));
    assert!(export(&nul, &options(Dialect::DuckDb)).is_ok());
    let substituted = single("${x}", &["a"], ["no", "yes"]);
    assert!(refused(&substituted, &options(Dialect::Spark)).message.contains("`${`"));
    let mut bad_table = options(Dialect::DuckDb);
    for table in ["", "a.", ".b", "a..b"] {
        bad_table.table = table.into();
        assert_eq!(refused(&single("c", &["a"], ["no", "yes"]), &bad_table).exit_code(), 2, "{table}");
    }
    let mut none = case("linear").model;
    none.plan.inputs.clear();
    none.fitted = Fitted::Linear { coef: vec![], intercept: 1.0 };
    assert!(refused(&none, &options(Dialect::Spark)).message.contains("reads no columns"));
    let mut huge = case("linear").model;
    if let Fitted::Linear { coef, .. } = &mut huge.fitted {
        coef[0] = 1e250;
    }
    assert!(refused(&huge, &options(Dialect::Postgres)).message.contains("a coefficient of 1e250"));
    assert!(export(&huge, &options(Dialect::DuckDb)).is_ok());
    let mut gaps = case("linear").model;
    if let Encoding::Number { impute, .. } = &mut gaps.plan.inputs[0].encoding {
        *impute = None;
    }
    assert!(refused(&gaps, &options(Dialect::DuckDb)).message.contains("only trees know a way for missing values"));
    let mut backwards = case("forest").model;
    if let Encoding::Number { scale, .. } = &mut backwards.plan.inputs[0].encoding {
        *scale = -1.0;
    }
    assert!(refused(&backwards, &options(Dialect::DuckDb)).message.contains("negative"));
}

#[test]
fn doubles_read_back_with_the_same_bits() {
    for value in [0.0, -0.0, 1.0, 0.1, 1e15, 123_456_789.123_456_79, 5e-324, f64::MAX, f64::MIN, 1e-5, 9e-6, 1.0 / 3.0]
    {
        for dialect in Dialect::ALL {
            let text = dialect.double(value);
            let bare: String = text.trim_end_matches("::float8").chars().filter(|c| !"()'D".contains(*c)).collect();
            assert_eq!(bare.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
        }
    }
}

#[test]
fn a_tree_as_deep_as_it_has_nodes_is_cut_into_pieces() {
    let depth = 30_000u32;
    let mut tree = Tree::default();
    for level in 0..depth {
        // A node whose left child is a leaf and whose right child goes on.
        tree.feature.extend([0, 0]);
        tree.threshold.extend([level as f32, 0.0]);
        tree.left.extend([2 * level + 1, 0]);
        tree.right.extend([2 * level + 2, 0]);
        tree.value.extend([0.0, level as f32]);
    }
    tree.feature.push(0);
    tree.threshold.push(0.0);
    tree.left.push(0);
    tree.right.push(0);
    tree.value.push(-1.0);
    let mut model = case("tree regression").model;
    model.fitted = Fitted::Trees { base: 0.0, outputs: 1, trees: vec![tree] };
    let refused = export(&model, &options(Dialect::Spark)).unwrap_err();
    assert!(refused.message.contains("30000 nodes deep, and for Spark SQL it may be 64"), "{refused}");
    for dialect in [Dialect::Postgres, Dialect::DuckDb] {
        let text = export(&model, &options(dialect)).unwrap();
        let deepest = text.lines().map(|l| l.matches("CASE WHEN v").count()).max().unwrap();
        assert!(deepest <= 100, "{dialect}: {deepest}");
    }
}
