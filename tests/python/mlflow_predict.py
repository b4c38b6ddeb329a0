"""What models of a registry predict for raw rows, asked through MLflow's own client.

usage: mlflow_predict.py URL (NAME ROWS.csv)...  An empty cell is a missing value. For each model, loaded as
models:/NAME@champion, prints as JSON: the predictions by row, and the body that a user would send to `/invocations`.
"""
import json
import sys

import mlflow
import pandas as pd

url, *cases = sys.argv[1:]
mlflow.set_tracking_uri(url)


def raw(cell, text):
    """A cell as JSON holds it: whole numbers stay whole numbers."""
    if cell == "":
        return None
    if text:
        return cell
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)


out = {}
for name, path in zip(cases[::2], cases[1::2]):
    model = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    schema = model.metadata.get_input_schema()
    text = {c.name: c.type.name == "string" for c in schema.inputs}
    # Every other column of the file must not disturb the model.
    frame = pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={c: str for c in text if text[c]})
    frame = frame.astype({c: "float64" for c in text if not text[c]})
    predicted = model.predict(frame)
    cells = pd.read_csv(path, keep_default_na=False, dtype=str)[list(text)]
    rows = [[raw(cell, text[c]) for c, cell in zip(text, row)] for row in cells.itertuples(index=False)]
    body = {"dataframe_split": {"columns": list(text), "data": rows}}
    out[name] = {
        "mlflow": mlflow.__version__,
        "columns": list(predicted.columns),
        "predictions": json.loads(predicted.to_json(orient="records", double_precision=15)),
        "body": json.dumps(body),
    }
print(json.dumps(out))
