// What AWS has of the demo mesh in the dashboard: some services tell their spans to X-Ray alone, and ECS counts an edge.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually, openPage, startBrowser, startMesh } from "./support.mjs";

/** Edges with what tells of them in AWS: segments by UDP, X-Ray, lines of aws/spans, CloudWatch's metrics. */
const TOLD = [
  ["service:payments→external:bank.example", "xray"],
  ["service:users→database:redis", "xray"],
  ["service:catalog→service:recommendations", "xray"],
  ["service:orders→service:inventory", "cloudwatch"],
];

let mesh;
let browser;

before(async () => {
  mesh = await startMesh("--rate", "15", "--seed", "3", "--xray");
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await mesh?.stop();
});

test("edges that AWS tells of stand on the map with their evidence", async () => {
  await eventually("every kind of evidence is on the graph", async () => {
    const { graph } = await (await fetch(`${mesh.url}/api/v1/graph`)).json();
    const evidence = (id) => graph.edges.find((edge) => edge.id === id)?.evidence.map((one) => one.source) ?? [];
    return TOLD.every(([id, source]) => evidence(id).includes(source));
  });
  const page = await openPage(browser, `${mesh.url}/?select=${encodeURIComponent(TOLD[1][0])}`);
  const panel = page.getByTestId("panel");
  await panel.waitFor();
  await eventually("the panel names X-Ray", async () => (await panel.innerText()).includes("X-Ray"));
  await page.goto(`${mesh.url}/?select=${encodeURIComponent(TOLD[3][0])}`);
  await eventually("the panel names CloudWatch", async () => (await panel.innerText()).includes("CloudWatch"));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the sources say what AWS is asked and what that costs", async () => {
  const page = await openPage(browser, `${mesh.url}/sources`);
  const cards = page.locator('[data-testid="source-group"]', { hasText: "AWS" }).first();
  await eventually("each account and region is told, with its calls and their price", async () => {
    const text = await cards.innerText();
    return ["eu-west-1", "us-east-1", "GetTraceSummaries", "$"].every((words) => text.includes(words));
  });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
