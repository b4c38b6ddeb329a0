//! The TOML files that people write: contracts, recipes and flows.

use chrono::DateTime;
use pilothouse::data::contract::{Contract, check, junit, to_odcs};
use pilothouse::data::recipe::{Action, Purpose, Recipe, apply};
use pilothouse::data::{Dataset, LoadOptions, load};
use pilothouse::engine::Control;
use pilothouse::flow::{Flow, sample_flows};
use rand::Rng;

use super::cases::{BAD_INPUT, Place, answered, lot, refused, words};
use super::driver::{Outcome, Random, Target, fuzz};

const TABLE: &str = "id,fare,flag,when,city,price\n\
    1,12.5,Y,2018-01-01 00:10:00,Zürich,1 200\n\
    2,-3,N,2018-02-01 00:20:00,zurich,\n\
    2,251,\u{1b}[31m,2019-01-01 00:30:00,ZH,x\n\
    4,,Y,2020-01-01 00:40:00,Bern ,7\n";

const CONTRACT: &str = r#"
name = "trips"
version = "2.1.0"
description = "Taxi trips: one row a \"trip\""
extra_columns = "refuse"

[rows]
min = 1
max = 1000

[[column]]
name = "id"
type = "integer"
not_null = {}
unique = { why = "the key" }

[[column]]
name = "fare"
type = "number"
required = false
range = { min = 0, max = 250.5, mostly = 0.99, severity = "warning" }

[[column]]
name = "flag"
values = { of = ["Y", "N"] }
pattern = { regex = "^[YN]$" }
length = { min = 1, max = 1 }

[[column]]
name = "when"
type = "datetime"
range = { min = 2018-01-01 }
fresh = { within = "36h" }

[[unique]]
columns = ["id", "when"]

[[relation]]
name = "fares are paid"
condition = "fare >= 0 OR flag = 'N'"
mostly = 0.999
"#;

const RECIPE: &str = r#"
[[step]]
do = "rename"
columns = { "id" = "key" }

[[step]]
do = "cast"
columns = ["price"]
to = "number"
strip = true
failures = "missing"

[[step]]
do = "parse_dates"
columns = ["when"]
format = "%d.%m.%Y"
failures = "missing"

[[step]]
do = "fill"
columns = ["fare"]
with = "median"

[[step]]
do = "clip"
columns = ["fare"]
min = 0
max = 120.5

[[step]]
do = "map"
column = "city"
values = { "zurich" = "Zürich", "ZH" = "Zürich" }

[[step]]
do = "trim"
why = "spaces"

[[step]]
do = "missing"
columns = ["flag"]
values = [-999, "?"]

[[step]]
do = "deduplicate"
keep = "last"

[[step]]
do = "filter"
condition = "fare >= 0"

[[step]]
do = "derive"
column = "double"
expression = "fare * 2"

[[step]]
do = "keep"
columns = ["key", "fare", "double"]
"#;

const WORDS: [&str; 52] = [
    "\n",
    " = ",
    "[[",
    "]]",
    "[",
    "]",
    "{ ",
    " }",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "#",
    ",",
    ".",
    "true",
    "inf",
    "nan",
    "-0.0",
    "1e999",
    "0x7fffffffffffffff",
    "9223372036854775808",
    "1979-05-27T07:32:00Z",
    "\\u001b",
    "\\U0000009b",
    "\u{0}",
    "[[step]]\ndo = ",
    "[[column]]\nname = ",
    "[[relation]]\n",
    "mostly = ",
    "regex = \"",
    "(a{1000}){1000}",
    "(?i)",
    "((((((((",
    "columns = [",
    "to = ",
    "with = ",
    "min = ",
    "max = ",
    "value = ",
    "[a.b.c.d.e.f.g.h]\n",
    "%Y-%m-%d",
    "%",
    "text",
    "category",
    "boolean",
    "date",
    "datetime",
    "forward",
    "constant",
    "within = \"9999999999999d\"",
    "source = ",
];

/// Lines left out, doubled, moved, and given other values.
fn shuffled(random: &mut Random, base: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(base);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..random.random_range(1..4) {
        if lines.is_empty() {
            break;
        }
        let (at, to) = (random.random_range(0..lines.len()), random.random_range(0..lines.len()));
        match random.random_range(0..4u32) {
            0 => drop(lines.remove(at)),
            1 => lines.insert(to, lines[at].clone()),
            2 => lines.swap(at, to),
            _ => {
                if let (Some((key, _)), Some((_, value))) = (lines[at].split_once('='), lines[to].split_once('=')) {
                    lines[at] = format!("{key}={value}");
                }
            }
        }
    }
    lines.join("\n").into_bytes()
}

fn target(name: &'static str, seeds: Vec<Vec<u8>>) -> Target {
    Target { name, seeds, tokens: words(&WORDS), codes: BAD_INPUT, largest: 64 << 10, remake: Some(Box::new(shuffled)) }
}

fn data() -> Dataset {
    let place = Place::new("t.csv");
    std::fs::write(&place.path, TABLE).unwrap();
    load(place.name(), &LoadOptions::default(), &Control::default()).unwrap()
}

/// Brackets in brackets, for readers that descend.
fn deep() -> Vec<Vec<u8>> {
    [100, 10_000]
        .iter()
        .flat_map(|n| {
            [format!("a = {}", "[".repeat(*n)), format!("a = {}", "{a=".repeat(*n)), format!("[{}a]", "a.".repeat(*n))]
        })
        .map(String::into_bytes)
        .collect()
}

