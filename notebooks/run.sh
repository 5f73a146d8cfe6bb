#!/usr/bin/env bash
# Makes the results that the notebooks read, and executes every notebook. Needs Python 3.10 or newer with pip.
# SQUALL names the program; the executed notebooks go to a temporary folder unless OUT names one.
set -euo pipefail
cd "$(dirname "$0")"

squall=${SQUALL:-../target/release/squall}
out=${OUT:-$(mktemp -d)}
venv=${VENV:-../target/notebooks}
local=$PWD/../results/local
export SQUALL_RESULTS=$local
erlmcp=../topologies/erlmcp/scenarios/er-2-retry-storm.yaml

if [ ! -x "$venv/bin/jupytext" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
fi

"$squall" run "$erlmcp" --quiet --seeds 5 --out "$local/er-2" >/dev/null
"$squall" run ../topologies/aurum/scenarios/au-1-hot-key-expiry.yaml --quiet --seeds 5 --out "$local/au-1" >/dev/null
"$squall" tip ../topologies/gallery/retry-storm.yaml --quiet --over clients.web.arrivals.poisson.rate=40/s..110/s/5/s \
    --seeds 5 --out "$local/tip" >/dev/null
"$squall" compare ../topologies/bgp-orchestrator/scenarios/bg-1-network-delay.yaml --quiet --seeds 3 --out "$local/bg-1" \
    >/dev/null
"$squall" compare ../topologies/bgp-orchestrator/scenarios/bg-8-deep-health-check.yaml --quiet --seeds 3 \
    --out "$local/bg-8" >/dev/null
"$squall" compare ../topologies/mcp-dual/scenarios/mc-8-high-latency.yaml --quiet --seeds 3 --out "$local/mc-8" >/dev/null
veritas=../topologies/veritas-spark
for scenario in vs-1-canary-pod-termination vs-2-error-injection vs-3-unhealthy-target vs-c2-error-rate vs-c3-latency \
    vs-c8-partial-replicas; do
    "$squall" run "$veritas/scenarios/$scenario.yaml" --quiet --seeds 12 --out "$local/$(cut -d- -f1-2 <<<"$scenario")" >/dev/null
done
"$squall" matrix "$veritas/matrix.yaml" --quiet --seeds 6 --out "$local/vs-matrix" >/dev/null
for size in 4 10 20 40; do
    # The expectations are those of the pool as it is, so that they may fail here.
    "$squall" run "$erlmcp" --quiet --seeds 2 --variant unmitigated --variant retry-default \
        --set services.core-api.pools.db.size=$size --out "$local/pool-$size" >/dev/null || [ $? -eq 1 ]
done

for notebook in tour erlmcp aurum bgp_orchestrator mcp_dual veritas_spark metastability what_if; do
    echo "notebook $notebook"
    "$venv/bin/jupytext" --quiet --to ipynb --output "$out/$notebook.ipynb" "$notebook.py"
    cp squall_results.py "$out/"
    PYTHONWARNINGS=ignore "$venv/bin/jupyter" nbconvert --log-level ERROR --to notebook --execute --inplace \
        --ExecutePreprocessor.timeout=300 "$out/$notebook.ipynb"
done
echo "executed in $out"
