// What the map costs a browser: `node bench.mjs URL LOADS SECONDS` opens URL so many times in a browser that knows
// nothing of it, then watches it for so long while its numbers move. Prints JSON, which the benchmarks read.

import { eventually, openPage, startBrowser } from "./support.mjs";

const [url, loads, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];

/** In the page: notes when the frame with the first boxes was handed on, and when a graph comes. */
function watch() {
  const observer = new MutationObserver(() => {
    if (!document.querySelector('[data-testid="node"]')) return;
    observer.disconnect();
    // The first callback runs before the frame with the boxes is made, the second before the next one.
    requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("boxes-painted")));
  });
  observer.observe(document, { childList: true, subtree: true });
  window.EventSource = class extends EventSource {
    constructor(...parameters) {
      super(...parameters);
      this.addEventListener("graph", () => performance.mark("graph-came"));
    }
  };
}

/** Opens the map; gives the page and when it was there, milliseconds after the address was entered. */
async function load(browser) {
  const page = await openPage(browser, url, { before: watch });
  const entry = (name) => page.evaluate((name) => performance.getEntriesByName(name)[0]?.toJSON(), name);
  const painted = await eventually("the map is painted", () => entry("boxes-painted"));
  const laidOut = await entry("layout");
  const count = (id) => page.getByTestId(id).count();
  const seen = { paint_ms: painted.startTime, layout_ms: laidOut.duration };
  return { page, seen: { ...seen, boxes: await count("node"), arrows: await count("edge") } };
}

const totalOnMap = (page) =>
  page.getByTestId("edge").evaluateAll((edges) => edges.reduce((sum, edge) => sum + Number(edge.dataset.requests), 0));

/** What the main thread did for each new graph while traffic came. */
async function watchUpdates(browser, page) {
  const before = await totalOnMap(page);
  const categories = ["blink.user_timing", "disabled-by-default-devtools.timeline"];
  await browser.startTracing(page, { categories });
  await page.waitForTimeout(seconds * 1000);
  const { traceEvents } = JSON.parse(await browser.stopTracing());
  if ((await totalOnMap(page)) === before) throw new Error("no number moved while updates were measured");
  return updatesIn(traceEvents);
}

/** The main thread's tasks from one graph to the next, so that style, layout and paint are in it whenever they run. */
function updatesIn(events) {
  const graphs = events.filter(({ name }) => name === "graph-came").sort((a, b) => a.ts - b.ts);
  if (graphs.length < 3) throw new Error(`only ${graphs.length} graphs came while updates were measured`);
  const [{ pid, tid }] = graphs;
  const tasks = events.filter((event) => event.name === "RunTask" && event.pid === pid && event.tid === tid);
  const starts = graphs.map(({ ts }) => tasks.find((task) => task.ts <= ts && ts <= task.ts + task.dur)?.ts ?? ts);
  // What follows the last graph may not be complete.
  return starts.slice(0, -1).map((start, at) => {
    const own = tasks.filter(({ ts }) => ts >= start && ts < starts[at + 1]);
    const sum = (field) => own.reduce((total, task) => total + (task[field] ?? 0), 0) / 1000;
    return { wall_ms: sum("dur"), cpu_ms: sum("tdur") };
  });
}

const browser = await startBrowser();
try {
  const result = { chromium: browser.version(), loads: [], updates: [] };
  for (let number = 1; number <= loads; number += 1) {
    const { page, seen } = await load(browser);
    result.loads.push(seen);
    if (number === loads && seconds > 0) result.updates = await watchUpdates(browser, page);
    if (page.complaints.length > 0) throw new Error(page.complaints.join("\n"));
    await page.context().close();
  }
  console.log(JSON.stringify(result));
} finally {
  await browser.close();
}
