# %% [markdown]
# # A tour: read a comparison, draw it, decide
#
# An external API fails for a minute, one caller retries too eagerly, and the storm outlives its cause. Ten measures
# could be taken. Which of them would have kept the readers served?
#
# The results were made by
#
# ```sh
# squall run topologies/erlmcp/scenarios/er-2-retry-storm.yaml --seeds 5 --out results/local/er-2
# ```

# %%
import matplotlib.pyplot as plt
import polars as pl
from squall_results import Results

results = Results("er-2")
print(results.manifest["scenario"]["about"])

# %% [markdown]
# ## How each variant did, seed by seed

# %%
share = results.goodput_share()
table = share.group_by("variant").agg(
    pl.col("share").median().alias("median"), pl.col("share").min().alias("worst"), pl.len().alias("seeds")
).sort("median", descending=True)
table

# %%
fig, ax = plt.subplots(figsize=(8, 4))
for row, variant in enumerate(table["variant"]):
    seeds = share.filter(pl.col("variant") == variant)
    ax.plot(seeds["share"], [row] * len(seeds), "o", color="#0072b2", alpha=0.5)
ax.set(yticks=range(len(table)), yticklabels=table["variant"], xlim=(0, 1.02), xlabel="goodput share")
ax.invert_yaxis()
fig.tight_layout()

# %% [markdown]
# ## When it goes wrong
#
# Seed by seed the variants meet the same customers, so that the differences are those of the measures.

# %%
goodput = results.over_time("goodput")
fig, ax = plt.subplots(figsize=(8, 4))
for variant, style in [("unmitigated", "-"), ("bulkheads", "--"), ("retry-default", ":")]:
    line = goodput.filter(pl.col("variant") == variant)
    assert len(line) > 100, variant
    ax.plot(line["time_s"], line["value"], style, label=variant)
ax.axvspan(60, 120, color="#f3e3c8")
ax.set(xlabel="time [s]", ylabel="goodput [1/s]", ylim=(0, None))
ax.legend(loc="lower left")
fig.tight_layout()

# %% [markdown]
# ## The decision
#
# What we would sign: the measures with which at least 99 % of requests succeed in every seed.

# %%
good = table.filter(pl.col("worst") >= 0.99)["variant"].to_list()
print("would have kept us up:", ", ".join(good))
assert "retry-default" in good and "pool-100" not in good
assert results.verdicts["ok"].all(), "an expectation of the scenario does not hold any more"
