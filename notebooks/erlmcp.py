# %% [markdown]
# # erlmcp: how a retry storm spreads
#
# ```sh
# squall run topologies/erlmcp/scenarios/er-2-retry-storm.yaml --seeds 5 --out results/local/er-2
# ```

# %%
import matplotlib.pyplot as plt
import polars as pl
from squall_results import Results

results = Results("er-2")

# %% [markdown]
# ## What failed first
#
# The median time at which each component failed or filled up, without any measure.

# %%
failing = results.failures.filter((pl.col("variant") == "unmitigated") & (pl.col("kind") == "failing"))
order = failing.group_by("component").agg(
    pl.col("time_s").median(), pl.len().alias("seeds"), pl.col("evidence").first()
).sort("time_s")
order

# %%
fig, ax = plt.subplots(figsize=(8, 3.5))
ax.barh(order["component"], order["time_s"] - 60, left=60, color="#56b4e9")
ax.axvspan(60, 120, color="#f3e3c8", zorder=0)
ax.set(xlabel="time of failure [s]", xlim=(55, 130))
ax.invert_yaxis()
fig.tight_layout()

# %% [markdown]
# ## Why it does not end
#
# Each call that no retry caused is followed by several that one did.

# %%
amplification = results.metric("amplification", "services").filter(pl.col("component") == "services.core-api")
table = amplification.group_by("variant").agg(pl.col("value").median().alias("times the load")).sort("times the load")
worst = dict(table.iter_rows())
assert worst["unmitigated"] > 2 > worst["retries-off"]
table

# %% [markdown]
# ## What became of requests

# %%
fates = results.fates.filter(pl.col("variant") == "unmitigated").group_by("time_s", "fate").agg(pl.col("count").sum())
wide = fates.pivot(on="fate", index="time_s", values="count").fill_null(0).sort("time_s")
kinds = [column for column in wide.columns if column != "time_s"]
assert "ok" in kinds and "timeout" in kinds
fig, ax = plt.subplots(figsize=(8, 3.5))
ax.stackplot(wide["time_s"], [wide[kind] for kind in kinds], labels=kinds)
ax.set(xlabel="time [s]", ylabel="requests in a slice, all seeds")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
fig.tight_layout()
