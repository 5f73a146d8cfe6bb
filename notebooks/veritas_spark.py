# %% [markdown]
# # veritas-spark: who takes a bad release back, and when
#
# A canary with controllers of two speeds, a blue-green switch with a gate and with validation, and all of them over all scenarios.
#
# ```sh
# squall run topologies/veritas-spark/scenarios/vs-1-canary-pod-termination.yaml --seeds 12 --out results/local/vs-1
# squall run topologies/veritas-spark/scenarios/vs-2-error-injection.yaml --seeds 12 --out results/local/vs-2
# squall run topologies/veritas-spark/scenarios/vs-3-unhealthy-target.yaml --seeds 12 --out results/local/vs-3
# squall matrix topologies/veritas-spark/matrix.yaml --seeds 6 --out results/local/vs-matrix
# ```
#
# VS-C2, VS-C3 and VS-C8 are run like VS-1.

# %%
import matplotlib.pyplot as plt
import polars as pl
from matplotlib.colors import SymLogNorm
from squall_results import Matrix, Results

FAULT = 120
COLORS = {
    "unmitigated": "#999999", "controller": "#0072b2", "fast-controller": "#e69f00", "failover": "#009e73",
    "controller-failover": "#cc79a7", "gate": "#0072b2", "validation": "#d55e00", "gate-and-validation": "#009e73",
}
# Lines that lie on each other: the earlier are the wider.
STYLES = [("-", 5.0), ("-", 2.6), ("--", 1.8), (":", 1.8), ("-.", 1.4)]


def draw(ax, lines, variants):
    """A line for each variant."""
    for variant, (dash, width) in zip(variants, STYLES):
        line = lines.filter(pl.col("variant") == variant)
        assert len(line) > 100, variant
        ax.plot(line["time_s"], line["value"], dash, color=COLORS[variant], linewidth=width, label=variant)


# %% [markdown]
# ## Errors of the canary (VS-2)
#
# From 120 s a fifth of the canary's answers are errors. The canary has a tenth of the users.

# %%
errors = Results("vs-2")
variants = ["unmitigated", "controller", "fast-controller"]
fig, (top, bottom) = plt.subplots(2, 1, figsize=(8, 5), sharex=True)
canary = errors.share_over_time("runtime.canary")
draw(top, canary, variants)
draw(bottom, errors.over_time("failed"), variants)
for ax in (top, bottom):
    ax.axvline(FAULT, color="#8a5a00", linestyle=":")
top.set(ylabel="canary's share of calls")
bottom.set(xlabel="time [s]; dotted: the fault begins", ylabel="failed requests [1/s]")
top.legend(loc="upper left", bbox_to_anchor=(1, 1))
fig.tight_layout()

# %% [markdown]
# Nobody takes an unwatched canary back.

# %%
late = canary.filter(pl.col("time_s") > FAULT + 60).group_by("variant").agg(pl.col("value").median())
late = dict(zip(late["variant"], late["value"]))
assert late["unmitigated"] > 0.05 and late["controller"] == 0 and late["fast-controller"] == 0

# %% [markdown]
# ## Time to rollback
#
# A dot is a seed; a canary that never went back is not in the picture. Left of the line the canary was still healthy.

# %%
SCENARIOS = {
    "vs-1": "VS-1 pod deleted", "vs-2": "VS-2 errors, 20 %", "vs-c2": "VS-C2 errors, 30 %", "vs-c3": "VS-C3 slow",
    "vs-c8": "VS-C8 one of three replicas",
}
backs = []
for folder, name in SCENARIOS.items():
    results = Results(folder)
    [fault] = results.cases()["unmitigated"]["faults"]
    assert {one["at"] for one in fault.values()} == {f"{FAULT}s"}, folder
    done = results.actions.filter((pl.col("action") == "rolled back") & (pl.col("target") == "splits.runtime"))
    assert not done.is_empty(), folder
    backs.append(done.select("variant", "seed", (pl.col("time_s") - FAULT).alias("after_s"), pl.lit(name).alias("scenario")))
backs = pl.concat(backs)
fig, ax = plt.subplots(figsize=(8, 5))
for shift, (variant, mark) in enumerate({"controller": "o", "fast-controller": "^"}.items()):
    for row, name in enumerate(SCENARIOS.values()):
        own = backs.filter((pl.col("variant") == variant) & (pl.col("scenario") == name))
        # Seeds at the same second lie one above the other.
        above = own.with_columns(pl.int_range(pl.len()).over("after_s").alias("n"))["n"]
        ax.scatter(
            own["after_s"], row - 0.06 + 0.45 * shift - 0.035 * above, s=9, marker=mark, color=COLORS[variant],
            label=variant if row == 0 else None,
        )
ax.axvline(0, color="#8a5a00", linestyle=":")
ax.axvline(30, color="#999999", linestyle="--", zorder=0)
ax.set_yticks(range(len(SCENARIOS)), list(SCENARIOS.values()))
ax.invert_yaxis()
ax.set(xlabel="rolled back after the fault [s]; dashed: the 30 s of the runbook")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
fig.tight_layout()

# %% [markdown]
# The runbook's controller takes three checks of ten seconds. The one that looks every three seconds is three times as fast, and takes some
# healthy canaries back, because ten calls a second say little about a p99.

# %%
told = backs.group_by("scenario", "variant").agg(
    pl.col("after_s").filter(pl.col("after_s") >= 0).median().alias("median [s]"),
    (pl.col("after_s") < 0).sum().alias("healthy ones taken back"),
    pl.len().alias("rollbacks"),
)
told = told.sort("scenario", "variant")
slow, fast = (told.filter(pl.col("variant") == name) for name in ("controller", "fast-controller"))
assert slow["healthy ones taken back"].sum() == 0 and fast["healthy ones taken back"].min() > 0
assert slow["median [s]"].min() == 30 and fast["median [s]"].max() < 20
told

