// Two versions of a service side by side, as a person asks whether the new one may stay.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PATIENCE_MS, eventually, openPage, startBrowser, startMesh } from "./support.mjs";

let mesh;
let browser;

before(async () => {
  // The second version of `orders` is slow and fails often, and gets one request in ten.
  mesh = await startMesh("--rate", "40", "--seed", "5");
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await mesh?.stop();
});

const resultOn = (page) => page.getByTestId("verdict").getAttribute("data-result");

/** The new version has one request in ten of one service, and it takes some to be sure. */
const untilFailing = (page) =>
  eventually("the new version fails", async () => (await resultOn(page)) === "Fail", 3 * PATIENCE_MS);


test("a person finds the rollout, sees that it fails, where, and how sure that is", async () => {
  const page = await openPage(browser, mesh.url);
  await page.getByTestId("nav-canary").click();
  const rollout = page.getByTestId("rollout").filter({ hasText: "orders" });
  await rollout.waitFor();
  assert.match(await rollout.innerText(), /v2 against v1/);
  await rollout.click();
  assert.match(page.url(), /\/canary\?service=orders&old=v1&new=v2/);
  await untilFailing(page);
  const summary = await page.getByTestId("summary").innerText();
  assert.match(summary, /^v2 .* than v1/);
  assert.match(await page.getByTestId("split").innerText(), /10\s?% configured/);
  await eventually("the routes are listed", async () => (await page.getByTestId("canary-route").count()) >= 2);
  assert.equal(await page.getByTestId("guard-split").getAttribute("data-found"), "false");
  assert.ok((await page.locator(".interval .unrefuted").first().getAttribute("points")).split(" ").length > 3);

  const again = await openPage(browser, page.url());
  await eventually("the address shows the same again", async () => (await resultOn(again)) === "Fail");
  await again.context().close();

  await page.getByTestId("route-traces").first().click();
  await page.getByTestId("comparison").waitFor();
  assert.match(page.url(), /selection=service%3Dorders\+version%3Dv2/);
  await page.goBack();
  await eventually("back at the verdict", async () => (await resultOn(page)) === "Fail");
  await page.context().close();
});

test("the old version is not worse than the new one, and margins are part of the address", async () => {
  const page = await openPage(browser, `${mesh.url}/canary?service=orders&old=v1&new=v2`);
  await untilFailing(page);
  await page.getByRole("button", { name: "Swap the versions" }).click();
  assert.match(page.url(), /old=v2&new=v1/);
  await eventually("the old version does not fail", async () => ["Pass", "Not decided"].includes(await resultOn(page)));
  await page.getByTestId("pick-margin").selectOption("2");
  assert.match(page.url(), /margin=2/);
  await eventually("the margin is the one that was chosen", async () =>
    /margin of \+2 points/.test(await page.getByTestId("check-errors").innerText()),
  );
  await page.context().close();
});

test("a version that nobody has seen is told as such", async () => {
  const page = await openPage(browser, `${mesh.url}/canary?service=orders&old=v1&new=v9`);
  await eventually("there is no verdict", async () => (await resultOn(page)) === "Not decided");
  assert.match(await page.getByTestId("summary").innerText(), /^v9 had no requests yet/);
  await page.context().close();
});

