//! Delimited text: in memory, as a stream, in other encodings, and packed.

use std::io::{Read, Write};

use pilothouse::data::samples;
use rand::Rng;

use super::cases::{BAD_INPUT, Place, odd_cell, table, words};
use super::driver::{Random, Target, fuzz};

const TOKENS: [&str; 34] = [
    ",",
    ";",
    "\t",
    "|",
    "\n",
    "\r\n",
    "\r",
    "\"",
    "\"\"",
    "\",\"",
    "\"\n",
    " ",
    "NA",
    "null",
    "-",
    "?",
    "nan",
    "inf",
    "1e999",
    "-0",
    "0x10",
    "1_000",
    "1.000,5",
    "1,5",
    "+1",
    "2020-01-31",
    "31.12.2019 23:59",
    "12/31/2019",
    "2020-02-30",
    "true",
    "\u{feff}",
    "\u{0}",
    "é",
    "9223372036854775808",
];

fn texts() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = [
        "a,b\n1,2\n3,4\n",
        "a;b;c\r\n1,5;x;2020-01-31\r\n;y;\r\n",
        "a\tb\n\"x\ty\"\t1\nz\t2\n",
        "a|b\n1|true\n0|false\n",
        "a,b\n\"x, \"\"y\"\"\n\",1\nz,2",
        "\u{feff}a,b,\n1,2,\n3,4,\n",
        "a\n1\n2\n",
        "day,n,t\n31.12.2019,1,08:00\n01.01.2020,NA,09:30\n",
        "id,name,when\n1,Zürich,2020-01-31 23:59:59.5\n2,東京,1969-12-31 00:00:00\n3,🚕,\n",
        "all,n,t,d\n,1,None,2020-01-31\nNA,inf,NA,-\n,?,x,2020-02-29\n",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    for sample in samples() {
        seeds.push(sample.bytes()[..3000].to_vec());
    }
    seeds.push(include_bytes!("../profile_reference/nasty.csv").to_vec());
    seeds
}

/// A table of odd cells, mostly of equal rows.
fn made(random: &mut Random) -> Vec<u8> {
    let (columns, rows) = (random.random_range(1..7usize), random.random_range(0..40usize));
    let delimiter = [",", ";", "\t", "|"][random.random_range(0..4)];
    let end = ["\n", "\r\n"][random.random_range(0..2)];
    let quoted = random.random_ratio(1, 2);
    let mut text = (0..columns).map(|c| format!("{}{c}", odd_cell(random))).collect::<Vec<_>>().join(delimiter) + end;
    // A column keeps to a few cells, so that it has a type.
    let few: Vec<Vec<String>> =
        (0..columns).map(|_| (0..random.random_range(1..6)).map(|_| odd_cell(random)).collect()).collect();
    for _ in 0..rows {
        let ragged = if random.random_ratio(1, 200) { columns + 1 } else { columns };
        let cells: Vec<String> = (0..ragged)
            .map(|c| {
                let few = &few[c % columns];
                let cell = &few[random.random_range(0..few.len())];
                if quoted { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
            })
            .collect();
        text.push_str(&cells.join(delimiter));
        text.push_str(end);
    }
    text.into_bytes()
}

#[test]
fn delimited() {
    let place = Place::new("t.csv");
    let target = Target {
        name: "delimited",
        seeds: texts(),
        tokens: words(&TOKENS),
        codes: BAD_INPUT,
        largest: 64 << 10,
        remake: Some(Box::new(|random, _| made(random))),
    };
    fuzz(target, move |bytes| table(&place, bytes));
}

/// Texts in UTF-16, Windows-1252, with and without a byte order mark, and mixtures of them.
#[test]
fn encodings() {
    let encode = |text: &str, kind: u32| -> Vec<u8> {
        match kind {
            0 => [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
            1 => [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect(),
            2 => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
            3 => [0xef, 0xbb, 0xbf].into_iter().chain(text.bytes()).collect(),
            _ => text.as_bytes().to_vec(),
        }
    };
    let place = Place::new("t.csv");
    let seeds: Vec<Vec<u8>> = texts()
        .iter()
        .flat_map(|t| (0..4).map(|k| encode(&String::from_utf8_lossy(t), k)).collect::<Vec<_>>())
        .collect();
    let mut tokens = words(&TOKENS);
    let raw: [&[u8]; 9] = [
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\x80",
        b"\x81\x8d\x8f",
        b"\x00\xd8",
        b"\xdc\x00",
    ];
    tokens.extend(raw.map(<[u8]>::to_vec));
    let target = Target {
        name: "encodings",
        seeds,
        tokens,
        codes: BAD_INPUT,
        largest: 64 << 10,
        remake: Some(Box::new(move |random, base| {
            let text = if random.random_ratio(1, 2) { made(random) } else { base.to_vec() };
            encode(&String::from_utf8_lossy(&text), random.random_range(0..5))
        })),
    };
    fuzz(target, move |bytes| table(&place, bytes));
}

fn pack(bytes: &[u8], kind: u32) -> Vec<u8> {
    match kind {
        0 => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        1 => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        _ => zstd::stream::encode_all(bytes, 1).unwrap(),
    }
}

/// The beginning of what is packed, as far as it can be unpacked.
fn unpack(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let reader: Box<dyn Read> = match bytes {
        [0x1f, ..] => Box::new(flate2::read::MultiGzDecoder::new(bytes)),
        [b'B', ..] => Box::new(bzip2::read::MultiBzDecoder::new(bytes)),
        _ => match zstd::stream::read::Decoder::new(bytes) {
            Ok(decoder) => Box::new(decoder),
            Err(_) => return out,
        },
    };
    // What was unpacked before the damage counts.
    let _ = reader.take(32 << 10).read_to_end(&mut out);
    out
}

/// gzip, bzip2 and Zstandard: damaged outside, changed inside, in several members, packed twice, and growing.
#[test]
fn packed() {
    let place = Place::new("t.csv.gz");
    let seeds: Vec<Vec<u8>> =
        texts().iter().flat_map(|t| (0..3).map(|kind| pack(t, kind)).collect::<Vec<_>>()).collect();
    let magic: [&[u8]; 7] = [
        b"\x1f\x8b\x08",
        b"BZh9",
        b"\x31\x41\x59\x26\x53\x59",
        b"\x28\xb5\x2f\xfd",
        b"\x50\x2a\x4d\x18",
        b"\x17\x72\x45\x38\x50\x90",
        b"\0\0\0\xff\xff",
    ];
    let target = Target {
        name: "packed",
        seeds,
        tokens: magic.map(<[u8]>::to_vec).to_vec(),
        codes: BAD_INPUT,
        largest: 64 << 10,
        remake: Some(Box::new(|random, base| {
            let kind = random.random_range(0..3);
            match random.random_range(0..8u32) {
                0 => pack(base, kind),
                1 => [base, &pack(&made(random), kind)].concat(),
                2 => {
                    let line = format!("{},{}\n", odd_cell(random), odd_cell(random));
                    let growing =
                        [b"a,b\n".to_vec(), line.into_bytes().repeat(random.random_range(1..20_000))].concat();
                    pack(&growing, kind)
                }
                3..=5 => pack(&made(random), kind),
                _ => {
                    let mut inside = unpack(base);
                    if !inside.is_empty() {
                        let at = random.random_range(0..inside.len());
                        inside[at] = random.random();
                    }
                    pack(&inside, kind)
                }
            }
        })),
    };
    fuzz(target, move |bytes| table(&place, bytes));
}
