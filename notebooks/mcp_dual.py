# %% [markdown]
# # mcp-dual: do the quick wins help?
#
# Searches in the database take twice as long, for good. Two minutes later somebody tries what the runbook calls quick wins.
#
# ```sh
# squall compare topologies/mcp-dual/scenarios/mc-8-high-latency.yaml --seeds 3 --out results/local/mc-8
# ```

# %%
import matplotlib.pyplot as plt
import polars as pl
from squall_results import Results

results = Results("mc-8")
ACTED = 180

# %% [markdown]
# ## The slowest searches over time

# %%
tail = results.series.filter((pl.col("component") == "clients.searchers") & (pl.col("metric") == "latency_p99"))
lines = tail.group_by("variant", "time_s").agg(pl.col("value").median()).sort("variant", "time_s")
SHOWN = {"unmitigated": "#222222", "restart": "#e69f00", "flush-cache": "#d55e00", "all-quick-wins": "#cc79a7", "reindex": "#0072b2"}
fig, ax = plt.subplots(figsize=(8, 3.8))
for variant, color in SHOWN.items():
    line = lines.filter(pl.col("variant") == variant)
    assert len(line) > 100, variant
    ax.plot(line["time_s"], line["value"], color=color, label=variant)
ax.axvline(ACTED, color="#999999", linestyle=":")
ax.axhline(0.5, color="#999999", linestyle=":")
ax.set(xlabel="time [s]", ylabel="p99 of a search [s]", yscale="log")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
fig.tight_layout()

# %% [markdown]
# ## Before and after
#
# The median over windows and seeds, before the incident, between it and the action, and a minute after the action.

# %%
phases = pl.when(pl.col("time_s") < 60).then(pl.lit("before"))
phases = phases.when(pl.col("time_s").is_between(70, ACTED)).then(pl.lit("slow"))
phases = phases.when(pl.col("time_s") >= ACTED + 60).then(pl.lit("after"))
medians = tail.with_columns(phases.alias("phase")).drop_nulls("phase").group_by("variant", "phase")
table = medians.agg(pl.col("value").median()).pivot(on="phase", index="variant", values="value")
table = table.select("variant", "before", "slow", "after").sort("after")
table

# %% [markdown]
# Only what repairs the cause helps. A restart does nothing but an outage, and an empty cache makes Ollama compute everything anew.

# %%
after = dict(zip(table["variant"], table["after"]))
slow = dict(zip(table["variant"], table["slow"]))
assert after["reindex"] < 0.5 * slow["reindex"]
assert after["flush-cache"] > 1.2 * after["unmitigated"] and after["all-quick-wins"] > 2 * after["unmitigated"]
assert after["restart"] > 0.5 * after["unmitigated"]

# %% [markdown]
# ## What `compare` says
#
# Paired differences, of what users see.

# %%
of_users = results.comparisons.filter(pl.col("objective") & (pl.col("role") == "users"))
of_users.select("variant", "component", "metric", "window", "difference", "low", "high", "finding")
