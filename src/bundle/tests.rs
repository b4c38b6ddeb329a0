use std::collections::BTreeMap;

use proptest::prelude::*;
use tract_onnx::pb::ModelProto;

use super::fixtures::{self, Case};
use super::*;
use crate::engine::Control;
use crate::model::{Encoding, Fitted, FittedModel, Levels, Link, Task, Tree};

/// Nothing is lost on the way through the graph: it computes in double and adds leaf values in double.
const EXACT: f64 = 1e-9;

fn parity(case: &Case) -> parity::Parity {
    let bytes = onnx::export(&case.model).unwrap();
    parity::check(&case.model, &bytes, &case.rows, &Control::default()).unwrap()
}

fn forest(task: Task) -> Case {
    fixtures::cases().into_iter().find(|c| c.model.task == task && c.name.starts_with("forest")).unwrap()
}

fn input<'a>(case: &'a Case, card: &'a CardFacts) -> BundleInput<'a> {
    BundleInput {
        model: &case.model,
        name: "churn",
        run_id: "run-1",
        example: &case.rows,
        card,
        recipe: None,
        contract: None,
    }
}

#[test]
fn each_estimator_and_task_agrees_in_tract() {
    for case in fixtures::cases() {
        let parity = parity(&case);
        assert!(parity.agrees && parity.largest_difference <= EXACT, "{}: {parity:?}", case.name);
        let columns = case.model.plan.inputs.len();
        assert_eq!(parity.perturbed, 3 * (columns + 1), "{}", case.name);
        assert_eq!(parity.rows, case.rows.height() + parity.perturbed, "{}", case.name);
    }
}

#[test]
fn many_rows_are_run_in_batches() {
    let mut case = forest(Task::Multiclass);
    for _ in 0..9 {
        case.rows.vstack_mut(&case.rows.clone()).unwrap();
    }
    let parity = parity(&case);
    assert!(parity.agrees && parity.rows > 4096, "{parity:?}");
    let bytes = onnx::export(&case.model).unwrap();
    let scores = parity::predict(&case.model, &bytes, &case.rows).unwrap().scores;
    let native = case.model.predict(&case.rows).unwrap().scores;
    assert_eq!(scores.dim(), native.dim());
    assert!(scores.iter().zip(&native).all(|(a, b)| (a - b).abs() <= EXACT));
}

#[test]
fn trees_that_share_columns_agree() {
    // 5 classes and 1000 trees are more than the 4096 columns of the ensemble: some trees share one.
    let mut case = forest(Task::Multiclass);
    if let Fitted::Trees { trees, .. } = &mut case.model.fitted {
        let some = trees.clone();
        *trees = some.iter().cycle().take(1000).cloned().collect();
    }
    let parity = parity(&case);
    assert!(parity.agrees && parity.largest_difference < 1e-6, "{parity:?}");
}

#[test]
fn parity_sees_a_changed_coefficient_a_swapped_class_and_a_lost_indicator() {
    let case =
        fixtures::cases().into_iter().find(|c| c.name.starts_with("logistic") && c.model.task == Task::Binary).unwrap();
    let check = |changed: &FittedModel| {
        let bytes = onnx::export(changed).unwrap();
        parity::check(&case.model, &bytes, &case.rows, &Control::default()).unwrap()
    };
    let mut changed = case.model.clone();
    if let Fitted::Logistic { intercept, .. } = &mut changed.fitted {
        intercept[0] += 1e-3;
    }
    let seen = check(&changed);
    assert!(!seen.agrees && seen.largest_difference > 1e-5 && seen.worst_row.is_some(), "{seen:?}");

    // Only rows in which the value is missing tell these two apart.
    let mut changed = case.model.clone();
    if let Encoding::Number { impute: Some(impute), .. } = &mut changed.plan.inputs[1].encoding {
        *impute *= 1.5;
    }
    assert!(!check(&changed).agrees);

    // The labels alone.
    let mut proto: ModelProto = prost::Message::decode(&onnx::export(&case.model).unwrap()[..]).unwrap();
    let graph = proto.graph.as_mut().unwrap();
    let label = graph.node.iter_mut().find(|n| n.output == [graph.output[0].name.clone()]).unwrap();
    label.attribute.iter_mut().find(|a| a.name == "cats_strings").unwrap().strings.reverse();
    let bytes = prost::Message::encode_to_vec(&proto);
    let seen = parity::check(&case.model, &bytes, &case.rows, &Control::default()).unwrap();
    assert!(!seen.agrees && seen.largest_difference <= EXACT && seen.labels_differing > 0, "{seen:?}");
}

