# %% [markdown]
# # Metastability: two answers to the same load
#
# From which load on does a system collapse by itself, and below which load does it come back after it was pushed? `squall tip` looks
# for both, seed by seed.
#
# ```sh
# squall tip topologies/gallery/retry-storm.yaml --over clients.web.arrivals.poisson.rate=40/s..110/s/5/s --seeds 5 \
#   --out results/local/tip
# ```

# %%
import math

import matplotlib.pyplot as plt
import polars as pl
from squall_results import Tip

tip = Tip("tip")

# %% [markdown]
# ## Where it tips
#
# `up`: the healthy system, without the surge. `down`: after the surge. Where a threshold is infinite, it does not tip in this range.

# %%
thresholds = tip.tips.select("variant", "branch", "threshold", "low", "high", "never", "always", "seeds")
thresholds

# %% [markdown]
# ## Both branches
#
# Between the two curves it is up to the past whether the system is up: that is what *metastable* means.

# %%
BRANCHES = {"up": ("from healthy", "#0072b2", "-"), "down": ("after the surge", "#d55e00", "--")}
fig, axes = plt.subplots(1, len(tip.variants), figsize=(9, 3), sharey=True)
for ax, variant in zip(axes, tip.variants):
    for branch, (label, color, line) in BRANCHES.items():
        curve = tip.curve.filter((pl.col("variant") == variant) & (pl.col("branch") == branch)).sort("value")
        assert len(curve) > 3, (variant, branch)
        ax.plot(curve["value"], curve["share"], line, color=color, label=label)
    ends = {
        branch: tip.tips.filter((pl.col("variant") == variant) & (pl.col("branch") == branch))["threshold"].item()
        for branch in BRANCHES
    }
    if all(map(math.isfinite, ends.values())) and ends["down"] < ends["up"]:
        ax.axvspan(ends["down"], ends["up"], color="#f3e3c8", zorder=0)
    ax.set(title=variant, xlabel=f"load [{tip.unit}]")
axes[0].set(ylabel="share of seeds that collapse", ylim=(-0.03, 1.03))
axes[1].legend(loc="center")
fig.tight_layout()

# %% [markdown]
# Without retries the two are nearly the same. With retries the system can be pushed over at little more than half of the load that it
# carries by itself, and the newest call first does not tip at all.

# %%
found = {(row["variant"], row["branch"]): row["threshold"] for row in tip.tips.iter_rows(named=True)}
assert found["unmitigated", "down"] < 0.75 * found["unmitigated", "up"]
assert found["no-retries", "down"] > 0.85 * found["no-retries", "up"]
assert math.isinf(found["lifo", "up"]) and math.isinf(found["lifo", "down"])
