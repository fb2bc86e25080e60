// The page of one trace, as a person looks for where its time went.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually, openPage, startBrowser, startMesh } from "./support.mjs";

/** Rows that may be in the page at once, however many spans there are: a tall window and some to spare. */
const MOST_ROWS = 80;
const SPAN_COUNT = 10_000;

let mesh;
let browser;

before(async () => {
  mesh = await startMesh("--rate", "15", "--seed", "3");
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await mesh?.stop();
});

const ask = async (path) => {
  const answer = await fetch(`${mesh.url}/api/v1${path}`);
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer.json();
};

/** A whole trace of the mesh that goes through web and orders, with spans of proxies, and a log line at one of its spans. */
const oneTrace = async () => {
  const whole = await eventually("a trace through web and orders is whole", async () => {
    const { traces } = await ask(`/traces?q=${encodeURIComponent("service=orders")}&from=-15m&to=-25s&limit=20`);
    for (const { trace_id } of traces) {
      const { trace } = await ask(`/traces/${trace_id}`);
      const services = new Set(trace.spans.map((span) => span.service));
      const arriving = trace.warnings.some((warning) => warning.kind === "still_arriving");
      if (!arriving && services.has("web") && services.has("orders")) return trace;
    }
    return false;
  });
  await log(whole);
  return eventually("its log line is stored", async () => {
    const { trace } = await ask(`/traces/${whole.trace_id}`);
    return trace.logs.length > 0 && trace;
  });
};