#[test]
fn parity_can_be_cancelled_and_refuses_what_is_not_the_model() {
    let case = forest(Task::Binary);
    let bytes = onnx::export(&case.model).unwrap();
    let control = Control::default();
    control.cancel();
    let stopped = parity::check(&case.model, &bytes, &case.rows, &control).unwrap_err();
    assert_eq!(stopped.kind, crate::error::Kind::Cancelled);
    assert!(parity::check(&case.model, b"not a model", &case.rows, &Control::default()).is_err());
    assert!(parity::check(&case.model, &[], &case.rows, &Control::default()).is_err());
    let other = onnx::export(&forest(Task::Regression).model).unwrap();
    assert!(parity::check(&case.model, &other, &case.rows, &Control::default()).is_err());
    let absent = case.rows.drop("age").unwrap();
    let error = parity::check(&case.model, &bytes, &absent, &Control::default()).unwrap_err();
    assert!(error.message.contains("age"), "{error}");
}

#[test]
fn a_spelling_of_missing_that_is_a_real_level_stays_a_level() {
    let case = forest(Task::Binary);
    let levels = |name: &str| {
        let input = case.model.plan.inputs.iter().find(|i| i.name == name).unwrap();
        match &input.encoding {
            Encoding::OneHot { levels: Levels::Text(levels), .. } => levels.clone(),
            _ => panic!("{name} is not text"),
        }
    };
    let proto: ModelProto = prost::Message::decode(&onnx::export(&case.model).unwrap()[..]).unwrap();
    let graph = proto.graph.unwrap();
    let codes = |name: &str| -> BTreeMap<String, i64> {
        let node = graph.node.iter().find(|n| n.op_type == "CategoryMapper" && n.input == [name]).unwrap();
        let part = |a: &str| node.attribute.iter().find(|x| x.name == a).unwrap().clone();
        let strings = part("cats_strings").strings.into_iter().map(|s| String::from_utf8(s).unwrap());
        strings.zip(part("cats_int64s").ints).collect()
    };
    assert_eq!(levels("label"), ["None", "x"]);
    let label = codes("label");
    assert_eq!((label["None"], label["nan"], label[""]), (0, 2, 2));
    let city = codes("city");
    assert_eq!((city["Oslo"], city["None"], city["<NA>"]), (1, 3, 3));
    assert!(!codes("plan.type").contains_key("None"), "a column without missing values in training has no such level");
}

#[test]
fn names_of_outputs_are_readable_and_unique() {
    let mut model = forest(Task::Multiclass).model;
    // An input is named `label`, two classes differ in punctuation only, and one is empty.
    assert_eq!(onnx::output_names(&model), ["label_2", "p_no", "p_yes_sure", "p_yes_sure_2", "p_Ünïcode", "p_class"]);
    model.task = Task::Regression;
    assert_eq!(onnx::output_names(&model), ["prediction"]);
}

#[test]
fn the_graph_keeps_every_column_and_the_order_of_outputs() {
    let case = forest(Task::Binary);
    let proto: ModelProto = prost::Message::decode(&onnx::export(&case.model).unwrap()[..]).unwrap();
    assert_eq!((proto.producer_name.as_str(), proto.ir_version), ("pilothouse", 8));
    let graph = proto.graph.unwrap();
    let inputs: Vec<&str> = graph.input.iter().map(|i| i.name.as_str()).collect();
    let columns: Vec<&str> = case.model.plan.inputs.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(inputs, columns, "`void` makes no feature and stays an input");
    let outputs: Vec<String> = graph.output.iter().map(|o| o.name.clone()).collect();
    assert_eq!(outputs, onnx::output_names(&case.model));
}

