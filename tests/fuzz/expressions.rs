//! The expression parser, and the evaluation behind it.

use pilothouse::data::{Dataset, LoadOptions, RowQuery, cells, derive, expression_columns, filter, load, row_order};
use pilothouse::engine::Control;
use rand::Rng;

use super::cases::{BAD_INPUT, Place, answered, lot, refused, words};
use super::driver::{Outcome, Random, Target, fuzz};

const TABLE: &str = "i,f,s,b,d,t,\"odd \"\"name\",gap\n\
    1,0.5,a,true,2020-01-31,2020-01-31 23:59:59,x,\n\
    -2,1e9,Zürich,false,1969-12-31,1999-12-31 00:00:00,y,\n\
    9223372036854775807,-0.25,,true,2000-02-29,2000-02-29 12:00:00,,3\n\
    0,,\"it's\",false,2020-01-31,1970-01-01 00:00:00,x,\n";

const ATOMS: [&str; 30] = [
    "i",
    "f",
    "s",
    "b",
    "d",
    "t",
    "gap",
    "\"odd \"\"name\"",
    "nothing",
    "1",
    "0",
    "-1",
    "2.5",
    "9223372036854775807",
    "9223372036854775808",
    "'a'",
    "'2020-01-31'",
    "'\u{1b}[31m'",
    "''",
    "NULL",
    "TRUE",
    "*",
    "DATE('2020-01-31')",
    "INTERVAL '1 day'",
    "1e3",
    "X'ff'",
    "$1",
    "?",
    "b'1'",
    "(SELECT 1)",
];

const FUNCTIONS: [&str; 46] = [
    "ABS",
    "CEIL",
    "FLOOR",
    "ROUND",
    "SQRT",
    "LN",
    "LOG",
    "LOG10",
    "EXP",
    "POW",
    "MOD",
    "SIGN",
    "SIN",
    "ATAN2",
    "COALESCE",
    "NULLIF",
    "IFNULL",
    "IF",
    "GREATEST",
    "LEAST",
    "LOWER",
    "UPPER",
    "LENGTH",
    "SUBSTR",
    "LEFT",
    "RIGHT",
    "REPLACE",
    "REVERSE",
    "STRPOS",
    "CONCAT",
    "CONCAT_WS",
    "STARTS_WITH",
    "REGEXP_LIKE",
    "LTRIM",
    "DATE",
    "STRFTIME",
    "DATE_PART",
    "SUM",
    "AVG",
    "COUNT",
    "FIRST",
    "ROW_NUMBER",
    "LAG",
    "LPAD",
    "SPLIT_PART",
    "STRING_TO_ARRAY",
];

const BINARY: [&str; 24] = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "//",
    "||",
    "=",
    "<>",
    "<",
    ">=",
    "<=>",
    "AND",
    "OR",
    "XOR",
    "&",
    "|",
    "^",
    "LIKE",
    "ILIKE",
    "~",
    "<<",
    "^@",
    "IS DISTINCT FROM",
];

fn expression(random: &mut Random, depth: u32) -> String {
    let any = |random: &mut Random, words: &[&str]| words[random.random_range(0..words.len())].to_owned();
    if depth > 5 {
        return any(random, &ATOMS);
    }
    let inner = |random: &mut Random| expression(random, depth + 1);
    match random.random_range(0..16u32) {
        0..=4 => any(random, &ATOMS),
        5..=8 => format!("{} {} {}", inner(random), any(random, &BINARY), inner(random)),
        9 => format!("({})", inner(random)),
        10 | 11 => {
            let arguments: Vec<String> = (0..random.random_range(0..4)).map(|_| inner(random)).collect();
            format!("{}({})", any(random, &FUNCTIONS), arguments.join(", "))
        }
        12 => format!("CASE WHEN {} THEN {} ELSE {} END", inner(random), inner(random), inner(random)),
        13 => {
            let kinds = [
                "INT",
                "BIGINT",
                "DOUBLE",
                "VARCHAR",
                "DATE",
                "TIMESTAMP",
                "BOOLEAN",
                "DECIMAL(10,2)",
                "INT[]",
                "UINT8",
                "BYTEA",
                "JSON",
            ];
            format!("CAST({} AS {})", inner(random), any(random, &kinds))
        }
        14 => match random.random_range(0..5u32) {
            0 => format!("{} IN ({}, {})", inner(random), inner(random), inner(random)),
            1 => format!("{} BETWEEN {} AND {}", inner(random), inner(random), inner(random)),
            2 => format!("{} IS NOT NULL", inner(random)),
            3 => format!("{} OVER (PARTITION BY {})", inner(random), inner(random)),
            _ => format!("NOT {}", inner(random)),
        },
        _ => {
            let parts = ["EPOCH", "HOUR", "DOW", "YEAR", "MILLENNIUM", "NANOSECOND", "TIMEZONE"];
            format!("EXTRACT({} FROM {})", any(random, &parts), inner(random))
        }
    }
}

