"""What MLflow's own client sees of the registered models whose name starts with PREFIX, as JSON.

usage: mlflow_client.py URL PREFIX [--predict]. For each model: its versions with tags and the SHA-256 of each file as
downloaded, its aliases, the number of runs and of logged models behind it. With --predict, each model is loaded as
models:/NAME@champion and must give what the formula of make_bundle.py gives (1e-5).
"""
import hashlib
import json
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient

url, prefix = sys.argv[1:3]
mlflow.set_tracking_uri(url)
client = MlflowClient()
seen = {}
for model in client.search_registered_models(max_results=1000):
    if not model.name.startswith(prefix):
        continue
    versions = []
    for v in client.search_model_versions(f"name='{model.name}'"):
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{v.name}/{v.version}"))
        files = {
            str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in folder.rglob("*")
            if p.is_file() and p.name != "registered_model_meta"
        }
        run = client.get_run(v.run_id)
        versions.append(
            {
                "version": str(v.version),
                "status": v.status,
                "tags": v.tags,
                "files": files,
                "run_status": run.info.status,
                "run_params": run.data.params,
                "run_metrics": {k: repr(m) for k, m in run.data.metrics.items()},
                "run_tags": run.data.tags,
                "datasets": [d.dataset.name for d in run.inputs.dataset_inputs],
                "outputs": len(getattr(run.outputs, "model_outputs", [])) if getattr(run, "outputs", None) else 0,
            }
        )
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(experiments, f"tags.`pilothouse.model` = '{model.name}'")
    entry = {"versions": versions, "aliases": {k: str(v) for k, v in model.aliases.items()}, "runs": len(runs)}
    if hasattr(client, "search_logged_models"):
        ids = {r.info.run_id for r in runs}
        found = client.search_logged_models(experiments, max_results=1000)
        logged = [m for m in found if m.source_run_id in ids]
        entry["logged_models"] = sorted(str(m.status) for m in logged)
        entry["logged_metrics"] = sorted({m.key for l in logged for m in l.metrics or []})
    if "--predict" in sys.argv:
        frame = pd.DataFrame({"age": [20.0, 55.5, np.nan], "income": [3.0, 0.25, 1.0]})
        got = mlflow.pyfunc.load_model(f"models:/{model.name}@champion").predict(frame)
        want = 1 / (1 + np.exp(-(0.03 * frame["age"] - 0.5 * frame["income"])))
        np.testing.assert_allclose(got["p_1"], want, atol=1e-5)
        np.testing.assert_allclose(got["p_0"], 1 - want, atol=1e-5)
        assert list(got["label"])[:2] == [int(p >= 0.5) for p in want[:2]]
        entry["predicted"] = True
    seen[model.name] = entry
print(json.dumps(seen))