fn trees_of_one_leaf(count: usize) -> Vec<Tree> {
    let leaf = Tree {
        feature: vec![0],
        threshold: vec![0.0],
        left: vec![0],
        right: vec![0],
        value: vec![1.0],
        ..Tree::default()
    };
    vec![leaf; count]
}

#[test]
fn broken_models_are_refused_and_named() {
    let sound = forest(Task::Multiclass).model;
    onnx::validate(&sound).unwrap();
    let refuse = |what: &str, change: &dyn Fn(&mut FittedModel)| {
        let mut model = sound.clone();
        change(&mut model);
        let error = onnx::export(&model).unwrap_err();
        assert_eq!(error.exit_code(), 3, "{what}");
        assert!(error.message.contains(what), "{what}: {error}");
    };
    fn trees(model: &mut FittedModel) -> &mut Vec<crate::model::Tree> {
        match &mut model.fitted {
            Fitted::Trees { trees, .. } => trees,
            _ => panic!("not a forest"),
        }
    }
    refuse("without trees", &|m| trees(m).clear());
    refuse("two ways", &|m| {
        let t = &mut trees(m)[0];
        t.right[0] = t.left[0];
    });
    refuse("does not exist", &|m| trees(m)[0].left[0] = u32::MAX);
    refuse("feature does not exist", &|m| trees(m)[0].feature[0] = 10_000);
    refuse("threshold is not finite", &|m| trees(m)[0].threshold[0] = f32::NAN);
    refuse("leaf value is not finite", &|m| trees(m)[0].value[0] = f32::INFINITY);
    refuse("differ in length", &|m| {
        trees(m)[0].value.pop();
    });
    refuse("values per leaf", &|m| {
        m.classes.pop();
    });
    refuse("same name", &|m| m.classes[1] = m.classes[0].clone());
    refuse("read twice", &|m| m.plan.inputs[1].name = m.plan.inputs[0].name.clone());
    refuse("column `age`", &|m| {
        m.plan.inputs[0].encoding = Encoding::Number { impute: Some(0.0), mean: 0.0, scale: 0.0, indicator: true };
    });
    refuse("differ in length", &|m| trees(m)[0].missing_left = vec![true]);
    let boosted = |link, base: usize, trees: usize| Fitted::Boosted {
        link,
        base: vec![0.0; base],
        scale: 1.0,
        trees: trees_of_one_leaf(trees),
    };
    refuse("too few trees", &|m| m.fitted = boosted(Link::Softmax, 5, 9));
    refuse("bases", &|m| m.fitted = boosted(Link::Softmax, 4, 4));
    refuse("does not answer", &|m| m.fitted = boosted(Link::Identity, 1, 1));
    refuse("does not answer", &|m| m.fitted = boosted(Link::Logit, 1, 1));
    refuse("coefficients", &|m| m.fitted = Fitted::Logistic { coef: vec![vec![0.0; 3]; 5], intercept: vec![0.0; 5] });
    refuse("does not answer", &|m| m.fitted = Fitted::Linear { coef: vec![], intercept: 0.0 });
    refuse("reads no columns", &|m| {
        m.plan.inputs.clear();
        m.fitted = Fitted::Dummy { output: vec![0.2; 5] };
    });
}

#[test]
fn equal_input_gives_an_equal_bundle() {
    let card = CardFacts { source: "sample:churn".into(), ..CardFacts::default() };
    let case = forest(Task::Binary);
    let first = build(&input(&case, &card)).unwrap();
    assert_eq!(first, build(&input(&case, &card)).unwrap());
    let other = CardFacts { seed: Some(1), ..card };
    assert_ne!(first.digest, build(&input(&case, &other)).unwrap().digest);
    assert_eq!(first.native().unwrap(), case.model);
}

#[test]
fn the_digest_is_the_root_of_openssf_model_signing() {
    // Python 3.11: h = hashlib.sha256; h(h(b"1").digest() + h(b"").digest() + h(b"zwei").digest()).hexdigest()
    let files = BTreeMap::from([
        ("b".to_owned(), b"".to_vec()),
        ("c/d".to_owned(), b"zwei".to_vec()),
        ("MLmodel".to_owned(), b"1".to_vec()),
    ]);
    assert_eq!(digest(&files), "d5c09505f9dfcd2c98a71c2cc0cc3e5b2d4f48a514dfc8285235a2f3c3754cdd");
}

