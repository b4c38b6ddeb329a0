//! JSON and NDJSON.

use rand::Rng;

use super::cases::{BAD_INPUT, Place, odd_cell, table, words};
use super::driver::{Random, Target, fuzz};

const TOKENS: [&str; 30] = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\\"",
    "\\u0000",
    "\\ud800",
    "\\u001b[2J",
    "null",
    "true",
    "false",
    "1e400",
    "-0",
    "1E+2",
    "18446744073709551615",
    "-9223372036854775809",
    "{\"a\":",
    "}\n{",
    "\"a\":1,",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":{\"a\":{\"a\":{\"a\":",
    "\"a.b\":",
    "\u{feff}",
    "\"2020-01-31\"",
    "\n",
    "//",
    "NaN",
];

fn value(random: &mut Random, depth: u32) -> String {
    let kind = if depth > 6 { random.random_range(0..6u32) } else { random.random_range(0..9u32) };
    match kind {
        0 => "null".to_owned(),
        1 => ["true", "false"][random.random_range(0..2)].to_owned(),
        2 => random.random_range(-9..100i64).to_string(),
        3 => format!("{:e}", f64::from_bits(random.random())).replace("NaN", "0").replace("inf", "1e308"),
        4 | 5 => serde_json::to_string(&odd_cell(random)).unwrap(),
        6 => {
            let values: Vec<String> = (0..random.random_range(0..4)).map(|_| value(random, depth + 1)).collect();
            format!("[{}]", values.join(","))
        }
        _ => object(random, depth + 1),
    }
}

fn object(random: &mut Random, depth: u32) -> String {
    let fields: Vec<String> = (0..random.random_range(0..5))
        .map(|_| {
            let key = match random.random_range(0..4u32) {
                0 => odd_cell(random),
                1 => "a.b".to_owned(),
                _ => ["a", "b", "c", "d"][random.random_range(0..4)].to_owned(),
            };
            format!("{}:{}", serde_json::to_string(&key).unwrap(), value(random, depth))
        })
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn made(random: &mut Random) -> Vec<u8> {
    let rows: Vec<String> = (0..random.random_range(1..20)).map(|_| object(random, 0)).collect();
    let text = match random.random_range(0..4u32) {
        0 => format!("[{}]", rows.join(",")),
        1 => rows.join(" "),
        // One shape in all rows makes columns with types.
        2 => {
            let keys = ["a", "b", "c"];
            let cells: Vec<Vec<String>> = keys.iter().map(|_| (0..3).map(|_| value(random, 7)).collect()).collect();
            let row = |random: &mut Random| {
                let fields: Vec<String> =
                    keys.iter().zip(&cells).map(|(k, c)| format!("\"{k}\":{}", c[random.random_range(0..3)])).collect();
                format!("{{{}}}", fields.join(","))
            };
            (0..30).map(|_| row(random)).collect::<Vec<_>>().join("\n")
        }
        _ => rows.join("\n"),
    };
    text.into_bytes()
}

#[test]
fn json() {
    let place = Place::new("t.json");
    let seeds = [
        "[{\"a\":1,\"b\":\"x\"},{\"a\":2.5,\"b\":null}]",
        "{\"a\":1}\n{\"a\":2}\n",
        "{\"a\":{\"b\":{\"c\":1}},\"d\":[1,2]}\n{\"a\":{\"b\":{\"c\":\"2020-01-31\"}}}\n",
        "[[1,2],[3,4]]",
        "[]",
        "\u{feff}{\"t\":\"2020-01-31T08:00:00Z\",\"f\":true}\n{\"t\":\"2020-02-29T08:00:00Z\",\"f\":false}",
        "{\"n\":18446744073709551615}\n{\"n\":1}",
    ];
    let target = Target {
        name: "json",
        seeds: seeds.iter().map(|text| text.as_bytes().to_vec()).collect(),
        tokens: words(&TOKENS),
        codes: BAD_INPUT,
        largest: 64 << 10,
        remake: Some(Box::new(|random, _| made(random))),
    };
    fuzz(target, move |bytes| table(&place, bytes));
}
