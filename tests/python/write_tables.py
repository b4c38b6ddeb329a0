"""Tables as their own tools write them, for the tests of sources: OUTDIR."""

import bz2
import gzip
import json
import sqlite3
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet

out = Path(sys.argv[1])
rows = 5000
start = datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2)))
table = pa.table(
    {
        "id": pa.array(range(rows), pa.uint16()),
        "amount": pa.array([None if i % 10 == 0 else i / 4 for i in range(rows)], pa.float32()),
        "kind": pa.array(["ab"[i % 2] for i in range(rows)]).dictionary_encode(),
        "code": pa.array(["007"] * rows),
        "when": pa.array([start + timedelta(minutes=i) for i in range(rows)], pa.timestamp("us", "Europe/Athens")),
        "price": pa.array([None] + [f"{i}.25" for i in range(1, rows)]).cast(pa.decimal128(12, 2)),
        "flag": pa.array([i % 3 == 0 for i in range(rows)]),
        "place": pa.array(
            [None if i % 5 == 0 else {"city": "Bern", "at": {"x": i, "y": -i}} for i in range(rows)],
            pa.struct([("city", pa.string()), ("at", pa.struct([("x", pa.int32()), ("y", pa.int32())]))]),
        ),
        "tags": pa.array([["p", "q"]] * rows),
        "raw": pa.array([b"\x00\xff"] * rows),
    }
)
for packing in (None, "lz4", "zstd"):
    name = packing or "plain"
    options = pa.ipc.IpcWriteOptions(compression=packing)
    with pa.OSFile(str(out / f"file-{name}.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=700)
    with pa.OSFile(str(out / f"stream-{name}.arrows"), "wb") as sink, pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=700)
pa.feather.write_feather(table, out / "two.feather")
pa.parquet.write_table(table, out / "nested.parquet", row_group_size=900)

lines = [{"a": i, "b": {"c": i / 2, "d": {"e": "x"}}} for i in range(3000)]
lines[1500]["late"] = True
lines[1501]["tags"] = ["p", "q"]
lines[1502]["day"] = "2020-01-31"
(out / "rows.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
(out / "rows.json").write_text(json.dumps(lines))
(out / "pretty.json").write_text(json.dumps(lines, indent=4))

text = "".join(["n,word\n"] + [f"{i},w{i % 7}\n" for i in range(20000)]).encode()
(out / "plain.csv").write_bytes(text)
half = len(text) // 2
(out / "two-members.csv.gz").write_bytes(gzip.compress(text[:half]) + gzip.compress(text[half:]))
(out / "two-streams.csv.bz2").write_bytes(bz2.compress(text[:half]) + bz2.compress(text[half:]))
with pa.CompressedOutputStream(str(out / "plain.csv.zst"), "zstd") as sink:
    sink.write(text)
(out / "named-wrongly.csv").write_bytes(gzip.compress(text))
(out / "cut.csv.gz").write_bytes(gzip.compress(text)[:-2000])
(out / "rows.ndjson.gz").write_bytes(gzip.compress((out / "rows.ndjson").read_bytes()))
(out / "nested.parquet.gz").write_bytes(gzip.compress((out / "nested.parquet").read_bytes()))

one = sqlite3.connect(out / "one.db")
one.execute("CREATE TABLE orders (id INTEGER, code TEXT, amount REAL, placed DATE, seen TIMESTAMP, paid BOOLEAN, mixed, photo BLOB)")
one.executemany(
    "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    [
        (i, f"{i:03}", None if i % 10 == 0 else i / 4, "2020-01-31", "2020-01-31 12:00:00", i % 2, i if i % 2 else "x", b"\x00")
        for i in range(2000)
    ],
)
one.commit()
one.close()
several = sqlite3.connect(out / "several.db")
several.executescript("CREATE TABLE a (x); INSERT INTO a VALUES (1), (2); CREATE TABLE \"b c\" (y); INSERT INTO \"b c\" VALUES ('007'), ('1');")
several.close()
