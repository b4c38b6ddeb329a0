"""Writes a tiny but real model into a folder: two double columns in, a label and two probabilities out.

usage: make_bundle.py DIR. The model is p_1 = sigmoid(0.03 age - 0.5 income); mlflow_client.py knows the formula.
"""
import json
import sys
from pathlib import Path

import onnx
from onnx import TensorProto as T
from onnx import helper as h

out = Path(sys.argv[1])
const = lambda name, value: h.make_tensor(name, T.DOUBLE, [], [value])
nodes = [
    h.make_node("Mul", ["age", "w_age"], ["a"]),
    h.make_node("Mul", ["income", "w_income"], ["b"]),
    h.make_node("Add", ["a", "b"], ["z"]),
    h.make_node("Sigmoid", ["z"], ["p_1"]),
    h.make_node("Sub", ["one", "p_1"], ["p_0"]),
    h.make_node("GreaterOrEqual", ["p_1", "half"], ["yes"]),
    h.make_node("Cast", ["yes"], ["label"], to=T.INT64),
]
graph = h.make_graph(
    nodes,
    "tiny",
    [h.make_tensor_value_info(n, T.DOUBLE, ["N"]) for n in ("age", "income")],
    [h.make_tensor_value_info("label", T.INT64, ["N"])]
    + [h.make_tensor_value_info(n, T.DOUBLE, ["N"]) for n in ("p_0", "p_1")],
    [const("w_age", 0.03), const("w_income", -0.5), const("one", 1.0), const("half", 0.5)],
)
model = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
out.mkdir(parents=True, exist_ok=True)
(out / "model.onnx").write_bytes(model.SerializeToString())
(out / "requirements.txt").write_text("mlflow\nnumpy\nonnx\nonnxruntime\npandas<3\n")
(out / "python_env.yaml").write_text("python: 3.11.7\ndependencies:\n- -r requirements.txt\n")
(out / "conda.yaml").write_text("dependencies:\n- python=3.11.7\n- pip\n- pip:\n  - -r requirements.txt\nname: env\n")
example = {"columns": ["age", "income"], "data": [[30.0, 1.0]]}
(out / "input_example.json").write_text(json.dumps(example))
(out / "serving_input_example.json").write_text(json.dumps({"dataframe_split": example}))
