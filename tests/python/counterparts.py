#!/usr/bin/env python3
"""counterparts.py REQUEST.json: judges a training of Pilothouse by scikit-learn.

The request names a table, the target, the rows kept back and the runs with their parameters and scores. For each run the
script computes scikit-learn's metrics on OUR scores (they must be equal), and fits scikit-learn's counterpart on the same
rows, prepared in the same way, and reports its score on the same rows kept back. The answer is JSON on standard output."""
import json
import sys
import warnings

import numpy as np
import pandas as pd
from sklearn import metrics as m
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.filterwarnings("ignore")
request = json.load(open(sys.argv[1]))
table = pd.read_csv(request["table"], keep_default_na=False, na_values=request["missing"])
if request["sample"] == "taxi":
    picked, dropped = pd.to_datetime(table.pickup_datetime), pd.to_datetime(table.dropoff_datetime)
    keep = (picked >= "2018-01-01") & (picked < "2019-07-01")
    keep &= (dropped - picked).dt.total_seconds().between(60, 7200)
    table["trip_minutes"] = (dropped - picked).dt.total_seconds() / 60
    table["pickup_hour"] = picked.dt.hour
    table["pickup_weekday"] = picked.dt.dayofweek
    table = table[keep].reset_index(drop=True)

target = request["target"]
test = np.array(request["test_rows"])
known = table[target].notna().to_numpy()
train = np.setdiff1d(np.flatnonzero(known), test)
regression = request["task"] == "regression"
classes = request["classes"]
values = table[target]
y = values.to_numpy(float) if regression else values.astype(str).map({c: i for i, c in enumerate(classes)}).to_numpy()
assert np.allclose(np.asarray(y[test], float), np.asarray(request["truth"], float)), "the same rows have the same answers"


class OneHot:
    """Indicators of the commonest fifty levels, and of missing values where training has some."""

    def __init__(self, column):
        counts = column.dropna().astype(str).value_counts()
        self.levels = sorted(counts.index, key=lambda v: (-counts[v], v))[:50]
        self.missing = column.isna().any()

    def __call__(self, column):
        text = column.astype(str).where(column.notna())
        parts = [(text == level).to_numpy(float) for level in sorted(self.levels)]
        if self.missing:
            parts.append(column.isna().to_numpy(float))
        return np.column_stack(parts)


def encode(impute=True):
    sides = [[], []]
    for feature in request["features"]:
        column = table[feature["name"]]
        if feature["text"] or feature["code"]:
            encoder = OneHot(column.iloc[train])
            parts = [encoder(column.iloc[rows]) for rows in (train, test)]
        elif not impute:  # the estimator knows a way for missing values
            column = column.astype(float).to_numpy()[:, None]
            parts = [column[rows] for rows in (train, test)]
        else:
            column = column.astype(float).to_frame()
            pipe = make_pipeline(SimpleImputer(strategy="median", add_indicator=column.iloc[train].isna().any().any()),
                                 ColumnTransformer([("scale", StandardScaler(), [0])], remainder="passthrough"))
            pipe.fit(column.iloc[train])
            parts = [np.asarray(pipe.transform(column.iloc[rows]), float) for rows in (train, test)]
        for side, part in zip(sides, parts):
            side.append(part)
    return [np.hstack(side) for side in sides]


x_train, x_test = encode()
x_train_gaps, x_test_gaps = encode(impute=False)
y_train, y_test = y[train], y[test]


