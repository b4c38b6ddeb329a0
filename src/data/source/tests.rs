//! Hostile bytes for every reader: whatever stands in a file, the end is a table or words, never a panic.

use polars::prelude::*;
use proptest::prelude::*;

use super::*;
use crate::data::{LoadOptions, load, preview};
use std::io::Read as _;

fn loaded(bytes: &[u8]) -> Result<crate::data::Dataset> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    std::fs::write(&path, bytes).unwrap();
    let _ = preview(&path, 5);
    load(path.to_str().unwrap(), &LoadOptions::default(), &Control::default())
}

fn frame(rows: i64) -> DataFrame {
    let n = usize::try_from(rows).unwrap();
    DataFrame::new(
        n,
        vec![
            Column::new("i".into(), (0..rows).collect::<Vec<_>>()),
            Column::new("t".into(), (0..rows).map(|i| format!("text number {i}")).collect::<Vec<_>>()),
            Column::new("f".into(), (0..rows).map(|i| (i % 3 > 0).then_some(i as f64)).collect::<Vec<_>>()),
        ],
    )
    .unwrap()
}

fn arrow(stream: bool, packing: Option<IpcCompression>, rows: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if stream {
        IpcStreamWriter::new(&mut bytes).with_compression(packing).finish(&mut frame(rows)).unwrap();
    } else {
        IpcWriter::new(&mut bytes).with_compression(packing).finish(&mut frame(rows)).unwrap();
    }
    bytes
}

fn sqlite() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("CREATE TABLE t (a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, NULL)")
        .unwrap();
    drop(connection);
    std::fs::read(path).unwrap()
}

fn packed(packing: Packing, bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    match packing {
        Packing::Gzip => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Packing::Bzip2 => {
            let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            out.write_all(bytes).unwrap();
            out.finish().unwrap()
        }
        Packing::Zstd => zstd::encode_all(bytes, 1).unwrap(),
    }
}