#[test]
fn contracts() {
    let data = data();
    let now = DateTime::from_timestamp(1_600_000_000, 0).unwrap();
    let case = move |bytes: &[u8]| -> Outcome {
        let text = String::from_utf8_lossy(bytes);
        let contract = match Contract::parse(&text) {
            Ok(contract) => contract,
            Err(error) => return refused(&error),
        };
        let written = contract.to_toml().unwrap();
        assert_eq!(Contract::parse(&written).unwrap(), contract, "what is written is read again the same");
        let odcs = to_odcs(&contract);
        answered(check(&data, &contract, now, &Control::default()), |report| {
            let kinds: Vec<String> = report.rules.iter().map(|r| format!("{} {:?}", r.kind, r.verdict)).collect();
            let mut texts: Vec<String> = report.rules.iter().map(|r| r.message.clone()).collect();
            texts.extend(report.rules.iter().flat_map(|r| r.examples.iter().map(|e| e.value.clone())));
            texts.push(junit(&report, None).replace(['\n', '\t'], " "));
            texts.extend(odcs.map(|yaml| yaml.replace(['\n', '\t'], " ")).or_else(|e| Ok::<_, ()>(e.to_string())).ok());
            (kinds.join(" "), texts)
        })
    };
    let seeds = [vec![CONTRACT.as_bytes().to_vec(), b"name = 'x'".to_vec()], deep()].concat();
    fuzz(target("contracts", seeds), case);
}

#[test]
fn recipes() {
    let data = data();
    let case = move |bytes: &[u8]| -> Outcome {
        let text = String::from_utf8_lossy(bytes);
        let recipe = match Recipe::parse(&text) {
            Ok(recipe) => recipe,
            Err(error) => return refused(&error),
        };
        assert_eq!(
            Recipe::parse(&recipe.to_toml().unwrap()).unwrap(),
            recipe,
            "what is written is read again the same"
        );
        // A joined table's name may be any file of this machine, or standard input.
        if recipe.steps.iter().any(|step| matches!(step.action, Action::Join { .. })) {
            return Outcome { code: None, shape: "joins".to_owned(), texts: Vec::new() };
        }
        let purpose = if lot(bytes).is_multiple_of(4) { Purpose::Score } else { Purpose::Clean };
        answered(apply(&data, &recipe, purpose, &Control::default()), |applied| {
            assert_eq!(applied.data.frame.width(), applied.data.columns.len());
            let done: Vec<String> =
                applied.reports.iter().map(|r| format!("{}{}", r.action, r.cells_changed > 0)).collect();
            let told = applied.reports.iter().map(|r| r.message.clone()).chain(applied.data.notes.iter().cloned());
            (done.join(" "), told.collect())
        })
    };
    let mut seeds = deep();
    // Single steps reach further than all of them after a damage.
    seeds.extend(RECIPE.split("\n\n").map(|step| step.as_bytes().to_vec()));
    seeds.push(RECIPE.as_bytes().to_vec());
    seeds.push(b"[[step]]\ndo = \"join\"\nsource = \"zones.csv\"\non = [\"zone\"]\nwith = [\"id\"]\n".to_vec());
    fuzz(target("recipes", seeds), case);
}

#[test]
fn flows() {
    let place = Place::new("flow.toml");
    let case = move |bytes: &[u8]| -> Outcome {
        let text = String::from_utf8_lossy(bytes);
        let flow = match Flow::parse(&text) {
            Ok(flow) => flow,
            Err(error) => return refused(&error),
        };
        let written = flow.to_toml().unwrap();
        assert_eq!(
            Flow::parse(&written).unwrap().to_toml().unwrap(),
            written,
            "what is written is read again the same"
        );
        let mut outcome = answered(flow.check_secrets(), |()| (String::new(), Vec::new()));
        if let Some(push) = &flow.push {
            outcome.texts.extend(push.check().err().map(|e| e.to_string()));
        }
        std::fs::write(&place.path, bytes).unwrap();
        let read = answered(Flow::read(&place.path), |flow| {
            (format!("{:?} {}", flow.prepare, flow.train.models.len()), Vec::new())
        });
        outcome.texts.extend(read.texts);
        Outcome {
            code: outcome.code.or(read.code),
            shape: format!("{} {}", outcome.shape, read.shape),
            texts: outcome.texts,
        }
    };
    let mut seeds: Vec<Vec<u8>> = sample_flows().iter().map(|flow| flow.toml.as_bytes().to_vec()).collect();
    let step = RECIPE.replace("[[step]]", "[[load.recipe]]");
    seeds.push(format!("[load]\nsource = 'x.csv'\n{step}").into_bytes());
    let contract = CONTRACT.replace("[[", "[[load.rules.").replace("[rows]", "[load.rules.rows]");
    seeds.push(format!("[load]\nsource = 'x.csv'\n[load.rules]\n{contract}").into_bytes());
    seeds.push(b"[load]\nsource = 'postgres://a:b@h/d?table=t'\n[push]\nto = 'https://a:b@h'\nas = 'm'\n[watch]\nsource = 'x'\n".to_vec());
    seeds.extend(deep());
    fuzz(target("flows", seeds), case);
}