def counterpart(name, p):
    boosting = {k: p.get(k) for k in ("max_iter", "learning_rate", "max_leaf_nodes", "min_samples_leaf", "l2_regularization",
                                      "max_bins", "early_stopping", "validation_fraction", "n_iter_no_change", "tol")}
    depth = {"max_depth": p.get("max_depth"), "min_samples_leaf": p.get("min_samples_leaf"), "random_state": 1}
    if regression:
        return {
            "dummy": lambda: DummyRegressor(),
            "linear_regression": lambda: LinearRegression(),
            "elastic_net": lambda: ElasticNet(alpha=p["alpha"], l1_ratio=p["l1_ratio"], max_iter=p["max_iter"], tol=p["tol"]),
            "decision_tree": lambda: DecisionTreeRegressor(**depth),
            "boosted_trees": lambda: HistGradientBoostingRegressor(random_state=1, **boosting),
            "random_forest": lambda: RandomForestRegressor(p["n_estimators"], max_features=p["max_features"], n_jobs=2, **depth),
        }[name]()
    return {
        "dummy": lambda: DummyClassifier(strategy="prior"),
        "logistic_regression": lambda: LogisticRegression(C=p["C"], max_iter=p["max_iter"], tol=p["tol"]),
        "gaussian_nb": lambda: GaussianNB(var_smoothing=p["var_smoothing"]),
        "decision_tree": lambda: DecisionTreeClassifier(**depth),
        "boosted_trees": lambda: HistGradientBoostingClassifier(random_state=1, **boosting),
        "random_forest": lambda: RandomForestClassifier(p["n_estimators"], max_features=p["max_features"], n_jobs=2, **depth),
    }[name]()


def judge(scores):
    """scikit-learn's metrics by our names."""
    scores = np.asarray(scores, float)
    if regression:
        p = scores[:, 0]
        return {"mae": m.mean_absolute_error(y_test, p), "rmse": m.root_mean_squared_error(y_test, p),
                "r2": m.r2_score(y_test, p), "medae": m.median_absolute_error(y_test, p),
                "mape": m.mean_absolute_percentage_error(y_test, p), "max_error": m.max_error(y_test, p),
                "explained_variance": m.explained_variance_score(y_test, p), "mean_error": float((p - y_test).mean())}
    hard = scores.argmax(axis=1)
    if len(classes) == 2:
        p = scores[:, 1]
        return {"roc_auc": m.roc_auc_score(y_test, p), "average_precision": m.average_precision_score(y_test, p),
                "log_loss": m.log_loss(y_test, p), "brier": m.brier_score_loss(y_test, p),
                "accuracy": m.accuracy_score(y_test, hard), "balanced_accuracy": m.balanced_accuracy_score(y_test, hard),
                "f1": m.f1_score(y_test, hard, zero_division=0), "precision": m.precision_score(y_test, hard, zero_division=0),
                "recall": m.recall_score(y_test, hard), "mcc": m.matthews_corrcoef(y_test, hard)}
    return {"log_loss": m.log_loss(y_test, scores, labels=list(range(len(classes)))), "accuracy": m.accuracy_score(y_test, hard),
            "balanced_accuracy": m.balanced_accuracy_score(y_test, hard),
            "f1_macro": m.f1_score(y_test, hard, average="macro", zero_division=0),
            "precision_macro": m.precision_score(y_test, hard, average="macro", zero_division=0),
            "recall_macro": m.recall_score(y_test, hard, average="macro", zero_division=0),
            "roc_auc_ovr": m.roc_auc_score(y_test, scores, multi_class="ovr"),
            "brier": float(((scores - np.eye(len(classes))[y_test]) ** 2).sum(axis=1).mean()),
            "mcc": m.matthews_corrcoef(y_test, hard)}


answer = []
for run in request["runs"]:
    model = counterpart(run["model"], run["params"])
    train_rows, test_rows = (x_train_gaps, x_test_gaps) if run["model"] == "boosted_trees" else (x_train, x_test)
    if run["model"] == "elastic_net":  # ours fits a target of unit deviation
        mean, scale = y_train.mean(), y_train.std()
        theirs = (model.fit(x_train, (y_train - mean) / scale).predict(x_test) * scale + mean)[:, None]
    elif regression:
        theirs = model.fit(train_rows, y_train).predict(test_rows)[:, None]
    else:
        theirs = model.fit(train_rows, y_train).predict_proba(test_rows)
    answer.append({"model": run["model"], "on_our_scores": judge(run["scores"]), "counterpart": judge(theirs)})
json.dump(answer, sys.stdout)
