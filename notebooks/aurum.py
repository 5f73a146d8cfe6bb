# %% [markdown]
# # aurum: a hot key expires
#
# ```sh
# squall run topologies/aurum/scenarios/au-1-hot-key-expiry.yaml --seeds 5 --out results/local/au-1
# ```

# %%
import matplotlib.pyplot as plt
import polars as pl
from squall_results import Results

results = Results("au-1")

# %% [markdown]
# ## How many compute the same key at once
#
# One would be enough.

# %%
same = results.metric("same_key.max", "caches").filter(pl.col("component") == "caches.critical")
table = same.group_by("variant").agg(pl.col("value").median().alias("computations at once")).sort("computations at once")
at_once = dict(table.iter_rows())
assert at_once["coalescing"] == 1 and at_once["unmitigated"] > 50
table

# %%
fig, ax = plt.subplots(figsize=(8, 3.5))
ax.barh(table["variant"], table["computations at once"], color="#0072b2")
ax.set(xlabel="computations of one key at once, median over seeds")
fig.tight_layout()

# %% [markdown]
# ## Who pays for it
#
# The workers are busy with the overview that all ask for, and what has nothing to do with it fails.

# %%
busy = results.series.filter((pl.col("component") == "services.worker") & (pl.col("metric") == "utilisation"))
lines = busy.group_by("variant", "time_s").agg(pl.col("value").median()).sort("time_s")
fig, ax = plt.subplots(figsize=(8, 3.5))
for variant in ["unmitigated", "coalescing", "database-3"]:
    line = lines.filter(pl.col("variant") == variant)
    assert len(line) > 100, variant
    ax.plot(line["time_s"], line["value"], label=variant)
ax.set(xlabel="time [s]", ylabel="workers busy", ylim=(0, 1.02), xlim=(50, 120))
ax.legend()
fig.tight_layout()

# %%
worst = results.metric("success").group_by("variant", "component").agg(pl.col("value").min())
worst.pivot(on="component", index="variant", values="value").sort("variant")