fn case(data: &Dataset, bytes: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(bytes);
    let control = Control::default();
    let read = expression_columns(&text).len();
    let mut derived = data.clone();
    let mut outcome = answered(derive(&mut derived, "new", &text, &control), |()| {
        assert_eq!((derived.frame.width(), derived.columns.len()), (data.columns.len() + 1, data.columns.len() + 1));
        assert_eq!(derived.rows(), data.rows());
        (format!("{:?} of {}", derived.columns.last().map(|c| c.physical), "c".repeat(read)), derived.notes.clone())
    });
    let mut filtered = data.clone();
    match filter(&mut filtered, &text, &control) {
        Ok(dropped) => outcome.shape.push_str(["all", "some"][usize::from(dropped > 0)]),
        Err(error) => outcome.texts.append(&mut refused(&error).texts),
    }
    // The grid takes the same words, as a condition or as words to find.
    if lot(bytes).is_multiple_of(4) {
        let query = RowQuery { filter: text.into_owned(), ..RowQuery::default() };
        match row_order(data, &query, &control) {
            Ok(order) => drop(cells(data, "s", &order).unwrap()),
            Err(error) => outcome.texts.append(&mut refused(&error).texts),
        }
    }
    outcome
}

#[test]
fn expressions() {
    let place = Place::new("t.csv");
    std::fs::write(&place.path, TABLE).unwrap();
    let data = load(place.name(), &LoadOptions::default(), &Control::default()).unwrap();
    let mut seeds: Vec<Vec<u8>> = [
        "(EXTRACT(EPOCH FROM t) - EXTRACT(EPOCH FROM d)) / 60",
        "CASE WHEN f < 0 THEN 'x' ELSE s END",
        "d >= '2018-01-01' AND i IN (1, 2)",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    seeds.extend(ATOMS.iter().map(|atom| atom.as_bytes().to_vec()));
    // As deep as the bound lets it, and deeper.
    for deep in [390, 401, 5000, 40_000] {
        seeds.extend([
            format!("{}i{}", "(".repeat(deep), ")".repeat(deep)).into_bytes(),
            format!("i{}", " + 1".repeat(deep)).into_bytes(),
            format!("{} i", "NOT ".repeat(deep)).into_bytes(),
            format!("{}i", "-".repeat(deep)).into_bytes(),
            format!("i{}", " IS NULL".repeat(deep)).into_bytes(),
            format!("i{}", "::INT".repeat(deep)).into_bytes(),
            format!("i{}", "[1]".repeat(deep)).into_bytes(),
            format!("{}i{}", "ABS(".repeat(deep), ")".repeat(deep)).into_bytes(),
            format!("{}i{}", "CASE WHEN b THEN ".repeat(deep), " END".repeat(deep)).into_bytes(),
            format!("CAST(i AS {}INT{})", "ARRAY<".repeat(deep), ">".repeat(deep)).into_bytes(),
            format!("i IN ({}1)", "1, ".repeat(deep)).into_bytes(),
            format!("CONCAT({}s)", "s, ".repeat(deep)).into_bytes(),
            format!("i.{}", "a.".repeat(deep)).into_bytes(),
            format!("INTERVAL {}'1'", "INTERVAL ".repeat(deep)).into_bytes(),
            format!("{}'a'", "DATE ".repeat(deep)).into_bytes(),
            format!("i{}", " COLLATE x".repeat(deep)).into_bytes(),
            format!("i{}", " AT TIME ZONE 'UTC'".repeat(deep)).into_bytes(),
            format!("{}i", "PRIOR ".repeat(deep)).into_bytes(),
            format!("{}i", "DISTINCT ".repeat(deep)).into_bytes(),
        ]);
    }
    let target = Target {
        name: "expressions",
        seeds,
        tokens: words(
            &[
                &ATOMS[..],
                &FUNCTIONS[..],
                &BINARY[..],
                &[
                    "(",
                    ")",
                    ",",
                    " AS ",
                    "::",
                    "[",
                    "]",
                    "{",
                    "}",
                    "--",
                    "/*",
                    ";",
                    "ARRAY[",
                    " COLLATE ",
                    " AT TIME ZONE ",
                    "EXISTS",
                    "PRIOR ",
                ],
            ]
            .concat(),
        ),
        codes: BAD_INPUT,
        largest: 70 << 10,
        remake: Some(Box::new(|random, _| expression(random, 0).into_bytes())),
    };
    fuzz(target, move |bytes| case(&data, bytes));
}