#[test]
fn a_folder_gives_back_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let card = CardFacts::default();
    let bundle = build(&input(&forest(Task::Binary), &card)).unwrap();
    write(&bundle, dir.path()).unwrap();
    // What others put beside it does not matter, and writing again changes nothing.
    std::fs::write(dir.path().join("MLmodel"), "x").unwrap();
    write(&bundle, dir.path()).unwrap();
    assert_eq!(read(dir.path()).unwrap(), bundle);
    assert!(
        std::fs::read_dir(dir.path()).unwrap().all(|f| !f.unwrap().file_name().to_string_lossy().starts_with(".tmp"))
    );
}

#[test]
fn a_changed_absent_or_linked_file_is_noticed() {
    let card = CardFacts::default();
    let bundle = build(&input(&forest(Task::Binary), &card)).unwrap();
    let spoil = |change: &dyn Fn(&std::path::Path)| {
        let dir = tempfile::tempdir().unwrap();
        write(&bundle, dir.path()).unwrap();
        change(dir.path());
        read(dir.path()).unwrap_err()
    };
    let error = spoil(&|d| std::fs::write(d.join("model.onnx"), "other").unwrap());
    assert!(error.message.contains("model.onnx was changed"), "{error}");
    assert!(spoil(&|d| std::fs::remove_file(d.join("native.json")).unwrap()).message.contains("native.json"));
    assert!(spoil(&|d| std::fs::remove_file(d.join(INDEX_FILE)).unwrap()).message.contains(INDEX_FILE));
    assert!(spoil(&|d| std::fs::write(d.join(INDEX_FILE), "{").unwrap()).message.contains("not a bundle's index"));
    assert!(
        spoil(&|d| {
            std::fs::rename(d.join("conda.yaml"), d.join("elsewhere")).unwrap();
            std::os::unix::fs::symlink(d.join("elsewhere"), d.join("conda.yaml")).unwrap();
        })
        .message
        .contains("link")
    );
    // A file taken out of the index together with its line: the root digest tells.
    let error = spoil(&|d| {
        let mut index: serde_json::Value = serde_json::from_slice(&std::fs::read(d.join(INDEX_FILE)).unwrap()).unwrap();
        index["files"].as_object_mut().unwrap().remove("model_card.md");
        std::fs::write(d.join(INDEX_FILE), index.to_string()).unwrap();
    });
    assert!(error.message.contains("digest"), "{error}");
}

#[test]
fn paths_cannot_climb_out() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("inner");
    for name in ["../out", "/out", "a/../../out", "", "a//b", "./a", "a\\b", "c:out", INDEX_FILE, "a\0b"] {
        let files = BTreeMap::from([(name.to_owned(), b"x".to_vec())]);
        let bundle = Bundle { digest: digest(&files), files };
        assert!(write(&bundle, &inner).is_err(), "{name:?}");
        std::fs::create_dir_all(&inner).unwrap();
        let index = serde_json::json!({"digest": bundle.digest, "files": {name: "00"}});
        std::fs::write(inner.join(INDEX_FILE), index.to_string()).unwrap();
        assert!(read(&inner).unwrap_err().message.contains("not a file name"), "{name:?}");
    }
    assert!(!dir.path().join("out").exists());
    let files = BTreeMap::from([("data/model.onnx".to_owned(), b"x".to_vec())]);
    let bundle = Bundle { digest: digest(&files), files };
    std::fs::remove_file(inner.join(INDEX_FILE)).unwrap();
    write(&bundle, &inner).unwrap();
    assert_eq!(read(&inner).unwrap(), bundle);
}

