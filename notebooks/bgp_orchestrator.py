# %% [markdown]
# # bgp-orchestrator: which of the runbook's measures help
#
# Two of its experiments as comparisons: the same customers in every variant, seed by seed.
#
# ```sh
# squall compare topologies/bgp-orchestrator/scenarios/bg-1-network-delay.yaml --seeds 3 --out results/local/bg-1
# squall compare topologies/bgp-orchestrator/scenarios/bg-8-deep-health-check.yaml --seeds 3 --out results/local/bg-8
# ```

# %%
import matplotlib.pyplot as plt
import polars as pl
from squall_results import Results


def share(results):
    """The share of requests that ended well, of each variant."""
    table = results.goodput_share().group_by("variant").agg(pl.col("share").mean())
    return table.sort("share", descending=True)


# %% [markdown]
# ## BG-1: half a second more on the network
#
# A query holds its connection for a second longer, and the pool runs out. What does it do to the wait of the slowest?

# %%
delay = Results("bg-1")
tail = delay.metric("latency.p99").group_by("variant").agg(pl.col("value").median().alias("p99 [s]"))
delayed = tail.join(share(delay), on="variant").sort("p99 [s]")
delayed

# %%
fig, ax = plt.subplots(figsize=(8, 4))
good = delayed["share"] > 0.99
ax.barh(delayed["variant"], delayed["p99 [s]"], color=["#0072b2" if held else "#d55e00" for held in good])
ax.set(xlabel="99th percentile over the run [s], median over seeds; red: more than 1 % failed")
ax.invert_yaxis()
fig.tight_layout()

# %% [markdown]
# Timeouts, retries and a breaker change nothing, since nothing fails: it only waits. A second pool or a larger one takes the wait
# away. Short timeouts look best by p99, because they turn slow answers into errors.

# %%
p99 = dict(zip(delayed["variant"], delayed["p99 [s]"]))
ended = dict(zip(delayed["variant"], delayed["share"]))
assert p99["read-replica"] < 0.2 * p99["unmitigated"] and p99["pool-20-40"] < 0.2 * p99["unmitigated"]
assert abs(p99["retries"] - p99["unmitigated"]) < 0.05 * p99["unmitigated"]
assert ended["short-timeouts"] < ended["unmitigated"] - 0.02

# %% [markdown]
# ## BG-8: a health check that includes dependencies
#
# Redis answers late for a minute, which nobody would notice.

# %%
check = Results("bg-8")
served = share(check)
served

# %%
lines = check.over_time("goodput")
fig, ax = plt.subplots(figsize=(8, 3.5))
COLORS = ["#222222", "#e69f00", "#0072b2", "#d55e00", "#cc79a7"]
for variant, color in zip(served["variant"], COLORS, strict=True):
    line = lines.filter(pl.col("variant") == variant)
    ax.plot(line["time_s"], line["value"], color=color, label=variant)
ax.set(xlabel="time [s]", ylabel="goodput [1/s], median over seeds", ylim=(0, None))
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
fig.tight_layout()

# %% [markdown]
# The check takes all pods out at once. What squall makes of the differences is in the table that `compare` writes.

# %%
of_users = check.comparisons.filter(pl.col("objective") & (pl.col("role") == "users"))
verdicts = of_users.select("variant", "component", "metric", "difference", "low", "high", "finding")
assert "worse" in verdicts["finding"].to_list()
verdicts
