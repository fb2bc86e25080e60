// The Envoys of the demo mesh in the dashboard, as a person looks through what they count.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually, openPage, startBrowser, startMesh } from "./support.mjs";

/** One Envoy before every workload, and the gateway. */
const SERVICES = ["catalog", "gateway", "inventory", "orders", "payments", "recommendations", "shipping", "users", "web"];
const PROXY_COUNT = 10;

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

test("a person goes from all proxies to one, to a part, to a statistic in words, and to its service", async () => {
  const page = await openPage(browser, mesh.url);
  await page.getByTestId("nav-proxies").click();
  const rows = page.getByTestId("proxy-row");
  await eventually("every proxy is listed", async () => (await rows.count()) === PROXY_COUNT);
  const services = await rows.evaluateAll((rows) => rows.map((row) => row.querySelector("td").innerText));
  assert.deepEqual([...new Set(services)].sort(), SERVICES);
  assert.ok(!(await page.getByTestId("proxies-table").innerText()).includes("Not reporting"));

  await page.getByTestId("find").fill("web");
  const web = page.locator('[data-testid="proxy-row"]', { hasText: "web" }).first();
  await eventually("the search narrows the table down", async () => (await rows.count()) < PROXY_COUNT);
  const id = await web.getAttribute("data-proxy-id");
  await web.locator("th a").click();
  await page.getByTestId("proxy-id").waitFor();
  assert.equal(await page.getByTestId("proxy-id").innerText(), id);

  const orders = page.locator('[data-testid="part"][data-part^="cluster:"]', { hasText: "orders" }).first();
  const toggle = orders.getByRole("button");
  await toggle.focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("part-body").waitFor();
  assert.equal(await toggle.getAttribute("aria-expanded"), "true");
  await eventually("the successes stand there in words, with their name in Envoy", async () => {
    const words = await page.getByTestId("part-body").innerText();
    return words.includes("Final answers of class 2xx") && words.includes("upstream_rq_2xx");
  });
  const again = await openPage(browser, page.url());
  await again.getByTestId("part-body").waitFor();
  await again.context().close();

  await page.getByTestId("proxy-service").click();
  await eventually("the service names its proxy", async () => {
    const ids = await page.getByTestId("proxy-row").evaluateAll((rows) => rows.map((row) => row.dataset.proxyId));
    return ids.includes(id);
  });
  assert.equal(await page.getByTestId("service-name").innerText(), "web");
  await eventually("the routes of the service are told", async () => {
    const routes = await page.getByTestId("route-row").allInnerTexts();
    return routes.some((route) => route.includes("POST /orders")) && routes.some((route) => route.includes("{id}"));
  });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the panel of an edge with retries says what the callers' proxies count of them", async () => {
  const page = await openPage(browser, mesh.url);
  const edges = await eventually("an edge has retries", async () => {
    const answer = await fetch(`${mesh.url}/api/v1/graph`);
    const { graph } = await answer.json();
    const retried = graph.edges.filter((edge) => edge.evidence.some((one) => one.source === "envoy" && one.retries > 0));
    return retried.length > 0 && retried;
  });
  await page.goto(`${mesh.url}/?select=${encodeURIComponent(edges[0].id)}`);
  const counted = page.getByTestId("edge-statistics");
  await counted.waitFor();
  await eventually("retries stand there in words", async () => {
    const text = await counted.innerText();
    return text.includes("Retries sent") && text.includes("upstream_rq_retry");
  });
  const state = await counted.getByTestId("edge-state").innerText();
  assert.match(state, /\d+ of \d+\s+hosts? healthy/);
  assert.match(state, /Breakers closed|breakers? open/);
  const topics = await counted.locator("section").evaluateAll((topics) =>
    topics.map((topic) => [...topic.querySelectorAll("li")].map((row) => row.dataset.bad === "true")),
  );
  for (const flags of topics) {
    assert.deepEqual(flags, [...flags].sort((a, b) => b - a), "the bad ones of a topic come first");
  }
  await counted.getByTestId("edge-proxy").first().click();
  await page.getByTestId("proxy-id").waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
