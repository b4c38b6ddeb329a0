"""Scores prepared rows with onnxruntime and through MLflow's pyfunc wrapper; the judge of tests/onnxruntime.rs.

    run_onnx.py FOLDER

FOLDER/<case>/rows.json  {"columns": [{"name", "text": bool, "values": [text or null, ...]}, ...]}; numbers are spelled as text
FOLDER/<case>/model/     the bundle with its MLmodel
FOLDER/<case>/out.json   written here: {way: {output: [text, ...]}}; ways are onnxruntime, mlflow_none, mlflow_nan, server
"""

import json
import sys
from pathlib import Path

import mlflow
import numpy as np
import onnx
import onnxruntime
import pandas as pd
from fastapi.testclient import TestClient
from mlflow.pyfunc import scoring_server


def spelled(values):
    return [v if isinstance(v, str) else repr(float(v)) for v in np.asarray(values).reshape(-1).tolist()]


def frame(columns, missing_text):
    data = {}
    for c in columns:
        if c["text"]:
            data[c["name"]] = pd.Series([missing_text if v is None else v for v in c["values"]], dtype=object)
        else:
            data[c["name"]] = pd.Series([float(v) for v in c["values"]], dtype="float64")
    return pd.DataFrame(data)


def finite(text):
    return float(text) if np.isfinite(float(text)) else None


def run(case):
    columns = json.loads((case / "rows.json").read_text(encoding="utf-8"))["columns"]
    model_path = str(case / "model" / "model.onnx")
    onnx.checker.check_model(model_path, full_check=True)
    session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == [c["name"] for c in columns], session.get_inputs()
    feed = {}
    for c in columns:
        if c["text"]:
            feed[c["name"]] = np.array(["" if v is None else v for v in c["values"]], dtype=object)
        else:
            feed[c["name"]] = np.array([float(v) for v in c["values"]], dtype=np.float64)
    if len(columns) == 1:
        feed = {name: values.reshape(-1, 1) for name, values in feed.items()}
    out = {"onnxruntime": dict(zip([o.name for o in session.get_outputs()], map(spelled, session.run(None, feed))))}

    model = mlflow.pyfunc.load_model(str(case / "model"))
    for way, missing in (("mlflow_none", None), ("mlflow_nan", float("nan"))):
        predicted = model.predict(frame(columns, missing))
        out[way] = {name: spelled(predicted[name]) for name in predicted.columns}

    # The scoring server that `mlflow models serve` starts, without the socket. JSON has no infinity: null in its place.
    cells = [c["values"] if c["text"] else [finite(v) for v in c["values"]] for c in columns]
    rows = [list(row) for row in zip(*cells)]
    body = json.dumps({"dataframe_split": {"columns": [c["name"] for c in columns], "data": rows}})
    client = TestClient(scoring_server.init(model))
    answer = client.post("/invocations", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    predictions = answer.json()["predictions"]
    out["server"] = {name: [str(row[name]) for row in predictions] for name in predictions[0]}

    example = json.loads((case / "model" / "input_example.json").read_text(encoding="utf-8"))
    assert len(pd.DataFrame(**example)) > 0
    (case / "out.json").write_text(json.dumps(out), encoding="utf-8")


for folder in sorted(Path(sys.argv[1]).iterdir()):
    try:
        run(folder)
    except Exception as error:
        raise SystemExit(f"{folder.name}: {type(error).__name__}: {error}") from error
print(json.dumps({"mlflow": mlflow.__version__, "onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__,
                  "numpy": np.__version__, "pandas": pd.__version__}))
