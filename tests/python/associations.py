"""The reference values of `data::association` and `data::missingness`: the same tables by the same formulas, measured with
SciPy and pandas. Prints the constants of the Rust tests."""

import numpy as np
import pandas as pd
import scipy.stats as st

i = np.arange(60)
a = pd.Series(((i * 37) % 101).astype(float))
b = pd.Series(np.where(i % 7 != 3, a**2 / 50 + (i * 13) % 29, np.nan))
c = pd.Series(((i * 37) % 101) // 30)
d = pd.Series(np.where(i % 11 != 5, (((i * 37) % 101) // 30 + (i % 5 == 0)) % 3, np.nan))


def cramer(x, y):
    """Cramér's V with Bergsma's correction, from SciPy's chi-square."""
    table = pd.crosstab(x, y)
    n, (r, k) = table.to_numpy().sum(), table.shape
    phi2 = st.chi2_contingency(table, correction=False).statistic / n
    phi2 = max(0, phi2 - (k - 1) * (r - 1) / (n - 1))
    return np.sqrt(phi2 / min(r - (r - 1) ** 2 / (n - 1) - 1, k - (k - 1) ** 2 / (n - 1) - 1))


def ratio(levels, values):
    """The root of epsilon squared, from SciPy's one-way analysis of variance."""
    both = pd.DataFrame({"l": levels, "v": values}).dropna()
    groups = [g.to_numpy() for _, g in both.groupby("l")["v"]]
    k, n = len(groups), len(both)
    f = st.f_oneway(*groups).statistic
    return np.sqrt(max(0, (f - 1) * (k - 1) / (f * (k - 1) + n - k)))


ok = ~b.isna()
print("PEARSON_AB", repr(float(st.pearsonr(a[ok], b[ok]).statistic)))
print("SPEARMAN_AB", repr(float(st.spearmanr(a[ok], b[ok]).statistic)))
print("CRAMER_CD", repr(float(cramer(c, d))))
print("RATIO_AC", repr(float(ratio(c, a))))
print("RATIO_BD", repr(float(ratio(d, b))))

# Missing shares by blocks of rows and by month.
blocks = pd.DataFrame({"b": b, "d": d}).isna().groupby(i // 15).mean()
print("BLOCKS_B", blocks["b"].tolist())
day = pd.to_datetime("2021-01-10") + pd.to_timedelta(i * 3, unit="D")
months = pd.DataFrame({"b": b}).isna().groupby(day.to_period("M")).mean()
print("MONTHS", [str(m) for m in months.index])
print("MONTHS_B", months["b"].tolist())
