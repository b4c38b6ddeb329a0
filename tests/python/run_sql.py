"""Runs queries in DuckDB or Spark: run_sql.py duckdb|spark DIR.

DIR holds tables.json {name: [{"name", "type", "values"}]} and queries.json [{"name", "sql", "order"}]; values are texts or null.
Writes out.json: for each query {column: [text or null]}, ordered by the column `order`. Prints the engine's version.
"""

import json
import sys
import time
from pathlib import Path

engine, folder = sys.argv[1], Path(sys.argv[2])
tables = json.loads((folder / "tables.json").read_text())
queries = json.loads((folder / "queries.json").read_text())


def typed(kind, text):
    if text is None:
        return None
    if kind == "bool":
        return text == "true"
    if kind == "long":
        return int(text)
    return float(text) if kind == "double" else text


def spelled(value):
    return None if value is None else repr(value) if isinstance(value, float) else str(value)


def duckdb_engine():
    import duckdb
    import pyarrow as pa

    kinds = {"bool": pa.bool_(), "long": pa.int64(), "double": pa.float64(), "text": pa.string()}
    connection = duckdb.connect(config={"threads": 1})
    for name, columns in tables.items():
        arrays = [pa.array([typed(c["type"], v) for v in c["values"]], kinds[c["type"]]) for c in columns]
        rows = pa.table(arrays, names=[c["name"] for c in columns])
        connection.register("rows", rows)
        connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM rows')
        connection.unregister("rows")

    def ask(sql, order):
        cursor = connection.execute(f'SELECT * FROM ({sql}) AS q ORDER BY "{order}"')
        return [d[0] for d in cursor.description], cursor.fetchall()

    return duckdb.__version__, ask


def spark_engine():
    from pyspark.sql import SparkSession
    from pyspark.sql.types import BooleanType, DoubleType, LongType, StringType, StructField, StructType

    kinds = {"bool": BooleanType(), "long": LongType(), "double": DoubleType(), "text": StringType()}
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    builder = builder.config("spark.sql.shuffle.partitions", "1").config("spark.driver.memory", "3g")
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    for name, columns in tables.items():
        schema = StructType([StructField(c["name"], kinds[c["type"]]) for c in columns])
        rows = zip(*[[typed(c["type"], v) for v in c["values"]] for c in columns])
        session.createDataFrame(list(rows), schema).coalesce(1).cache().createOrReplaceTempView(f"`{name}`")

    def ask(sql, order):
        answer = session.sql(f"SELECT * FROM ({sql}) AS q ORDER BY `{order}`")
        return answer.columns, [tuple(row) for row in answer.collect()]

    return session.version, ask


version, ask = {"duckdb": duckdb_engine, "spark": spark_engine}[engine]()
out = []
for query in queries:
    started = time.monotonic()
    try:
        columns, rows = ask(query["sql"], query["order"])
    except Exception as error:
        sys.exit(f"{query['name']}: {str(error)[:2000]}")
    out.append({name: [spelled(row[at]) for row in rows] for at, name in enumerate(columns)})
    print(f"{query['name']}: {time.monotonic() - started:.2f} s", file=sys.stderr)
(folder / "out.json").write_text(json.dumps(out))
print(version)
