// The dashboard on the demo mesh, as a person uses it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually, openPage, startBrowser, startMesh } from "./support.mjs";

const EDGES = [
  ["client", "gateway"],
  ["gateway", "web"],
  ["web", "orders"],
  ["web", "users"],
  ["web", "catalog"],
  ["catalog", "legacy"],
  ["catalog", "recommendations"],
  ["orders", "payments"],
  ["orders", "inventory"],
  ["orders", "shop"],
  ["orders", "order-events"],
  ["order-events", "shipping"],
  ["users", "redis"],
  ["payments", "bank.example"],
  ["shipping", "users"],
];

/** `service:web@v1` is web. */
const nameOf = (nodeId) => nodeId.slice(nodeId.indexOf(":") + 1).split("@")[0];
const key = ([source, target]) => `${source} → ${target}`;
const edgeKey = (edgeId) => key(edgeId.replace(/\/messaging$/, "").split("→").map(nameOf));

let mesh;
let browser;

before(async () => {
  mesh = await startMesh("--rate", "15", "--seed", "3");
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  const truth = await mesh?.stop();
  if (truth) {
    const happened = new Set(truth.edges.map((edge) => key([edge.source, edge.target])));
    assert.deepEqual([...happened].sort(), EDGES.map(key).sort(), "these tests know the mesh's edges");
  }
});

const edgesOn = async (page) => {
  const ids = await page.getByTestId("edge").evaluateAll((edges) => edges.map((edge) => edge.dataset.edgeId));
  return [...new Set(ids.map(edgeKey))].sort();
};

const requestsOf = async (page, name) => {
  const node = page.locator(`[data-testid="node"][data-node-id$=":${name}"]`).first();
  return Number(await node.getAttribute("data-requests"));
};

test("the map shows every service and every edge of the mesh, and moves with its traffic", async () => {
  const page = await openPage(browser, mesh.url);
  const wanted = EDGES.map(key).sort();
  await eventually("every edge is on the map", async () => {
    const shown = await edgesOn(page);
    return wanted.every((edge) => shown.includes(edge));
  });
  assert.deepEqual(await edgesOn(page), wanted);
  const before = await requestsOf(page, "web");
  await eventually("the numbers move", async () => (await requestsOf(page, "web")) > before + 10);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a click on a box or a label opens its numbers by evidence", async () => {
  const page = await openPage(browser, mesh.url);
  await page.locator('[data-testid="node"][data-node-id="service:orders"]').click();
  const panel = page.getByTestId("panel");
  await panel.waitFor();
  const text = await eventually("the panel names both sources", async () => {
    const text = (await panel.innerText()).toLowerCase();
    return text.includes("orders") && text.includes("envoy") && text.includes("trace") && text;
  });
  assert.match(text, /p99/);
  assert.match(page.url(), /select=/, "the selection is in the address");
  const again = await openPage(browser, page.url());
  await again.getByTestId("panel").waitFor();
  await again.context().close();

  const dead = '[data-testid="edge-label"][data-edge-id="service:catalog→external:legacy"]';
  await page.locator(dead).click();
  await eventually("the panel shows the dead upstream", async () => {
    const text = (await panel.innerText()).toLowerCase();
    return text.includes("legacy") && text.includes("100");
  });
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("boxes stay where they are while numbers change", async () => {
  const page = await openPage(browser, mesh.url);
  await eventually("every edge is on the map", async () => (await edgesOn(page)).length === EDGES.length);
  const places = () =>
    page.getByTestId("node").evaluateAll((nodes) => nodes.map((node) => [node.dataset.nodeId, node.getAttribute("transform")]));
  const [before, requests] = [await places(), await requestsOf(page, "web")];
  await eventually("numbers change", async () => (await requestsOf(page, "web")) > requests + 5);
  assert.deepEqual(await places(), before);
  await page.context().close();
});

test("versions become boxes of their own", async () => {
  const page = await openPage(browser, `${mesh.url}/?group=version`);
  for (const version of ["v1", "v2"]) {
    await page.locator(`[data-testid="node"][data-node-id="service:orders@${version}"]`).waitFor();
  }
  await page.context().close();
});

test("search finds a service by the keyboard, and the services table sorts", async () => {
  const page = await openPage(browser, mesh.url);
  await page.getByTestId("node").first().waitFor();
  await page.keyboard.press("/");
  await page.getByTestId("search-input").fill("payments");
  await page.getByTestId("search-result").first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("nav-services").click();
  await page.getByTestId("service-row").first().waitFor();
  await eventually("a service and a database are listed", async () => {
    const names = await page.getByTestId("service-row").evaluateAll((rows) => rows.map((row) => row.dataset.nodeId));
    return names.includes("service:orders") && names.includes("database:shop");
  });
  await page.getByTestId("nav-sources").click();
  const groups = page.getByTestId("source-group");
  await eventually("sources stand in groups", async () => (await groups.count()) >= 2);
  assert.match(await groups.first().innerText(), /OTLP/);
  await page.getByTestId("all-sources").click();
  await eventually("ten proxies and two listeners are listed", async () => (await page.getByTestId("source").count()) >= 12);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("both themes and a narrow window show the whole map", async () => {
  for (const [theme, width] of [["light", 1440], ["dark", 1440], ["light", 800], ["dark", 800]]) {
    const page = await openPage(browser, mesh.url, { width, theme });
    await eventually("every edge is on the map", async () => (await edgesOn(page)).length === EDGES.length);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(overflow <= 0, `${theme}, ${width} pixels wide: the page is ${overflow} pixels too wide`);
    if (process.env.SIDECARTA_SCREENSHOTS) {
      await page.screenshot({ path: `${process.env.SIDECARTA_SCREENSHOTS}/map-${theme}-${width}.png` });
    }
    await page.context().close();
  }
});
