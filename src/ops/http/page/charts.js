// Throughput of the last hour, a drawing for each backend: uploads above the line, downloads below it.

import { by, make, plain, rate, say, sized } from "./format.js";

const SPACE = "http://www.w3.org/2000/svg";
const HEIGHT = 56;
const NOTHING = { received_bytes: [0, 0, 0], sent_bytes: [0, 0, 0] };

export class Charts {
  constructor() {
    this.place = by("charts");
    this.drawn = new Map();
  }

  /** `interval` is the seconds that each number is for; the last one is not over yet. Of a backend that moved nothing there is none. */
  update({ interval_seconds: interval, backends: moved }, known) {
    const names = new Set([...known.map((of) => of.name), ...moved.map((of) => of.backend)]);
    by("charts-empty").hidden = names.size > 0;
    for (const [name, chart] of this.drawn) {
      if (!names.has(name)) {
        chart.figure.remove();
        this.drawn.delete(name);
      }
    }
    for (const name of names) {
      let chart = this.drawn.get(name);
      if (!chart) {
        chart = makeChart(name);
        this.place.append(chart.figure);
        this.drawn.set(name, chart);
      }
      const health = known.find((of) => of.name === name);
      // Where nobody asks, nothing is known to be wrong.
      say(chart.health, health && !["fine", "unknown"].includes(health.state) ? ` ${plain(health.detail ?? health.state, 120)}` : "");
      draw(chart, moved.find((of) => of.backend === name) ?? NOTHING, interval);
    }
  }
}

function part(tag, attributes) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function makeChart(backend) {
  const figure = make("article", "chart");
  const head = figure.appendChild(make("header"));
  const title = head.appendChild(make("h3"));
  title.append(make("bdi", "", plain(backend || "other", 60)));
  const health = title.appendChild(make("small"));
  const now = head.appendChild(make("p", "now"));
  const [up, down] = [now.appendChild(make("span", "up")), now.appendChild(make("span", "down"))];
  const drawing = figure.appendChild(part("svg", { preserveAspectRatio: "none", role: "img" }));
  const paths = ["up area", "down area", "up", "down"].map((name) => part("path", { class: name }));
  const mark = part("line", { class: "mark", y1: 0, y2: HEIGHT, visibility: "hidden" });
  drawing.append(...paths, mark);
  const foot = figure.appendChild(make("footer"));
  const [left, right] = [foot.appendChild(make("span")), foot.appendChild(make("span", "", "now"))];
  const chart = { figure, health, up, down, drawing, paths, mark, left, right, at: undefined };
  drawing.addEventListener("pointermove", (event) => {
    const box = drawing.getBoundingClientRect();
    chart.at = (event.clientX - box.left) / Math.max(1, box.width);
    point(chart);
  });
  drawing.addEventListener("pointerleave", () => {
    chart.at = undefined;
    point(chart);
  });
  return chart;
}

function draw(chart, of, interval) {
  const perSecond = (numbers) => numbers.map((number) => number / interval);
  const [ups, downs] = [perSecond(of.received_bytes), perSecond(of.sent_bytes)];
  // What is not over yet would always look like a drop.
  const whole = (numbers) => (numbers.length > 1 ? numbers.slice(0, -1) : numbers);
  Object.assign(chart, { ups: whole(ups), downs: whole(downs), interval });
  const top = Math.max(1, ...chart.ups, ...chart.downs);
  const points = Math.max(1, chart.ups.length - 1);
  chart.drawing.setAttribute("viewBox", `0 0 ${points} ${HEIGHT}`);
  const line = (numbers, sign) => {
    const middle = HEIGHT / 2;
    const steps = numbers.map((number, x) => `${x} ${(middle - (sign * number * (middle - 2)) / top).toFixed(1)}`);
    if (!numbers.some((number) => number > 0)) return ["", ""];
    return [`M0 ${middle}L${steps.join("L")}L${points} ${middle}Z`, `M${steps.join("L")}`];
  };
  const [up, down] = [line(chart.ups, 1), line(chart.downs, -1)];
  [up[0], down[0], up[1], down[1]].forEach((d, index) => {
    if (chart.paths[index].getAttribute("d") !== d) chart.paths[index].setAttribute("d", d);
  });
  chart.top = top;
  const most = (numbers) => rate(Math.max(0, ...numbers));
  chart.drawing.setAttribute(
    "aria-label",
    `Last hour: uploads ${rate(chart.ups.at(-1))} now and ${most(chart.ups)} at most, ` +
      `downloads ${rate(chart.downs.at(-1))} now and ${most(chart.downs)} at most`,
  );
  point(chart);
}

/** The numbers of now, or of where the pointer is. */
function point(chart) {
  if (!chart.ups) return;
  const last = chart.ups.length - 1;
  const index = chart.at === undefined ? last : Math.max(0, Math.min(last, Math.round(chart.at * last)));
  say(chart.up, `↑ ${rate(chart.ups[index])}`);
  say(chart.down, `↓ ${rate(chart.downs[index])}`);
  const minutes = Math.round(((last - index) * chart.interval) / 60);
  say(chart.right, chart.at === undefined ? "now" : minutes ? `${minutes} min ago` : "now");
  const [top, unit] = sized(chart.top);
  say(chart.left, chart.top > 1 ? `60 min ago · at most ${top} ${unit}/s` : "60 min ago · nothing moved");
  chart.mark.setAttribute("visibility", chart.at === undefined ? "hidden" : "visible");
  chart.mark.setAttribute("x1", index);
  chart.mark.setAttribute("x2", index);
}
