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

test("the page fits every width and theme", async () => {
  for (const [name, path, sign] of [
    ["canary", "/canary?service=orders&old=v1&new=v2", "canary-routes"],
    ["canary-rollouts", "/canary", "rollouts"],
    ["canary-unseen", "/canary?service=orders&old=v1&new=v9", "verdict"],
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