#[test]
fn the_signature_and_the_examples_are_those_of_mlflow() {
    let case = forest(Task::Binary);
    let bundle = build(&input(&case, &CardFacts::default())).unwrap();
    let json = |name: &str| -> serde_json::Value { serde_json::from_slice(&bundle.files[name]).unwrap() };
    let signature = json("signature.json");
    let inputs = signature["inputs"].as_str().unwrap();
    assert!(inputs.starts_with(r#"[{"type":"double","name":"age","required":true},"#), "{inputs}");
    assert!(inputs.contains(r#"{"type":"string","name":"city","required":true}"#), "{inputs}");
    let outputs: serde_json::Value = serde_json::from_str(signature["outputs"].as_str().unwrap()).unwrap();
    assert_eq!(outputs[0], serde_json::json!({"type": "string", "name": "label_2", "required": true}));
    assert_eq!(outputs[1], serde_json::json!({"type": "double", "name": "p_no", "required": true}));
    let example = json("input_example.json");
    assert_eq!(example["columns"].as_array().unwrap().len(), 11, "only the model's columns");
    assert_eq!(example["data"].as_array().unwrap().len(), 5);
    assert_eq!(example["data"][1][0], serde_json::Value::Null);
    assert_eq!(json("serving_input_example.json")["dataframe_split"], example);
    for (name, version) in TESTED {
        let line = format!("{name}=={version}\n");
        assert!(String::from_utf8_lossy(&bundle.files["requirements.txt"]).contains(&line), "{line}");
        assert!(String::from_utf8_lossy(&bundle.files["conda.yaml"]).contains(&line), "{line}");
    }
}

#[test]
fn mlmodel_names_the_ids_of_the_push() {
    let mut case = forest(Task::Binary);
    case.model.plan.inputs[0].name = "what's \u{85}🙂".into();
    case.rows.rename("age", "what's \u{85}🙂".into()).unwrap();
    let bundle = build(&input(&case, &CardFacts::default())).unwrap();
    let mut ids = MlmodelIds {
        artifact_path: "mlflow-artifacts:/1/models/m-1/artifacts".into(),
        model_id: Some("m-1".into()),
        run_id: "r\"1".into(),
        mlflow_version: "3.17.2".into(),
        utc_time: "2026-01-02 03:04:05.000006".into(),
    };
    let text = mlmodel(&bundle, &ids);
    for line in [
        "artifact_path: \"mlflow-artifacts:/1/models/m-1/artifacts\"",
        "    data: model.onnx",
        "    loader_module: mlflow.onnx",
        "model_id: \"m-1\"",
        "model_uuid: \"m-1\"",
        "run_id: \"r\\\"1\"",
        "  params: null",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
    assert!(text.is_ascii() && text.contains(r"what''s \u0085\ud83d\ude42"), "{text}");
    ids.model_id = None;
    let text = mlmodel(&bundle, &ids);
    assert!(
        !text.contains("model_id") && text.contains(&format!("model_uuid: \"{}\"", &bundle.digest[..32])),
        "{text}"
    );
}

#[test]
fn the_card_tells_what_matters_and_shows_hostile_text_harmless() {
    let case = forest(Task::Binary);
    let card = CardFacts {
        source: "data|with <script>`\u{1b}[31m\n# Heading".into(),
        fingerprint: "abc".into(),
        rows: 1000,
        train_rows: 800,
        test_rows: 200,
        split: "by group customer".into(),
        seed: Some(42),
        parameters: vec![("trees".into(), "100".into())],
        metrics: vec![
            MetricFact { name: "AUC".into(), value: 0.741_966_55, low: Some(0.73), high: Some(0.753) },
            MetricFact { name: "log loss".into(), value: 1e-9, low: None, high: None },
        ],
        derived: vec![("hour".into(), "EXTRACT(HOUR FROM at)".into())],
        left_out: vec![("customer_id".into(), "identifier".into())],
        gates: vec![GateFact {
            name: "drift".into(),
            stage: "model".into(),
            verdict: "passed".into(),
            message: "ok".into(),
        }],
        intended_use: vec!["Call back customers".into()],
        limits: vec!["Not for prices".into()],
        trained_by: Some("ana".into()),
        trained_at: None,
    };
    let bundle = build(&input(&case, &card)).unwrap();
    let text = String::from_utf8(bundle.files["model_card.md"].clone()).unwrap();
    for part in [
        "# churn\n",
        "pipeline_tag: tabular-classification",
        "| AUC | 0.741967 | 0.73 to 0.753 |",
        "| log loss | 1.00000e-9 | not estimated |",
        "| customer_id | identifier |",
        "| Data | data\\|with &lt;script>\\`\u{fffd}\\[31m \\# Heading |",
        "| model | drift | passed | ok |",
        "- Not for prices",
        "1000 in all, 800 fitted on, 200 held out",
        "models:/churn@champion",
        "| p_yes_sure | double | probability of yes, sure |",
        "| label | string | one of 2 known values (None, x); missing is a value of its own and must be sent as NaN,",
        "| city | string | one of 3 known values (København, DK, Oslo, São Paulo); missing is a value of its own |",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn the_native_form_keeps_every_bit() {
    for seed in 0..20 {
        let model = fixtures::random(seed).model;
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<FittedModel>(&text).unwrap(), model);
    }
}

/// tract's own operator gives the same sums as the one put in its place.
#[test]
fn recipe_and_contract_travel_with_the_model() {
    let case = &fixtures::cases()[0];
    let card = CardFacts::default();
    let bare = build(&input(case, &card)).unwrap();
    let both = BundleInput { recipe: Some("[[step]]\n"), contract: Some("name = 'x'\n"), ..input(case, &card) };
    let both = build(&both).unwrap();
    assert_eq!(both.files[RECIPE_FILE], b"[[step]]\n");
    assert_eq!(both.files[CONTRACT_FILE], b"name = 'x'\n");
    assert!(!bare.files.contains_key(RECIPE_FILE) && bare.digest != both.digest);
    let text = String::from_utf8(both.files["model_card.md"].clone()).unwrap();
    // printf "[[step]]\n" | sha256sum
    assert!(
        text.contains("f39d7974dc79c3bf35d8ee6bae3d5342e9781f2d8c2d1a5b717a63713e75b88a")
            && text.contains("--new-rows"),
        "{text}"
    );
    assert!(!String::from_utf8_lossy(&bare.files["model_card.md"]).contains("recipe.toml"));
}

#[test]
fn the_replaced_operator_agrees_with_tracts_own() {
    use tract_onnx::prelude::*;
    use tract_onnx::tract_hir::internal::ToDim;
    let mut cases: Vec<Case> = [Task::Binary, Task::Multiclass, Task::Regression].map(forest).into();
    // With ways of their own for missing values.
    cases.extend(fixtures::cases().into_iter().filter(|c| c.name.starts_with("boosted")));
    assert!(cases.len() > 10);
    for case in cases {
        let task = case.model.task;
        let proto: ModelProto = prost::Message::decode(&onnx::export(&case.model).unwrap()[..]).unwrap();
        let run = |reader: tract_onnx::Onnx| -> Vec<f64> {
            let mut model = reader.model_for_proto_model(&proto).unwrap();
            for (at, input) in case.model.plan.inputs.iter().enumerate() {
                let kind = if input.is_text() { String::datum_type() } else { f64::datum_type() };
                model.set_input_fact(at, InferenceFact::dt_shape(kind, tvec![8.to_dim()])).unwrap();
            }
            let inputs: TVec<TValue> = case
                .model
                .plan
                .inputs
                .iter()
                .map(|input| {
                    let column = crate::data::column::get(&case.rows, &input.name).unwrap();
                    if input.is_text() {
                        let texts = crate::data::column::texts(column).unwrap();
                        tensor1(&texts.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>()).into_tvalue()
                    } else {
                        tensor1(&crate::data::column::numbers(column).unwrap()).into_tvalue()
                    }
                })
                .collect();
            let outputs = model.into_typed().unwrap().into_runnable().unwrap().run(inputs).unwrap();
            let scores = outputs.iter().skip(usize::from(task.is_classification()));
            scores.flat_map(|o| o.to_plain_array_view::<f64>().unwrap().iter().copied().collect::<Vec<_>>()).collect()
        };
        let bits = |scores: Vec<f64>| scores.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(run(tract_onnx::onnx())), bits(run(ensemble::reader())), "{}", case.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn random_models_agree_on_random_rows(seed in any::<u64>()) {
        let case = fixtures::random(seed);
        let parity = parity(&case);
        prop_assert!(parity.agrees && parity.largest_difference <= EXACT, "{}: {:?}", case.name, parity);
    }

    #[test]
    fn an_index_of_any_bytes_is_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(INDEX_FILE), bytes).unwrap();
        prop_assert!(read(dir.path()).is_err());
    }
}