/// Every format, whole, by a name for messages.
fn samples() -> &'static [(&'static str, Vec<u8>)] {
    static ALL: std::sync::OnceLock<Vec<(&'static str, Vec<u8>)>> = std::sync::OnceLock::new();
    ALL.get_or_init(|| {
        let text = b"a,b\n1,x\n2,y\n".to_vec();
        vec![
            ("gzip", packed(Packing::Gzip, &text)),
            ("bzip2", packed(Packing::Bzip2, &text)),
            ("zstd", packed(Packing::Zstd, &text)),
            ("arrow file", arrow(false, None, 50)),
            ("arrow file, lz4", arrow(false, Some(IpcCompression::LZ4), 50)),
            ("arrow file, zstd", arrow(false, Some(IpcCompression::ZSTD(Default::default())), 50)),
            ("arrow stream", arrow(true, None, 50)),
            ("arrow stream, zstd", arrow(true, Some(IpcCompression::ZSTD(Default::default())), 50)),
            ("sqlite", sqlite()),
            ("json", b"[{\"a\":1,\"b\":{\"c\":\"x\"}},{\"a\":null,\"d\":[1]}]".to_vec()),
            ("ndjson", b"{\"a\":1,\"b\":{\"c\":\"x\"}}\n{\"a\":2.5,\"d\":[1]}\n".to_vec()),
            (
                "utf-16",
                [0xff, 0xfe].into_iter().chain("a,b\n1,ü\n".encode_utf16().flat_map(u16::to_le_bytes)).collect(),
            ),
            ("latin", b"a,b\n1,Z\xfcrich\n2,M\xfcller\n3,S\xf8ren\n".to_vec()),
        ]
    })
}

#[test]
fn every_format_loads_and_every_cut_is_survived() {
    for (name, bytes) in samples() {
        let data = loaded(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(data.rows() > 0, "{name}");
        for cut in [1, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
            let _ = loaded(&bytes[..cut]);
        }
    }
}

#[test]
fn sizes_that_an_arrow_file_claims_are_not_believed() {
    // Numbers of 64 and of 32 bits are made enormous in turn, wherever they may stand.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    for (stream, packing) in [(false, None), (false, Some(IpcCompression::LZ4)), (true, None)] {
        let bytes = arrow(stream, packing, 4);
        for at in (0..bytes.len() - 8).step_by(4) {
            let huge: &[u8] = if at % 8 == 0 { &(1i64 << 45).to_le_bytes() } else { &i32::MAX.to_le_bytes() };
            let mut bad = bytes.clone();
            bad[at..at + huge.len()].copy_from_slice(huge);
            std::fs::write(&path, &bad).unwrap();
            let _ = localize(path.to_str().unwrap(), &Control::default());
        }
    }
}

/// Found by the damage below: a column whose name is not UTF-8.
#[test]
fn names_in_a_database_may_be_any_bytes() {
    let mut bytes = sqlite();
    let at = bytes.windows(6).position(|w| w == b"b TEXT").unwrap();
    bytes[at] = 0xff;
    assert_eq!(loaded(&bytes).unwrap_err().kind, crate::error::Kind::Input);
}

#[test]
fn a_bomb_goes_to_disk_and_not_to_memory() {
    // 64 MB of one line, a thousandth of it packed: unpacked as a stream.
    let mut text = b"a\n".to_vec();
    text.resize(64 << 20, b'1');
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.gz");
    std::fs::write(&path, packed(Packing::Gzip, &text)).unwrap();
    let local = localize(path.to_str().unwrap(), &Control::default()).unwrap();
    let Place::File(spooled) = &local.files[0].place else { panic!("it is spooled") };
    assert_eq!(std::fs::metadata(spooled).unwrap().len(), 64 << 20);
    let spooled = spooled.clone();
    drop(local);
    assert!(!spooled.exists(), "the spool goes with its value");
}

#[test]
fn a_cancelled_source_stops() {
    let control = Control::default();
    control.cancel();
    for (_, bytes) in samples() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        let error = load(path.to_str().unwrap(), &LoadOptions::default(), &control).unwrap_err();
        assert_eq!(error.kind, crate::error::Kind::Cancelled);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damage_is_survived(which in 0usize..13, damage in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let (_, bytes) = &samples()[which % samples().len()];
        let mut bad = bytes.clone();
        for (at, byte) in damage {
            let at = at % bad.len();
            bad[at] = byte;
        }
        let _ = loaded(&bad);
    }

    #[test]
    fn anything_that_looks_like_json_is_survived(text in "[\\[{][\\[\\]{}\":,. a1e\\-n\\\\u\n]{0,120}") {
        if let Ok(data) = loaded(text.as_bytes()) {
            prop_assert!(data.rows() > 0);
        }
    }

    #[test]
    fn any_bytes_behind_a_magic_are_survived(which in 0usize..8, rest in prop::collection::vec(any::<u8>(), 0..300)) {
        let magics: [&[u8]; 8] = [
            b"ARROW1\0\0", b"\xff\xff\xff\xff\x80\0\0\0", b"SQLite format 3\0", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd",
            b"BZh91AY&SY", b"PAR1", b"\xff\xfe",
        ];
        let _ = loaded(&[magics[which], &rest].concat());
    }

    #[test]
    fn any_name_is_survived_and_keeps_no_password(text in "[a-z0-9:/?&=@%*\\[\\] .~-]{0,60}", secret in "[a-zA-Z0-9]{12}") {
        let _ = Name::read(&text);
        let login = format!("postgres://u:{secret}@h/{text}");
        let signed = format!("https://h/{text}?a=b&X-Amz-Signature={secret}");
        prop_assert!(!without_secrets(&login).contains(&secret));
        prop_assert!(!without_secrets(&signed).contains(&secret));
    }
}

#[test]
fn a_view_cannot_ask_for_all_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostile.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("CREATE VIEW v AS SELECT hex(zeroblob(300000000)) AS a").unwrap();
    drop(connection);
    let error = crate::data::load(path.to_str().unwrap(), &Default::default(), &Control::default()).unwrap_err();
    assert!(error.kind == crate::error::Kind::Input && error.message.contains("too big"), "{error}");
}

#[test]
fn a_small_file_that_unpacks_to_very_much_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bomb.csv.zst");
    let bomb = zstd::stream::encode_all(std::io::repeat(b'1').take(200 << 20), 1).unwrap();
    assert!(bomb.len() < 100_000);
    std::fs::write(&path, bomb).unwrap();
    let error = crate::data::load(path.to_str().unwrap(), &Default::default(), &Control::default()).unwrap_err();
    assert!(error.kind == crate::error::Kind::Input && error.message.contains("1000 times"), "{error}");
}

#[test]
fn marks_that_stand_twice_belong_to_no_name() {
    let text = "\u{feff}\u{feff}\u{feff}a,b\n1,2\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    std::fs::write(&path, bytes).unwrap();
    let data = crate::data::load(path.to_str().unwrap(), &Default::default(), &Control::default()).unwrap();
    assert_eq!(data.columns[0].name, "a");
}
