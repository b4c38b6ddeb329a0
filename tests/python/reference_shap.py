#!/usr/bin/env python3
"""Writes tests/reference/shap.json: Shapley values by the shap package for scikit-learn's trees, forests and linear models.
Needs scikit-learn and shap (pip install shap): python tests/python/reference_shap.py > tests/reference/shap.json

Features lie on a grid of 64ths, so that thresholds are exact as float32."""
import json
import sys

import numpy as np
import shap
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeRegressor

rng = np.random.default_rng(3)
n, f = 300, 5
x = np.round(rng.normal(size=(n, f)) * 64) / 64
x[:, 3] = rng.integers(0, 2, n)
number = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + x[:, 3] + 0.1 * rng.normal(size=n)
label = np.digitize(number, [-0.3, 0.9])
ask = x[:12]


def flat(estimator):
    tree = estimator.tree_
    leaf = tree.children_left < 0
    return {
        "feature": np.where(leaf, 0, tree.feature).tolist(), "threshold": np.where(leaf, 0, tree.threshold).tolist(),
        "left": np.where(leaf, 0, tree.children_left).tolist(), "right": np.where(leaf, 0, tree.children_right).tolist(),
        "value": np.where(leaf[:, None], tree.value[:, 0, :], 0).ravel().tolist(),
        "cover": tree.weighted_n_node_samples.tolist(),
    }


def trees(model, y):
    model.fit(x.astype(np.float32), y)
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
    values = np.asarray(explainer.shap_values(ask.astype(np.float32), check_additivity=True))
    values = values[:, :, None] if values.ndim == 2 else values
    members = getattr(model, "estimators_", [model])
    return {"outputs": values.shape[2], "trees": [flat(m) for m in members],
            "base": np.atleast_1d(explainer.expected_value).tolist(), "values": values.tolist()}


def linear(model, y):
    model.fit(x, y)
    explainer = shap.LinearExplainer(model, shap.maskers.Independent(x, max_samples=n))
    values = np.asarray(explainer.shap_values(ask))
    values = values[:, :, None] if values.ndim == 2 else values
    return {"coef": np.atleast_2d(model.coef_).tolist(), "intercept": np.atleast_1d(model.intercept_).tolist(),
            "base": np.atleast_1d(explainer.expected_value).tolist(), "values": values.tolist()}


json.dump({
    "shap": shap.__version__, "background": x.tolist(), "rows": ask.tolist(),
    "trees": [
        trees(DecisionTreeRegressor(max_depth=6, min_samples_leaf=3, random_state=0), number),
        trees(RandomForestRegressor(8, max_depth=5, random_state=0), number),
        trees(RandomForestClassifier(6, max_depth=4, random_state=0), label),
        trees(RandomForestClassifier(5, max_depth=5, random_state=1), (label > 0).astype(int)),
    ],
    "linear": [linear(LinearRegression(), number), linear(LogisticRegression(), (label > 0).astype(int)),
               linear(LogisticRegression(), label)],
}, sys.stdout, separators=(",", ":"))
