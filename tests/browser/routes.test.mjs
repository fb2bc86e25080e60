// The routes of a service and its charts, as a person looks for what is slow.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually, openPage, startBrowser, startMesh } from "./support.mjs";

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

const routesOn = (page) => page.getByTestId("route-row").evaluateAll((rows) => rows.map((row) => row.dataset.route));
const headsOn = (page) => page.getByTestId("routes").locator("thead th").allInnerTexts();

/** Opens the same address in another tab and gives what `look` sees there. */
async function reopened(page, look) {
  const again = await openPage(browser, page.url());
  try {
    return await look(again);
  } finally {
    await again.context().close();
  }
}

test("the routes are sorted, searched, and shown in the columns that a person chooses", async () => {
  const page = await openPage(browser, `${mesh.url}/services/orders`);
  await eventually("both routes of orders are told", async () => {
    const routes = await routesOn(page);
    return routes.includes("POST /orders") && routes.includes("GET /orders/{id}");
  });
  await page.getByTestId("sort-route").click();
  assert.match(page.url(), /sort=route/);
  await eventually("the routes stand in their order", async () => {
    const routes = await routesOn(page);
    return routes.length > 1 && routes.every((route, index) => index === 0 || routes[index - 1] <= route);
  });
  await page.getByTestId("find").fill("post");
  await eventually("only what was searched for is left", async () => {
    const routes = await routesOn(page);
    return routes.length > 0 && routes.every((route) => route.startsWith("POST"));
  });

  assert.ok(!(await headsOn(page)).includes("Flags"));
  await page.getByTestId("columns").click();
  await page.getByTestId("column-flags").click();
  await page.getByTestId("column-version").click();
  await page.keyboard.press("Escape");
  await eventually("the columns are those that were chosen", async () => {
    const heads = await headsOn(page);
    return heads.includes("Flags") && !heads.includes("Version");
  });
  const heads = await headsOn(page);
  await reopened(page, (again) =>
    eventually("another tab shows the same rows and columns", async () => {
      const routes = await routesOn(again);
      return routes.length > 0 && routes.every((route) => route.startsWith("POST")) && (await headsOn(again)).join() === heads.join();
    }),
  );
  await page.getByTestId("by-caller").click();
  await eventually("the rows name their callers", async () => (await headsOn(page)).includes("Caller"));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("from the map to an edge, its routes, a part of the heat map and the traces behind it", async () => {
  const page = await openPage(browser, `${mesh.url}/?select=${encodeURIComponent("service:web→service:orders")}`);
  await page.getByTestId("edge-traces").waitFor();
  assert.match(await page.getByTestId("edge-traces").getAttribute("href"), /^\/traces\?q=edge%28web%2C\+orders%29/);
  await page.getByTestId("edge-routes").click();
  const chosen = page.getByTestId("chosen-route");
  await chosen.waitFor();
  assert.match(await chosen.innerText(), /called by web/);

  await page.locator('[data-testid="route-row"][data-route="POST /orders"]').first().click();
  await eventually("the charts speak of the route", async () => (await chosen.innerText()).includes("POST /orders"));
  const heat = page.getByTestId("heat-map");
  await eventually("something was counted", async () => (await heat.locator(".cell").count()) > 0);
  // The newest steps, whatever their durations.
  await heat.scrollIntoViewIfNeeded();
  const box = await heat.boundingBox();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 42, box.y + box.height - 60, { steps: 5 });
  await page.mouse.up();
  const count = page.getByTestId("selection-count");
  await eventually("the selection holds requests", async () => /[1-9]/.test(await count.innerText()));
  assert.match(page.url(), /sel=/);
  await reopened(page, (again) =>
    eventually("another tab shows the same selection", async () =>
      /[1-9]/.test(await again.getByTestId("selection-count").innerText()) &&
      (await again.getByTestId("chosen-route").innerText()).includes("POST /orders"),
    ),
  );

  const link = new URL(await page.getByTestId("show-traces").getAttribute("href"), mesh.url);
  assert.match(link.searchParams.get("q"), /^edge\(web, orders\).* route="POST \/orders" duration>=[\d.]+ms/);
  assert.match(link.searchParams.get("from"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const compare = new URL(await page.getByTestId("compare-traces").getAttribute("href"), mesh.url);
  assert.equal(compare.searchParams.get("selection"), link.searchParams.get("q"));
  assert.match(compare.searchParams.get("baseline"), / not \(duration>=/);

  const here = page.url();
  await page.getByTestId("show-traces").click();
  const isSearch = (url) => url.pathname === "/traces" && url.searchParams.get("q") === link.searchParams.get("q");
  await page.waitForURL(isSearch);
  const row = page.getByTestId("trace-row").first();
  await row.waitFor();
  const id = await row.getAttribute("data-trace-id");
  await reopened(page, (again) => again.locator(`[data-testid="trace-row"][data-trace-id="${id}"]`).waitFor());
  await row.click();
  await page.waitForURL((url) => url.pathname === `/traces/${id}`);
  await page.getByTestId("span-row").first().waitFor();
  const spans = await page.getByTestId("fact-spans").innerText();
  await reopened(page, async (again) => {
    await again.getByTestId("span-row").first().waitFor();
    assert.equal(await again.getByTestId("fact-spans").innerText(), spans);
  });
  await page.goBack();
  await page.waitForURL(isSearch);
  await row.waitFor();
  await page.goBack();
  await page.waitForURL(here);
  await count.waitFor();
  await page.getByTestId("clear-selection").click();
  await count.waitFor({ state: "detached" });
  await page.getByTestId("all-routes").click();
  await chosen.waitFor({ state: "detached" });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("every chart has a table behind it, and the keyboard chooses as the pointer does", async () => {
  const page = await openPage(browser, `${mesh.url}/services/orders`);
  await page.getByTestId("heat-map").waitFor();
  await page.getByTestId("distribution").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Shift+End");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  await page.getByTestId("selection").waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("selection").waitFor({ state: "detached" });
  for (const chart of ["requests", "failures", "latency", "heat", "distribution"]) {
    await page.getByTestId(`chart-${chart}`).getByTestId("chart-table").click();
    await page.getByTestId(`chart-${chart}`).locator("table tbody tr").first().waitFor();
  }
  await reopened(page, async (again) => {
    await again.getByTestId("chart-latency").locator("table tbody tr").first().waitFor();
  });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the page of a service fits both themes and a phone", async () => {
  for (const [theme, width] of [["light", 1440], ["dark", 1440], ["light", 390], ["dark", 390]]) {
    const page = await openPage(browser, `${mesh.url}/services/orders`, { width, theme });
    await page.getByTestId("heat-map").waitFor();
    await page.getByTestId("route-row").first().waitFor();
    const overflow = await page.evaluate(() => {
      const main = document.getElementById("main");
      return main.scrollWidth - main.clientWidth;
    });
    assert.ok(overflow <= 0, `${theme}, ${width} pixels wide: the page is ${overflow} pixels too wide`);
    if (process.env.SIDECARTA_SCREENSHOTS) {
      await page.screenshot({ path: `${process.env.SIDECARTA_SCREENSHOTS}/service-${theme}-${width}.png` });
    }
    await page.context().close();
  }
});
