# %% [markdown]
# # What if: pool size and retries together
#
# Each cell of the grid is a run of its own with `--set`; `run.sh` makes them:
#
# ```sh
# squall run topologies/erlmcp/scenarios/er-2-retry-storm.yaml --seeds 2 --variant unmitigated --variant retry-default \
#   --set services.core-api.pools.db.size=10 --out results/local/pool-10
# ```

# %%
import matplotlib.pyplot as plt
import polars as pl
from squall_results import Results

SIZES = [4, 10, 20, 40]
cells = []
for size in SIZES:
    results = Results(f"pool-{size}")
    assert results.manifest["scenario"]["set"] == [f"services.core-api.pools.db.size={size}"]
    share = results.goodput_share().group_by("variant").agg(pl.col("share").median())
    cells.append(share.with_columns(pl.lit(size).alias("pool")))
grid = pl.concat(cells).pivot(on="pool", index="variant", values="share").sort("variant")
grid

# %%
fig, ax = plt.subplots(figsize=(7, 2.6))
values = grid.select([str(size) for size in SIZES]).to_numpy()
ax.imshow(values, vmin=0, vmax=1, cmap="cividis", aspect="auto")
for row in range(values.shape[0]):
    for column in range(values.shape[1]):
        color = "black" if values[row, column] > 0.5 else "white"
        ax.text(column, row, f"{values[row, column]:.0%}", ha="center", va="center", color=color)
ax.set(xticks=range(len(SIZES)), xticklabels=SIZES, yticks=range(len(grid)), yticklabels=grid["variant"])
ax.set(xlabel="connections of core-api's pool in each replica", title="goodput share")
fig.tight_layout()

# %% [markdown]
# The policy decides, and the size of the pool does not: beyond the slots of `core-api` more connections are never in use.

# %%
shares = {row[0]: row[1:] for row in grid.iter_rows()}
assert min(shares["retry-default"][1:]) > 0.95
assert max(shares["unmitigated"]) < 0.6