/** Sends a log record of a span of the trace, as its application would. */
async function log({ trace_id: traceId, start, spans }) {
  const { span_id: spanId, service } = spans.find((span) => span.service === "orders" && span.kind === "SERVER");
  const timeUnixNano = String(BigInt(Date.parse(start)) * 1_000_000n);
  const record = { timeUnixNano, traceId, spanId, severityText: "INFO", body: { stringValue: "the order is taken" } };
  const resource = { attributes: [{ key: "service.name", value: { stringValue: service } }] };
  const answer = await fetch(`${mesh.otlpHttp}/v1/logs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ resourceLogs: [{ resource, scopeLogs: [{ logRecords: [record] }] }] }),
  });
  assert.ok(answer.ok, `${answer.status}`);
}

const rowsOf = (page) => page.getByTestId("span-row");

test("a trace is opened by its id, its proxies fold and open, and a span tells all it knows", async () => {
  const trace = await oneTrace();
  const page = await openPage(browser, `${mesh.url}/traces/${trace.trace_id}`);
  const rows = rowsOf(page);
  await rows.first().waitFor();
  assert.equal(await page.getByTestId("fact-spans").innerText(), String(trace.span_count));
  assert.ok((await rows.count()) < trace.spans.length, "proxies are folded");

  await page.getByTestId("all-proxies").click();
  const allRows = await page.getByTestId("waterfall").getAttribute("aria-rowcount");
  assert.equal(Number(allRows), trace.spans.length, "every span has a row");
  await page.getByTestId("all-proxies").click();
  await page.getByTestId("hop-proxies").first().click();
  await eventually("the proxies of one hop are shown", async () => {
    const count = Number(await page.getByTestId("waterfall").getAttribute("aria-rowcount"));
    return count > 0 && count < trace.spans.length && (await page.getByTestId("hop-proxies").first().getAttribute("aria-pressed")) === "true";
  });

  const orders = trace.spans.find((span) => span.service === "orders" && !span.is_proxy && span.kind === "SERVER");
  await page.locator(`[data-testid="span-row"][data-span-id="${orders.span_id}"]`).click();
  const details = page.getByTestId("span-details");
  await details.waitFor();
  assert.equal(await details.getByTestId("details-name").innerText(), orders.name);
  const [key, value] = Object.entries(orders.attributes)[0];
  await details.getByTestId("filter-attributes").fill(`${key}=`);
  await details.locator(`[data-testid="attribute"][data-key="${key}"]`).waitFor();
  assert.ok((await details.innerText()).includes(value));
  const search = await details.getByTestId("search-value").first().getAttribute("href");
  assert.ok(new URL(search, mesh.url).searchParams.get("q").startsWith(key), search);
  const route = new URL(await details.getByTestId("show-route").getAttribute("href"), mesh.url);
  assert.equal(route.pathname, "/services/orders");
  assert.equal(route.searchParams.get("route"), `${orders.method} ${orders.route}`);

  const again = await openPage(browser, page.url());
  await again.getByTestId("span-details").waitFor();
  assert.equal(await again.getByTestId("details-name").innerText(), orders.name, "a link shows the same span");
  await again.context().close();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the keyboard alone moves, closes, finds and opens", async () => {
  const trace = await oneTrace();
  const page = await openPage(browser, `${mesh.url}/traces/${trace.trace_id}`);
  const rows = rowsOf(page);
  await rows.first().waitFor();
  const tree = page.getByTestId("waterfall");
  const count = async () => Number(await tree.getAttribute("aria-rowcount"));
  const folded = await count();
  await tree.focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowLeft");
  await eventually("the first row is closed", async () => (await count()) < folded);
  await page.keyboard.press("ArrowRight");
  await eventually("and open again", async () => (await count()) === folded);
  await page.keyboard.press("ArrowDown");
  const active = async () => page.locator(".span-row.is-active").getAttribute("data-span-id");
  const second = await active();
  assert.equal(second, await rows.nth(1).getAttribute("data-span-id"));
  await page.keyboard.press("Enter");
  await page.getByTestId("span-details").waitFor();
  assert.ok(page.url().includes(`select=${second}`));
  await page.keyboard.press("Escape");
  await eventually("the details are closed", async () => (await page.getByTestId("span-details").count()) === 0);

  await page.keyboard.press("/");
  await page.keyboard.type("orders");
  await eventually("hits are counted", async () => /\d+\s(hits|of)/.test(await page.getByTestId("hits").innerText()));
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  const hit = await eventually("the keyboard is on a hit", active);
  await page.keyboard.press("n");
  await eventually("and on the next", async () => (await active()) !== hit);
  assert.ok(page.url().includes("find=orders"));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("each view of a trace has an address, and the browser's way back leads through them", async () => {
  const trace = await oneTrace();
  const page = await openPage(browser, `${mesh.url}/traces/${trace.trace_id}`);
  await rowsOf(page).first().waitFor();
  const shown = { flame: "flame", operations: "operations", path: "service-path", logs: "trace-logs" };
  for (const [view, element] of Object.entries(shown)) {
    await page.getByTestId(`view-${view}`).click();
    await page.getByTestId(element).first().waitFor();
    assert.ok(page.url().includes(`view=${view}`));
    const again = await openPage(browser, page.url());
    await again.getByTestId(element).first().waitFor();
    await again.context().close();
  }
  assert.equal(await page.getByTestId("log-line").count(), trace.logs.length);
  await page.goBack();
  await page.getByTestId("service-path").waitFor();
  const nodes = await page.getByTestId("path-node").evaluateAll((nodes) => nodes.map((node) => node.dataset.nodeId).sort());
  const ends = new Set(trace.calls.flatMap((call) => [call.source, call.target]));
  assert.deepEqual(nodes, [...ends].sort());
  await page.goBack();
  await page.getByTestId("operations").waitFor();
  await page.getByTestId("sort-count").first().click();
  assert.ok(page.url().includes("sort=-count"));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("what is no trace says so, and what to do", async () => {
  for (const id of ["f".repeat(32), "no-id-at-all"]) {
    const page = await openPage(browser, `${mesh.url}/services`);
    await page.goto(`${mesh.url}/traces/${id}`);
    const missing = page.getByTestId("trace-missing");
    await missing.waitFor();
    const advice = await missing.locator("li").first().innerText();
    assert.match(advice, id.startsWith("f") ? /asks again/ : /32 hexadecimal digits/);
    await page.context().close();
  }
});

/** Ten thousand spans: one root, a thousand calls, nine spans each. */
const manySpans = (traceId, startNs) => {
  const attributes = (service) => [{ key: "service.name", value: { stringValue: service } }];
  const id = (at) => (at + 1).toString(16).padStart(16, "0");
  const spans = Array.from({ length: SPAN_COUNT }, (_, at) => {
    const first = at - ((at - 1) % 9);
    const parent = at === 0 ? undefined : first === at ? 0 : first;
    const start = startNs + BigInt(at) * 10_000n;
    const end = at === 0 ? startNs + 200_000_000n : start + 50_000n;
    return {
      traceId,
      spanId: id(at),
      ...(parent === undefined ? {} : { parentSpanId: id(parent) }),
      name: `operation ${at}`,
      kind: 1,
      startTimeUnixNano: String(start),
      endTimeUnixNano: String(end),
    };
  });
  return { resourceSpans: [{ resource: { attributes: attributes("bulk") }, scopeSpans: [{ spans }] }] };
};

test("ten thousand spans scroll with few rows in the page", async () => {
  const traceId = "5ca1ab1e".repeat(4);
  const body = JSON.stringify(manySpans(traceId, BigInt(Date.now() - 5_000) * 1_000_000n));
  const sent = await fetch(`${mesh.otlpHttp}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  assert.ok(sent.ok, `the spans are taken: ${sent.status}`);
  await eventually("every span is stored", async () => {
    const { trace } = await ask(`/traces/${traceId}`);
    return trace.span_count === SPAN_COUNT;
  });
  const page = await openPage(browser, `${mesh.url}/traces/${traceId}`);
  const rows = rowsOf(page);
  await rows.first().waitFor();
  const tree = page.getByTestId("waterfall");
  assert.equal(Number(await tree.getAttribute("aria-rowcount")), SPAN_COUNT);
  const height = await tree.evaluate((tree) => tree.scrollHeight);
  for (const share of [0.1, 0.5, 0.25, 0.9, 1]) {
    await tree.evaluate((tree, top) => (tree.scrollTop = top), Math.round(height * share));
    await eventually("rows are drawn where it was scrolled to", async () =>
      tree.evaluate((tree) => {
        const seen = tree.getBoundingClientRect();
        const rows = [...tree.querySelectorAll('[data-testid="span-row"]')].map((row) => row.getBoundingClientRect());
        return rows.some((row) => row.top <= seen.top + 1) && rows.some((row) => row.bottom >= seen.bottom - 30);
      }),
    );
    assert.ok((await rows.count()) < MOST_ROWS, `${await rows.count()} rows are in the page`);
  }
  await page.goto(`${mesh.url}/traces/${traceId}?find=operation+8765&select=${(8766).toString(16).padStart(16, "0")}`);
  await page.getByTestId("span-details").waitFor();
  await page.locator(".span-row.is-selected").waitFor();
  assert.match(await page.getByTestId("hits").innerText(), /1/);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
