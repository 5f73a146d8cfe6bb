// Draws the time line and moves the topology. All data is in the page; nothing is fetched.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777"];
  const dashes = [[], [8, 4], [2, 4]];
  const color = (at) => colors[at % colors.length];
  const dash = (at) => dashes[Math.floor(at / colors.length) % dashes.length];
  // Paper is white whatever the screen is.
  const paper = { "--ink": "#222", "--soft": "#5c5c5c", "--grid": "#e4e4e4", "--mark": "rgba(230, 159, 0, .2)",
    "--mark-ink": "#8a5a00", "--alert": "#a33f00" };
  let printing = false;
  const css = (name) => printing ? paper[name] : getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const byId = (id) => document.getElementById(id);

  const round = (value) => {
    if (value == null || !isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size < 0.005) return "0";
    if (size >= 1e6) return (value / 1e6).toPrecision(3) + "M";
    if (size >= 1e4) return (value / 1e3).toPrecision(3) + "k";
    return size >= 100 ? value.toFixed(0) : String(+value.toPrecision(3));
  };
  const show = (value, unit) => {
    if (value == null || !isFinite(value)) return "–";
    if (unit === "share") return round(value * 100) + " %";
    if (unit === "s") return value >= 1 ? round(value) + " s" : round(value * 1000) + " ms";
    if (unit === "1/s") return round(value) + "/s";
    return unit === "ratio" ? round(value) + "×" : round(value);
  };

  const on = data.variants.map((_, at) => at < 8);
  const charts = [];
  let now = data.at;
  let shown = 0;

  const column = (variant, key) => {
    const values = data.variants[variant].series[key];
    return values || data.times.map(() => null);
  };

  const until = (mark) => (mark.until == null ? (mark.role && mark.role !== "alert" ? mark.from : data.end) : mark.until);

  // What stands behind the lines: the faults, alerts and actions, and the instant that the topology shows.
  const behind = (u) => {
    const { left, top, width, height } = u.bbox;
    const at = (time) => Math.min(left + width, Math.max(left, u.valToPos(time, "x", true)));
    u.ctx.save();
    data.variants[shown].marks.forEach((mark, number) => {
      const from = at(mark.from);
      const to = at(until(mark));
      u.ctx.fillStyle = css("--mark");
      u.ctx.fillRect(from, top, Math.max(2, to - from), height);
      u.ctx.fillStyle = css("--mark-ink");
      u.ctx.font = "bold " + 11 * devicePixelRatio + "px sans-serif";
      u.ctx.fillText(String(number + 1), from + 3 * devicePixelRatio, top + 13 * devicePixelRatio);
    });
    lanes(u, at);
    u.ctx.fillStyle = css("--ink");
    u.ctx.fillRect(at(now) - devicePixelRatio / 2, top, devicePixelRatio, height);
    u.ctx.restore();
  };

  // Each alert and action with its letter, from below the numbers of the faults downwards, so that none lies on another.
  const pack = (deeds, room) => {
    const free = [];
    return deeds.map((mark) => {
      let lane = free.findIndex((end) => end <= mark.from);
      if (lane < 0) lane = free.length;
      free[lane] = Math.max(until(mark), mark.from + room);
      return { ...mark, lane };
    });
  };

  const LANE = 14, HIGH = 240;
  // Room for the lanes above the lines, as a share of the height.
  const most = Math.max(0, ...data.variants.map(({ deeds }) => Math.max(0, ...pack(deeds, data.end / 40).map((mark) => mark.lane + 1))));
  const room = Math.min(0.5, most && (18 + LANE * most) / (HIGH - 50));

  const lanes = (u, at) => {
    const { left, top, width, height } = u.bbox;
    const dot = devicePixelRatio, { min, max } = u.scales.x;
    const seen = data.variants[shown].deeds.filter((mark) => mark.from <= max && until(mark) >= min);
    pack(seen, (max - min) * 16 * dot / width).forEach((mark) => {
      const from = at(mark.from), to = at(until(mark));
      const line = top + (18 + LANE * mark.lane) * dot, alert = mark.role === "alert";
      u.ctx.fillStyle = css(alert ? "--alert" : "--ink");
      if (!alert) {
        u.ctx.globalAlpha = 0.35;
        u.ctx.fillRect(from - dot / 2, top, dot, height);
        u.ctx.globalAlpha = 1;
      }
      u.ctx.fillRect(from, line + 10 * dot, Math.max(alert ? 2 : 0, to - from), 2 * dot);
      u.ctx.font = "bold " + 11 * dot + "px sans-serif";
      u.ctx.textAlign = from > left + width - 14 * dot ? "right" : "left";
      u.ctx.fillText(mark.letter, from + (u.ctx.textAlign === "left" ? 3 : -3) * dot, line + 8 * dot);
      u.ctx.textAlign = "left";
    });
  };

  // What is marked at the cursor, in words.
  const near = (u) => {
    const time = u.cursor.left == null || u.cursor.left < 0 ? null : u.posToVal(u.cursor.left, "x");
    const slack = (u.scales.x.max - u.scales.x.min) / 100;
    const within = (mark) => time != null && mark.from - slack <= time && time <= until(mark) + slack;
    const { marks, deeds } = data.variants[shown];
    const words = marks.map((mark, at) => ({ ...mark, letter: at + 1 })).concat(deeds).filter(within);
    byId("near").textContent = words.map((mark) => mark.letter + " " + mark.what).join("; ");
  };

  class Chart {
    constructor(holder, choice) {
      this.holder = holder;
      this.select = holder.querySelector("select");
      data.metrics.forEach((metric, at) => {
        const option = document.createElement("option");
        option.value = at;
        option.textContent = metric.label;
        this.select.append(option);
      });
      this.select.value = String(choice);
      this.select.addEventListener("change", () => this.draw());
      this.place = holder.querySelector(".plot");
      this.place.addEventListener("keydown", (event) => this.key(event));
      this.draw();
    }

    draw() {
      const metric = data.metrics[+this.select.value];
      const keep = this.plot ? { ...this.plot.scales.x } : null;
      if (this.plot) this.plot.destroy();
      const axis = { stroke: css("--soft"), grid: { stroke: css("--grid"), width: 1 }, ticks: { stroke: css("--grid") } };
      const value = (u, v) => show(v, metric.unit);
      const series = data.variants.map((variant, at) => ({
        label: variant.name, stroke: color(at), dash: dash(at), width: 1.8, show: on[at], value, spanGaps: false,
        points: { show: false },
      }));
      const whole = metric.unit === "share" ? 1 : null;
      this.plot = new uPlot({
        width: printing ? 660 : Math.max(280, this.place.clientWidth), height: HIGH,
        cursor: { sync: { key: "squall" }, drag: { x: true, y: false } },
        scales: { x: { time: false }, y: { range: (u, low, high) => [0, (whole || (high > 0 ? high : 1)) * (1.06 + room / (1 - room))] } },
        axes: [
          { ...axis, label: "time [s]", labelSize: 20, size: 34 },
          { ...axis, size: 64, values: (u, ticks) => ticks.map((tick) => (whole && tick > 1.001 ? "" : show(tick, metric.unit))) },
        ],
        series: [{ label: "time", value: (u, v) => (v == null ? "–" : v.toFixed(1) + " s") }, ...series],
        hooks: { drawClear: [behind], setCursor: [near] },
      }, [data.times, ...data.variants.map((_, at) => column(at, metric.key))], this.place);
      if (keep && keep.min != null) this.plot.setScale("x", { min: keep.min, max: keep.max });
      this.plot.root.querySelectorAll(".u-legend .u-series").forEach((row, at) => {
        row.addEventListener("click", () => at > 0 && toggle(at - 1, this.plot.series[at].show));
      });
    }

    // Arrows move the cursor, plus and minus zoom around it, 0 shows everything.
    key(event) {
      const u = this.plot;
      const { min, max } = u.scales.x;
      const left = u.cursor.left == null || u.cursor.left < 0 ? u.over.clientWidth / 2 : u.cursor.left;
      const zoom = (times) => {
        const centre = u.posToVal(left, "x");
        const low = Math.max(data.times[0], centre - (centre - min) * times);
        const high = Math.min(data.end, centre + (max - centre) * times);
        charts.forEach((chart) => chart.plot.setScale("x", { min: low, max: high }));
      };
      const moves = {
        ArrowLeft: () => u.setCursor({ left: left - 8, top: 20 }),
        ArrowRight: () => u.setCursor({ left: left + 8, top: 20 }),
        "+": () => zoom(0.6), "=": () => zoom(0.6), "-": () => zoom(1 / 0.6),
        0: () => charts.forEach((chart) => chart.plot.setScale("x", { min: data.times[0], max: data.end })),
      };
      if (moves[event.key]) {
        moves[event.key]();
        event.preventDefault();
      }
    }
  }

  const toggle = (at, state) => {
    on[at] = state;
    boxes[at].checked = state;
    charts.forEach((chart) => chart.plot.setSeries(at + 1, { show: state }));
  };

  const boxes = data.variants.map((variant, at) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = on[at];
    box.addEventListener("change", () => toggle(at, box.checked));
    const line = document.createElement("i");
    line.style.borderTop = "3px " + (dash(at).length ? "dashed " : "solid ") + color(at);
    label.append(box, line, variant.name);
    byId("variants").append(label);
    return box;
  });

  // The topology at an instant.
  const pick = (key) => {
    const window = Math.max(0, data.times.findLastIndex((time) => time <= now));
    return column(shown, key)[window];
  };
  const fullness = (share) => (share >= 0.98 ? 2 : share >= 0.8 ? 1 : 0);
  const states = ["calm", "busy", "full"];

  const describe = (name, kind) => {
    const of = (metric) => pick(name + " " + metric);
    if (kind === "Client") {
      const offered = of("offered"), goodput = of("goodput"), failed = of("failed") || 0;
      const ended = failed + (goodput || 0);
      const served = ended > 0 ? (goodput || 0) / ended : offered > 1 ? 0 : 1;
      return [["offered " + show(offered, "1/s"), "goodput " + show(goodput, "1/s")], served < 0.5 ? 2 : served < 0.98 ? 1 : 0];
    }
    if (kind === "Service") {
      const busy = of("utilisation");
      return [[busy == null ? "no limit" : show(busy, "share") + " busy", show(of("queue"), "count") + " waiting"], fullness(busy)];
    }
    return [[show(of("hit_rate"), "share") + " hits"], -1];
  };

  const paint = () => {
    const order = data.variants[shown].failing;
    document.querySelectorAll("#topology .node").forEach((node) => {
      const pools = node.dataset.pools ? node.dataset.pools.split(" ") : [];
      let [lines, worst] = describe(node.dataset.name, node.dataset.kind);
      pools.forEach((pool) => {
        const used = pick(pool + " utilisation");
        lines.push("pool " + pool.split(".").pop() + " " + show(used, "share"));
        worst = Math.max(worst, fullness(used));
      });
      node.setAttribute("class", "node " + (worst < 0 ? "quiet" : states[worst]));
      node.querySelectorAll(".line").forEach((text, at) => (text.textContent = lines[at] || ""));
      const failed = order.filter((row) => [node.dataset.name, ...pools].includes(row.component) && row.at <= now);
      node.querySelector(".badge").textContent = failed.map((row) => row.place).join(" ");
      node.querySelector(".disc").style.display = failed.length ? "" : "none";
    });
    byId("instant").textContent = now.toFixed(1) + " s";
    byId("scrubber").setAttribute("aria-valuetext", now.toFixed(1) + " seconds");
    charts.forEach((chart) => chart.plot.redraw(false));
  };

  // The marks of the variant that is shown, as a table: canvases tell nothing to who cannot see them.
  const list = () => {
    const { name, marks, deeds } = data.variants[shown];
    byId("marks").querySelector("strong").textContent = name;
    const rows = marks.map((mark, at) => [at + 1, mark.from, "fault: " + mark.what]);
    deeds.forEach((mark) => rows.push([mark.letter, mark.from, mark.what]));
    rows.sort((a, b) => a[1] - b[1]);
    byId("marks").querySelector("tbody").replaceChildren(...rows.map(([letter, from, what]) => {
      const row = document.createElement("tr");
      [letter, from.toFixed(1) + " s", what].forEach((text, at) => {
        const cell = document.createElement(at ? "td" : "th");
        if (at === 1) cell.className = "n";
        cell.textContent = text;
        row.append(cell);
      });
      return row;
    }));
    byId("marks").hidden = rows.length === 0;
  };

  const scrubber = byId("scrubber");
  scrubber.max = data.end;
  scrubber.step = data.times.length > 1 ? data.times[1] - data.times[0] : 1;
  scrubber.value = now;
  scrubber.addEventListener("input", () => {
    now = +scrubber.value;
    paint();
  });
  // The graph itself moves through time as well, and to its ends.
  byId("topology").addEventListener("keydown", (event) => {
    const far = event.shiftKey ? 10 : 1, step = +scrubber.step;
    const to = { ArrowLeft: now - far * step, ArrowRight: now + far * step, Home: data.times[0], End: data.end }[event.key];
    if (to == null) return;
    event.preventDefault();
    now = Math.min(data.end, Math.max(0, to));
    scrubber.value = now;
    paint();
  });
  const which = byId("which");
  data.variants.forEach((variant, at) => which.append(new Option(variant.name, at)));
  which.addEventListener("change", () => {
    shown = +which.value;
    list();
    paint();
  });
  let timer = 0;
  byId("play").addEventListener("click", () => {
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      byId("play").textContent = "Play";
    };
    if (timer) return stop();
    if (now >= data.end - 1e-9) now = data.times[0];
    byId("play").textContent = "Pause";
    timer = setInterval(() => {
      now = Math.min(data.end, now + data.end / 200);
      scrubber.value = now;
      paint();
      if (now >= data.end) stop();
    }, 60);
  });

  document.querySelectorAll(".chart").forEach((holder, at) => charts.push(new Chart(holder, data.first[at])));
  byId("all").addEventListener("click", () => charts.forEach((c) => c.plot.setScale("x", { min: data.times[0], max: data.end })));
  const redraw = () => {
    charts.forEach((chart) => chart.draw());
    paint();
  };
  let wait = 0;
  window.addEventListener("resize", () => {
    clearTimeout(wait);
    wait = setTimeout(redraw, 120);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // On paper nothing can be opened, so the stories and verdicts are.
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("#verdicts details, #story details, #marks")].filter((part) => !part.open);
    closed.forEach((part) => (part.open = true));
    printing = true;
    redraw();
  });
  window.addEventListener("afterprint", () => {
    closed.forEach((part) => (part.open = false));
    printing = false;
    redraw();
  });
  list();
  paint();
  document.documentElement.dataset.ready = "yes";
})();