test("a rollout is watched, its verdicts stay, and it ends when told to", async () => {
  const page = await openPage(browser, `${mesh.url}/canary?service=orders&old=v1&new=v2`);
  await untilFailing(page);
  await page.getByTestId("begin-watch").click();
  await page.getByTestId("watch-head").waitFor();
  assert.match(page.url(), /\/canary\?watch=[0-9a-f]+$/);
  const tick = page.getByTestId("verdict-tick").first();
  await tick.waitFor();
  await eventually("its first verdict is shown", async () => (await resultOn(page)) === "Fail");
  assert.match(await tick.getAttribute("aria-label"), /Fail: v2 /);
  await tick.click();
  assert.match(page.url(), /&at=20/);
  const again = await openPage(browser, page.url());
  await eventually("the address shows the same again", async () => (await resultOn(again)) === "Fail");
  await again.context().close();

  await page.getByTestId("end-watch").click();
  await eventually("it has ended", async () => (await page.getByTestId("end-watch").count()) === 0);
  await page.getByTestId("nav-canary").click();
  const row = page.getByTestId("watch").filter({ hasText: "orders" });
  await row.waitFor();
  assert.match(await row.innerText(), /v2 against v1[^]*Fail, ended/);
  await row.click();
  await eventually("the list leads back to it", async () => (await resultOn(page)) === "Fail");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

/** Calls to both versions of a service in the last five minutes, along so many routes. */
async function sendCalls(service, routes) {
  const text = (key, value) => ({ key, value: { stringValue: value } });
  const resource = (...pairs) => ({ attributes: pairs.map(([key, value]) => text(key, value)) });
  const begin = BigInt(Date.now() - 300_000) * 1_000_000n;
  const each = 60;
  // Numbers would be taken for ids, and all routes for one.
  const name = (route) => [26, 1].map((unit) => String.fromCharCode(97 + (Math.floor(route / unit) % 26))).join("");
  for (let route = 0; route < routes; route += 1) {
    const byVersion = ["v1", "v2"].map((version, side) => {
      const calls = Array.from({ length: each }, (_, call) => {
        const id = (kind) => `${kind}${side}${String(route).padStart(6, "0")}${String(call).padStart(8, "0")}`;
        const traceId = service.length.toString(16).padStart(16, "0") + id("1").slice(0, 16);
        const start = begin + BigInt(Math.floor(((call + side / 2) * 280_000) / each)) * 1_000_000n;
        const tookMs = 10 + ((call * 37 + route) % 40) * (side ? 1.3 : 1);
        const span = (spanId, kind, more) => ({
          traceId, spanId, kind, name: `GET /kinds/${name(route)}`, startTimeUnixNano: `${start}`,
          endTimeUnixNano: `${start + BigInt(Math.round(tookMs * 1e6))}`,
          attributes: [text("http.request.method", "GET"), text("http.route", `/kinds/${name(route)}`)],
          status: side && route % 9 === 0 && call % 3 === 0 ? { code: 2 } : {}, ...more,
        });
        return [span(id("2"), 3), span(id("3"), 2, { parentSpanId: id("2") })];
      });
      return [
        { resource: resource(["service.name", "shelf"]), scopeSpans: [{ spans: calls.map(([call]) => call) }] },
        {
          resource: resource(["service.name", service], ["service.version", version]),
          scopeSpans: [{ spans: calls.map(([, answer]) => answer) }],
        },
      ];
    });
    const answer = await fetch(`${mesh.otlpHttp}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ resourceSpans: byVersion.flat() }),
    });
    assert.equal(answer.status, 200, await answer.text());
  }
}

test("two hundred routes are folded until asked for, and one route has no table to get lost in", async () => {
  await sendCalls("catalogue", 200);
  await sendCalls("ledger", 1);
  for (const [service, routes] of [["catalogue", 200], ["ledger", 1]]) {
    for (const [theme, width] of [["light", 1440], ["dark", 390]]) {
      const page = await openPage(browser, `${mesh.url}/canary?service=${service}&old=v1&new=v2`, { theme, width });
      const rows = page.getByTestId("canary-route");
      if (routes > 12) {
        const more = page.getByTestId("all-routes");
        await eventually("every route is judged", async () => /188.routes/.test(await more.innerText()));
        assert.equal(await rows.count(), 12);
        assert.equal(await resultOn(page), "Fail");
        await more.click();
      }
      await eventually("all routes are shown", async () => (await rows.count()) === routes);
      await page.getByTestId("canary-latency").waitFor();
      assert.ok((await page.locator(".latency-shares .new").getAttribute("points")).split(" ").length > 10);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${service}, ${theme}, ${width} pixels wide: the page is ${overflow} pixels too wide`);
      if (process.env.SIDECARTA_SCREENSHOTS) {
        const path = `${process.env.SIDECARTA_SCREENSHOTS}/canary-${routes}-${theme}-${width}.png`;
        await page.screenshot({ path, fullPage: true });
      }
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    }
  }
});

const watches = async () => (await (await fetch(`${mesh.url}/api/v1/watches`)).json()).watches;

test("the page fits every width and theme", async () => {
  for (const [name, path, sign] of [
    ["canary", "/canary?service=orders&old=v1&new=v2", "canary-routes"],
    ["canary-rollouts", "/canary", "rollouts"],
    ["canary-unseen", "/canary?service=orders&old=v1&new=v9", "verdict"],
    ["canary-watch", `/canary?watch=${(await watches())[0].id}`, "verdict"],
  ]) {
    for (const [theme, width] of [["light", 1440], ["dark", 1440], ["light", 390], ["dark", 390]]) {
      const page = await openPage(browser, `${mesh.url}${path}`, { theme, width });
      await page.getByTestId(sign).waitFor();
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${name}, ${theme}, ${width} pixels wide: the page is ${overflow} pixels too wide`);
      if (process.env.SIDECARTA_SCREENSHOTS) {
        const path = `${process.env.SIDECARTA_SCREENSHOTS}/${name}-${theme}-${width}.png`;
        await page.screenshot({ path, fullPage: true });
      }
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    }
  }
});
