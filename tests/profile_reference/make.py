#!/usr/bin/env python3
"""make.py SAMPLES_DIR: writes nasty.csv and reference.csv into its own folder.

The figures of the four samples come from DuckDB (count, count distinct, avg, stddev_samp, quantile_cont), those of the nasty
table from the values themselves before they were written: quantiles from NumPy, counts from pandas, mean and deviation in
rational numbers, because floats lose digits around 1e9 and 2^53. Needs duckdb, numpy and pandas."""
import csv, math, pathlib, sys
from fractions import Fraction
import duckdb, numpy as np, pandas as pd

here = pathlib.Path(__file__).parent
samples = pathlib.Path(sys.argv[1])
SHARES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
out = csv.writer(open(here / "reference.csv", "w", newline=""), lineterminator="\n")
out.writerow(["table", "column", "rows", "missing", "distinct", "mean", "std", "min", "max"] + [f"q{s}" for s in SHARES])

for table, file in [("taxi", "nyc_taxi_2018_2020.csv"), ("credit", "credit_scoring.csv"),
                    ("houses", "ames_housing.csv"), ("churn", "retail_churn_train.csv")]:
    c = duckdb.connect()
    c.execute(f"create table t as select * from read_csv_auto('{samples / file}', sample_size=-1)")
    for name, kind, *_ in c.execute("describe t").fetchall():
        if kind not in ("DOUBLE", "BIGINT"):
            continue
        q = '"' + name + '"'
        figures = c.execute(f"""select count(*), count(*) - count({q}), count(distinct {q}), avg({q}), stddev_samp({q}), min({q}), max({q}),
            quantile_cont({q}::double, {SHARES}) from t""").fetchone()
        out.writerow([table, name, *figures[:3], *[repr(float(v)) for v in figures[3:7]], *[repr(float(v)) for v in figures[7]]])

rng = np.random.default_rng(7)
n = 1200
words = ["NA", "", "NaN", "null", "-", "?"]
hole = lambda share: rng.random(n) < share
columns = {
    "offset": 1e9 + rng.normal(0, 1e-3, n),
    "heavy": np.exp(rng.normal(0, 6, n)),
    "far": np.where(np.arange(n) % 1000 == 7, -1e300, rng.random(n)),
    "large": (2**53 - rng.integers(0, 1000, n)).astype(float),
    "signed_zero": np.where(rng.random(n) < 0.5, -0.0, np.where(rng.random(n) < 0.5, 0.0, 1.5)),
    "sorted": np.arange(n, dtype=float) * 0.1,
    "constant": np.full(n, 3.25),
    "holes": np.where(hole(0.4), np.nan, rng.integers(-5, 6, n).astype(float)),
    "empty": np.full(n, np.nan),
    "tiny": rng.random(n) * 1e-120,
}
texts = ["plain", 'with "quotes"', "two\nlines", "komma, komma", "Zürich", "日本", " blank ", "None"]
text = [None if rng.random() < 0.1 else texts[rng.integers(0, len(texts))] for _ in range(n)]
with open(here / "nasty.csv", "w", newline="", encoding="utf-8") as f:
    w = csv.writer(f, lineterminator="\r\n")
    w.writerow([*columns, "text"])
    for i in range(n):
        # Missing numbers are spelled in several ways (a column of dashes alone would be text); a missing text is the empty cell or NA.
        row = [words[rng.integers(0, 4 if k == 'empty' else 6)] if np.isnan(v[i]) else (str(int(v[i])) if k == "large" else repr(float(v[i]))) for k, v in columns.items()]
        w.writerow([*row, (["", "NA"][i % 2] if text[i] is None else text[i])])
for name, v in columns.items():
    s = pd.Series(v)
    p = s.dropna()
    exact = [Fraction(float(x)) for x in p]
    mean = sum(exact) / len(exact) if exact else None
    square = sum((x - mean) ** 2 for x in exact) / (len(exact) - 1) if exact else None
    # The root of a ratio, scaled so that it neither overflows nor vanishes as a float.
    scale = max((abs(x - mean) for x in exact), default=None)
    std = math.sqrt(square / scale**2) * float(scale) if scale else 0.0
    figures = [float(mean) if exact else math.nan, std if exact else math.nan, p.min(), p.max()] + ([float(x) for x in np.quantile(p, SHARES)] if len(p) else [np.nan] * 7)
    out.writerow(["nasty", name, n, int(s.isna().sum()), p.nunique(), *[repr(float(x)) for x in figures]])
print("duckdb", duckdb.__version__, "numpy", np.__version__, "pandas", pd.__version__)
