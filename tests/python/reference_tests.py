#!/usr/bin/env python3
"""Writes tests/reference/tests.json: what paired tests and bootstrap intervals must say.
Run with the environment of tests/setup: python tests/python/reference_tests.py > tests/reference/tests.json

DeLong: the paper's definition, every positive against every negative, in NumPy. McNemar: SciPy's exact binomial test; the
interval is Newcombe's method 10 written out. Folds: the formula of Nadeau and Bengio with SciPy's t. BCa: SciPy's own."""
import json
import sys

import numpy as np
import scipy
from scipy import stats

rng = np.random.default_rng(11)


def delong(y, *scores):
    positive, negative = [s[y == 1] for s in scores], [s[y == 0] for s in scores]
    kernel = [(p[:, None] > q[None, :]) + 0.5 * (p[:, None] == q[None, :]) for p, q in zip(positive, negative)]
    aucs = np.array([k.mean() for k in kernel])
    over = np.cov([k.mean(axis=1) for k in kernel]) / len(positive[0])
    under = np.cov([k.mean(axis=0) for k in kernel]) / len(negative[0])
    return aucs, np.atleast_2d(over + under)


def delong_case(n, decimals, gain):
    y = (rng.random(n) < 0.3).astype(int)
    y[:2], y[2:4] = 1, 0
    a = np.round(rng.normal(1.0 * y), decimals)
    b = np.round(0.5 * a + gain * rng.normal(0.8 * y), decimals)
    aucs, cov = delong(y, a, b)
    d, e = aucs[0] - aucs[1], np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    z = stats.norm.ppf(0.975)
    own = np.sqrt(cov[0, 0])
    return {"truth": y.tolist(), "a": a.tolist(), "b": b.tolist(), "auc": aucs[0],
            "interval": [max(aucs[0] - z * own, 0), min(aucs[0] + z * own, 1)],
            "difference": d, "low": d - z * e, "high": d + z * e, "p": 2 * stats.norm.sf(abs(d / e))}


def wilson(hits, n):
    interval = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
    return interval.low, interval.high


def mcnemar_case(e, f, g, h):
    n = e + f + g + h
    (l1, u1), (l2, u2) = wilson(e + f, n), wilson(e + g, n)
    p1, p2 = (e + f) / n, (e + g) / n
    product = (e + f) * (g + h) * (e + g) * (f + h)
    gap = e * h - f * g
    phi = 0.0 if product == 0 else (max(gap - n / 2, 0) if gap > 0 else gap) / np.sqrt(product)
    low = np.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    high = np.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    p = stats.binomtest(min(f, g), f + g).pvalue if f + g else 1.0
    return {"counts": [e, f, g, h], "difference": p1 - p2, "low": p1 - p2 - low, "high": p1 - p2 + high, "p": p}


def folds_case(k, ratio):
    a, b = rng.normal(0.8, 0.02, k), rng.normal(0.79, 0.02, k)
    d = a - b
    error = np.sqrt(d.var(ddof=1) * (1 / k + ratio))
    half = stats.t.ppf(0.975, k - 1) * error
    return {"a": a.tolist(), "b": b.tolist(), "ratio": ratio, "difference": d.mean(), "low": d.mean() - half,
            "high": d.mean() + half, "p": 2 * stats.t.sf(abs(d.mean() / error), k - 1)}


def bca_case(n):
    x = rng.gamma(1.5, 2.0, n)
    statistic = lambda v, axis=-1: np.mean(v, axis=axis) ** 2  # noqa: E731  (skewed, so that the correction shows)
    first = stats.bootstrap((x,), statistic, n_resamples=999, method="percentile", rng=rng)
    again = stats.bootstrap((x,), statistic, n_resamples=0, bootstrap_result=first, method="BCa")
    left_out = [statistic(np.delete(x, i)) for i in range(n)]
    ends = lambda r: [r.confidence_interval.low, r.confidence_interval.high]  # noqa: E731
    return {"repeats": first.bootstrap_distribution.tolist(), "value": statistic(x), "left_out": left_out,
            "percentile": ends(first), "bca": ends(again)}


json.dump({
    "scipy": scipy.__version__,
    "delong": [delong_case(60, 1, 0.3), delong_case(200, 2, 0.6), delong_case(25, 0, 1.0)],
    "mcnemar": [mcnemar_case(*c) for c in
                [(36, 12, 2, 0), (400, 31, 12, 57), (50, 0, 0, 10), (5, 5, 5, 5), (0, 3, 9, 0), (900, 60, 61, 79)]],
    "folds": [folds_case(5, 0.25), folds_case(10, 1 / 9), folds_case(2, 1.0)],
    "bca": [bca_case(30), bca_case(150)],
}, sys.stdout, separators=(",", ":"))
