import uPlot from "/uPlot.esm.js";
import { element } from "./dom.js";

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {string} metric
 * @property {string} [color]
 * @property {"left" | "right"} axis
 * @property {(number | null)[]} values
 *
 * @typedef {{ label?: string, min?: number, max?: number }} Axis
 *
 * @typedef {object} MetricWidget
 * @property {string} title
 * @property {boolean} stacked
 * @property {Axis} left
 * @property {Axis} right
 * @property {{ value: number, label: string }[]} marks
 * @property {number[]} times
 * @property {Series[]} series
 */

const COLOURS = ["#1b9e77", "#7570b3", "#d95f02", "#e6ab02", "#666666", "#66a61e"];
const CHART_HEIGHT = 180;

/** A chart with its legend, which is a table: it holds the numbers for those who can't see the lines. */
export class Chart {
  /** @type {uPlot | undefined} */
  #plot;
  /** @type {MetricWidget} */
  #widget;
  #from = 0;
  #to = 0;
  #canvas = element("div", { class: "plot", "aria-hidden": "true" });
  #legend = element("table", { class: "legend" });
  /** @type {HTMLTableCellElement[]} */
  #cells = [];

  /** @param {HTMLElement} place @param {MetricWidget} widget */
  constructor(place, widget) {
    this.#widget = widget;
    place.append(this.#canvas, this.#legend);
    new ResizeObserver(() => this.#resize()).observe(this.#canvas);
  }

  /** @param {MetricWidget} widget @param {number} from @param {number} to seconds since the epoch */
  update(widget, from, to) {
    const series = widget.series.map((line, index) => ({ color: COLOURS[index % COLOURS.length], ...line }));
    this.#widget = { ...widget, series };
    this.#from = from;
    this.#to = to;
    this.#drawLegend();
    this.draw();
  }

  /** Draws everything anew: also after a change of the theme. */
  draw() {
    this.#plot?.destroy();
    this.#canvas.replaceChildren();
    this.#plot = undefined;
    const { times } = this.#widget;
    // A line without a single value has no place in a chart; the legend still names it.
    const drawn = { ...this.#widget, series: drawnSeries(this.#widget) };
    if (times.length === 0) {
      this.#canvas.append(element("p", { class: "quiet" }, "No data in this range."));
      return;
    }
    const data = [times, ...plotted(drawn)];
    this.#plot = new uPlot(
      this.#options(drawn.series),
      /** @type {uPlot.AlignedData} */ (data),
      this.#canvas,
    );
  }

  #resize() {
    const width = this.#canvas.clientWidth;
    if (this.#plot && width > 0) this.#plot.setSize({ width, height: CHART_HEIGHT });
  }

  #drawLegend() {
    const { series, title } = this.#widget;
    this.#cells = series.map(({ metric }) => element("td", { "data-metric": metric, class: "number" }));
    this.#legend.replaceChildren(
      element("caption", { class: "unseen" }, `${title}: last values`),
      element(
        "tbody",
        {},
        ...series.map((line, index) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, swatch(line.color ?? ""), line.label),
            this.#cells[index],
          ),
        ),
      ),
    );
    this.#showValues(null);
  }

  /** @param {number | null | undefined} at index of a time; none for the last value of each line */
  #showValues(at) {
    for (const [index, { values }] of this.#widget.series.entries()) {
      const value = at == null ? values.findLast((known) => known !== null) : values[at];
      const cell = this.#cells[index];
      if (cell) cell.textContent = value == null ? "–" : number(value);
    }
  }

  /** @param {number} seconds since the epoch */
  #clock(seconds) {
    const isDays = this.#to - this.#from > 86_400;
    return new Date(seconds * 1000).toLocaleString(
      [],
      isDays ? { day: "numeric", month: "short" } : { hour: "2-digit", minute: "2-digit", hour12: false },
    );
  }

  /** @param {Series[]} series @returns {uPlot.Options} */
  #options(series) {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink-quiet").trim();
    const line = style.getPropertyValue("--line").trim();
    const { left, right, marks, stacked } = this.#widget;
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    /** @param {Axis} of @param {string} scale @param {number} side @returns {uPlot.Axis} */
    const valueAxis = (of, scale, side) => ({
      ...axis,
      scale,
      side,
      size: 56,
      label: of.label ?? "",
      labelSize: 18,
      labelFont: "12px system-ui",
      values: (_plot, ticks) => ticks.map(number),
      ...(side === 1 ? { grid: { show: false } } : {}),
    });
    const hasRight = series.some((one) => one.axis === "right");
    return {
      width: Math.max(this.#canvas.clientWidth, 200),
      height: CHART_HEIGHT,
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      scales: {
        x: { time: true, range: () => [this.#from, this.#to] },
        left: { range: (_plot, _low, high) => range(left, high, marks) },
        right: { range: (_plot, _low, high) => range(right, high, []) },
      },
      // Each area reaches down to the one below it, not through it.
      ...(stacked
        ? { bands: series.slice(1).map((_one, below) => ({ series: [below + 2, below + 1] })) }
        : {}),
      axes: [
        { ...axis, space: 64, values: (_plot, ticks) => ticks.map((tick) => this.#clock(tick)) },
        valueAxis(left, "left", 3),
        ...(hasRight ? [valueAxis(right, "right", 1)] : []),
      ],
      series: [
        {},
        ...series.map((one) => ({
          label: one.label,
          scale: one.axis,
          stroke: one.color ?? "",
          width: 2,
          points: { show: one.values.filter((value) => value !== null).length < 40, size: 5 },
          ...(stacked ? { fill: `${one.color}66` } : {}),
        })),
      ],
      hooks: {
        setCursor: [(plot) => this.#showValues(plot.cursor.idx)],
        draw: [(plot) => drawMarks(plot, marks, ink)],
      },
    };
  }
}

/**
 * The values as they are drawn: in a stacked chart each line stands on the ones before it, where one without a value
 * counts as nothing.
 *
 * @param {MetricWidget} widget
 * @returns {(number | null)[][]}
 */
function plotted({ series, stacked, times }) {
  if (!stacked) return series.map(({ values }) => values);
  const ground = times.map(() => 0);
  return series.map(({ values }) =>
    values.map((value, at) => {
      ground[at] = (ground[at] ?? 0) + (value ?? 0);
      return ground[at] ?? null;
    }),
  );
}

/** @param {Axis} axis @param {number | null} high @param {{ value: number }[]} marks @returns {[number, number]} */
function range({ min = 0, max }, high, marks) {
  const top = Math.max(high ?? 0, ...marks.map(({ value }) => value));
  return [min, max ?? (top > 0 ? top * 1.15 : 1)];
}

/** @param {uPlot} plot @param {{ value: number, label: string }[]} marks @param {string} ink */
function drawMarks(plot, marks, ink) {
  const { ctx, bbox } = plot;
  for (const { value, label } of marks) {
    const y = plot.valToPos(value, "left", true);
    ctx.save();
    ctx.strokeStyle = "#d95f02";
    ctx.setLineDash([6, 4]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.fillStyle = ink;
    ctx.textAlign = "left";
    ctx.textBaseline = "bottom";
    ctx.fillText(label, bbox.left + 6, y - 4);
    ctx.restore();
  }
}

/**
 * In a stacked chart a line of zeros lies on the one below it and hides its colour: of several lines only those with an
 * area are drawn.
 *
 * @param {MetricWidget} widget
 */
function drawnSeries({ series, stacked }) {
  const known = series.filter(hasValues);
  const areas = stacked ? known.filter(({ values }) => values.some((value) => value)) : known;
  return areas.length > 0 ? areas : known.slice(0, 1);
}

/** @param {Series} line */
function hasValues({ values }) {
  return values.some((value) => value !== null);
}

/** @param {string} fill */
function swatch(fill) {
  const mark = element("span", { class: "swatch", "aria-hidden": "true" });
  mark.style.backgroundColor = fill;
  return mark;
}

/** @param {number} value */
function number(value) {
  return new Intl.NumberFormat("en", {
    maximumFractionDigits: 2,
    notation: Math.abs(value) >= 1e6 ? "compact" : "standard",
  }).format(value);
}