# %% [markdown]
# ## What is hidden from a controller (VS-1)
#
# The canary is gone. A splitter that sends what is refused to the other side refuses nobody, and so the controller sees nothing.

# %%
gone = Results("vs-1")
canary = gone.share_over_time("runtime.canary")
fig, ax = plt.subplots(figsize=(8, 3.2))
draw(ax, canary, ["unmitigated", "failover", "controller-failover", "controller", "fast-controller"])
ax.axvline(FAULT, color="#8a5a00", linestyle=":")
ax.set(xlabel="time [s]; dotted: the canary is gone", ylabel="share that the splitter\nmeans for the canary")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
fig.tight_layout()

# %%
served = gone.goodput_share().group_by("variant").agg(pl.col("share").mean())
back = gone.actions.filter(pl.col("action") == "rolled back").group_by("variant").agg(pl.col("seed").n_unique().alias("rolled back"))
served = served.join(back, on="variant", how="left").fill_null(0).sort("share")
by = dict(zip(served["variant"], served["rolled back"]))
seeds = gone.manifest["seeds"]["count"]
assert by["controller"] == seeds and by["controller-failover"] == 0
assert dict(zip(served["variant"], served["share"]))["controller-failover"] > 0.999
served

# %% [markdown]
# ## A switch to a broken green (VS-3)
#
# Green answers nothing but errors until 180 s; the switch begins at 60 s, and somebody tries again at 200 s.

# %%
switch = Results("vs-3")
variants = ["unmitigated", "validation", "gate", "gate-and-validation"]
green = switch.share_over_time("environment.green")
fig, (top, bottom) = plt.subplots(2, 1, figsize=(8, 5), sharex=True)
draw(top, green, variants)
draw(bottom, switch.over_time("goodput"), variants)
for ax in (top, bottom):
    ax.axvspan(30, 180, color="#f3e3c8", alpha=0.75)
top.set(ylabel="green's share of calls")
bottom.set(xlabel="time [s]; shaded: green is broken", ylabel="goodput [1/s]", ylim=(0, None))
top.legend(loc="upper left", bbox_to_anchor=(1, 1))
fig.tight_layout()

# %% [markdown]
# The gate lets nobody in. Validation alone has to let users in to see anything. Unwatched, everybody is in it, and the second try leads
# from the repaired green back to blue.

# %%
most = green.filter(pl.col("time_s").is_between(60, 180)).group_by("variant").agg(pl.col("value").max())
most = dict(zip(most["variant"], most["value"]))
assert most["gate"] == 0 and most["gate-and-validation"] == 0
assert most["validation"] > 0.9 and most["unmitigated"] > 0.9
end = dict(green.filter(pl.col("time_s") > 240).group_by("variant").agg(pl.col("value").median()).iter_rows())
assert end["gate"] == 1 and end["unmitigated"] == 0

# %% [markdown]
# ## Everything over everything
#
# What each measure changes in the share of requests that ended well, in points. Empty: it says nothing to the scenario. A dot: with so few
# seeds nothing is decided, or there is no difference that matters. Where a measure helps and the number is 0, it helps something else, as
# the slowest.

# %%
matrix = Matrix("vs-matrix")
cells = matrix.matrix.filter(pl.col("conclusion") != "does_not_apply")
# Measures that several scenarios have; the others are told in the table.
common = cells.group_by("mitigation").len().filter(pl.col("len") > 2)["mitigation"].to_list()
ORDER = [name for name in COLORS if name in common]
assert set(ORDER) == set(common), common
points = {(row["scenario"], row["mitigation"]): row for row in cells.iter_rows(named=True)}
assert {scenario for scenario, _ in points} == set(matrix.scenarios)
values = [
    [100 * points[key]["difference"] if (key := (scenario, name)) in points else float("nan") for name in ORDER]
    for scenario in matrix.scenarios
]
fig, ax = plt.subplots(figsize=(8, 8))
worst, best = min(v for row in values for v in row if v == v), max(v for row in values for v in row if v == v)
# Blue is better and red is worse. Canaries have a tenth of the users and switches all of them: hence a logarithm, beyond a point.
limit = max(-worst, best)
norm = SymLogNorm(1, vmin=-limit, vmax=limit)
image = ax.imshow(values, cmap="RdBu", norm=norm, aspect="auto")
for row, scenario in enumerate(matrix.scenarios):
    for column, name in enumerate(ORDER):
        found = points.get((scenario, name))
        if found:
            decided = found["conclusion"] in ("helped", "helped_at_a_cost", "made_worse")
            value = values[row][column]
            text = f"{value:+.1f}" if decided else "·"
            ax.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if abs(norm(value) - 0.5) > 0.3 else "black")
ax.set_yticks(range(len(matrix.scenarios)), matrix.scenarios, fontsize=8)
ax.set_xticks(range(len(ORDER)), ORDER, rotation=30, ha="right", fontsize=8)
ticks = [-50, -20, -5, -1, 0, 1, 5, 20, 50]
fig.colorbar(image, label="change of what ended well [percentage points]", ticks=ticks, format="%+g")
fig.tight_layout()

# %% [markdown]
# What made it worse, and every scenario does what its file expects of its own variants.

# %%
assert matrix.expectations["as_expected"].all()
assert points["vs-b6-kv-sync-failure", "validation"]["conclusion"] == "made_worse"
assert points["vs-3-unhealthy-target", "gate"]["conclusion"] == "helped"
worse = cells.filter(pl.col("conclusion") == "made_worse")
worse.select("scenario", "mitigation", "difference", "low", "high").sort("difference")
