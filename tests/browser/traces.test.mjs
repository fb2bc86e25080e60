// The search for traces and the comparison of two sets of them, as a person looks for what is slow or fails.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { eventually, openPage, startBrowser, startMesh } from "./support.mjs";

let mesh;
let browser;

before(async () => {
  mesh = await startMesh("--rate", "15", "--seed", "3");
  browser = await startBrowser();
  await eventually("traces through orders are found in a range that has ended, failed ones among all", async () => {
    const [orders, failed] = [await ask("service=orders", `limit=200&${fixed()}`), await ask("error")];
    return orders.length >= 10 && failed.length > 0;
  });
});

after(async () => {
  await browser?.close();
  await mesh?.stop();
});

const ask = async (query, parameters = "limit=200") => {
  const answer = await fetch(`${mesh.url}/api/v1/traces?q=${encodeURIComponent(query)}&${parameters}`);
  assert.ok(answer.ok, `${query}: ${answer.status}`);
  return (await answer.json()).traces;
};

const queryOf = (page) => new URL(page.url()).searchParams.get("q") ?? "";
const rowsOf = (page) => page.getByTestId("trace-row");
const idsOf = (page) => rowsOf(page).evaluateAll((rows) => rows.map((row) => row.dataset.traceId));
const offersOf = (page) => page.getByTestId("offer").locator("code").allInnerTexts();

/** Searches for a text as a person types it. */
async function search(page, query) {
  const field = page.getByTestId("query");
  await field.fill(query);
  await field.press("Enter");
  await eventually("the query is in the address", () => queryOf(page) === query);
}

/** Shows the traces of a range that has ended, so that both looks at it find the same. */
const fixed = () => {
  const time = (before) => encodeURIComponent(new Date(Date.now() - before).toISOString());
  return `from=${time(600_000)}&to=${time(5_000)}`;
};

test("a query is written with the keyboard and completed, and its link shows the same", async () => {
  const page = await openPage(browser, mesh.url);
  await page.getByTestId("nav-traces").click();
  await rowsOf(page).first().waitFor();
  const field = page.getByTestId("query");
  await field.click();
  await field.pressSequentially("serv");
  await eventually("a key is offered", async () => (await offersOf(page))[0] === "service=");
  await field.press("Tab");
  await eventually("the offer is taken", async () => (await field.inputValue()) === "service=");
  await field.pressSequentially("ord");
  await eventually("a value is offered", async () => (await offersOf(page))[0] === "orders");
  await field.press("ArrowDown");
  assert.match(await field.getAttribute("aria-activedescendant"), /^query-offer-0$/);
  await field.press("Enter");
  assert.equal(await field.inputValue(), "service=orders", "an offer that is chosen is taken, and not yet searched for");
  assert.equal(queryOf(page), "");
  await field.press("Escape");
  assert.equal(await field.getAttribute("aria-expanded"), "false");
  await field.press("Enter");
  await eventually("the query is in the address", () => queryOf(page) === "service=orders");
  await eventually("all that is found goes through orders", async () => {
    const services = await rowsOf(page).evaluateAll((rows) => rows.map((row) => row.querySelector(".badges").title));
    return services.length > 0 && services.every((names) => names.split(", ").includes("orders"));
  });

  await page.goto(`${mesh.url}/traces?q=service%3Dorders&order=slowest&${fixed()}`);
  await rowsOf(page).first().waitFor();
  const ids = await idsOf(page);
  const again = await openPage(browser, page.url());
  await rowsOf(again).first().waitFor();
  assert.deepEqual(await idsOf(again), ids);
  assert.equal(await again.getByTestId("query").inputValue(), "service=orders");
  await again.context().close();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("what cannot be understood is underlined where it stands, and said in words", async () => {
  const page = await openPage(browser, `${mesh.url}/traces`);
  await rowsOf(page).first().waitFor();
  await page.getByTestId("query").fill("service=orders duration>soon error");
  await page.getByTestId("query").press("Enter");
  await page.getByTestId("bad-query").waitFor();
  const words = await eventually("the field says what is wrong", async () => page.getByTestId("query-problem").innerText());
  assert.match(words, /duration/);
  assert.equal(await page.getByTestId("query-mark").innerText(), "soon");
  assert.equal(await page.getByTestId("query").getAttribute("aria-invalid"), "true");
  assert.doesNotMatch(await page.getByTestId("bad-query").innerText(), /[{}]/, "no JSON is shown to people");

  await search(page, "service=orders duration>1us");
  await rowsOf(page).first().waitFor();
  assert.equal(await page.getByTestId("query-mark").count(), 0);
  await page.goBack();
  await page.getByTestId("bad-query").waitFor();
  // The browser itself reports the refused search; nothing else may go wrong.
  assert.deepEqual(page.complaints.filter((words) => !words.includes("400")), []);
  await page.context().close();
});

test("buttons write conditions into the query and take them back", async () => {
  const page = await openPage(browser, `${mesh.url}/traces?q=service%3Dorders`);
  await rowsOf(page).first().waitFor();
  await page.getByTestId("only-errors").click();
  await eventually("errors are asked for", () => queryOf(page) === "service=orders error");
  await page.getByTestId("filter-duration").selectOption("10ms");
  await eventually("and slow ones", () => queryOf(page) === "service=orders error duration>=10ms");
  await page.getByTestId("only-errors").click();
  await page.getByTestId("filter-service").selectOption("web");
  await eventually("another service takes the place of the first", () => queryOf(page) === "duration>=10ms service=web");
  await page.goBack();
  await eventually("the way back is open", () => queryOf(page) === "service=orders duration>=10ms");

  await search(page, 'name="there is no such name"');
  await page.getByTestId("empty").waitFor();
  assert.match(await page.getByTestId("empty").innerText(), /looked through/);
  await page.getByTestId("drop-query").click();
  await rowsOf(page).first().waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("a trace is opened from a row, from a point and by its id in any form", async () => {
  const page = await openPage(browser, `${mesh.url}/traces?q=service%3Dorders`);
  await rowsOf(page).first().waitFor();
  const [id] = await idsOf(page);
  await rowsOf(page).first().click();
  await page.waitForURL(`**/traces/${id}*`);
  await page.goBack();
  await rowsOf(page).first().waitFor();
  assert.equal(queryOf(page), "service=orders");

  const point = page.getByTestId("point").first();
  const link = await point.getAttribute("href");
  await point.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), link, "arrows go there and back");
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === new URL(link, mesh.url).pathname);

  for (const text of [`00-${id}-00f067aa0ba902b7-01`, `1-${id.slice(0, 8)}-${id.slice(8)}`, id.toUpperCase()]) {
    await page.goto(`${mesh.url}/traces`);
    await page.getByTestId("query").fill(text);
    await page.getByTestId("query").press("Enter");
    await page.waitForURL(`**/traces/${id}*`);
  }
  await page.keyboard.press("Control+k");
  await page.getByTestId("search-input").fill(`Root=1-${id.slice(0, 8)}-${id.slice(8)};Sampled=1`);
  const found = page.getByTestId("search-result");
  await eventually("the search offers the trace alone", async () => (await found.allInnerTexts()).join().includes(id));
  assert.equal(await found.count(), 1);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/traces/${id}*`);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("an area of the chart becomes range and query, and nothing outside of it is found", async () => {
  const page = await openPage(browser, `${mesh.url}/traces?q=service%3Dorders&${fixed()}`);
  await page.getByTestId("point").first().waitFor();
  const all = await page.getByTestId("point").count();
  const box = await page.getByTestId("points").boundingBox();
  await page.mouse.move(box.x + box.width * 0.02, box.y + box.height * 0.02);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.3);
  // Past the edge, so that the latest are in it: on a young mesh all the points are there.
  await page.mouse.move(box.x + box.width + 10, box.y + box.height * 0.6);
  await page.mouse.up();
  await eventually("the query has bounds", () => /^service=orders duration>=\S+ duration<\S+$/.test(queryOf(page)));
  const [, low, high] = queryOf(page).match(/duration>=([\d.]+)ms duration<([\d.]+)ms/);
  const { searchParams } = new URL(page.url());
  const expected = await ask("service=orders", `limit=200&from=${searchParams.get("from")}&to=${searchParams.get("to")}`);
  const within = expected.filter(({ matched }) => matched.duration_ms >= Number(low) && matched.duration_ms < Number(high));
  assert.ok(within.length > 0, "the area holds something");
  await eventually("what is in the area is shown", async () => {
    const shown = await idsOf(page);
    return within.every(({ trace_id: id }) => shown.includes(id));
  });
  await page.goBack();
  await eventually("the whole chart is back", async () => (await page.getByTestId("point").count()) === all);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("where more is found than is shown, the older ones are a click away", async () => {
  const page = await openPage(browser, `${mesh.url}/traces?q=root`);
  // The first answer, so that those below are answers to the button.
  await rowsOf(page).first().waitFor();
  let newest = [];
  await eventually("there are more than are shown", async () => {
    const answered = page.waitForResponse((response) => response.url().includes("/api/v1/traces?"));
    await page.getByTestId("refresh").click();
    const { traces } = await (await answered).json();
    newest = traces.map((trace) => trace.trace_id);
    // What is shown must be this answer, for the older ones are older than its last.
    await eventually("the answer is shown", async () => String(await idsOf(page)) === String(newest));
    return page.getByTestId("older").isVisible();
  });
  await page.getByTestId("older").click();
  await eventually("others are shown", async () => {
    const older = await idsOf(page);
    return older.length > 0 && older.every((id) => !newest.includes(id));
  });
  assert.ok(Date.parse(new URL(page.url()).searchParams.get("to")) < Date.now());
  await page.goBack();
  await eventually("the newest are back", async () => (await idsOf(page)).length >= newest.length);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("errors are held against the rest, and a value leads to the spans that have it", async () => {
  const page = await openPage(browser, `${mesh.url}/traces?from=-1h`);
  await rowsOf(page).first().waitFor();
  await page.getByTestId("compare").click();
  await page.getByTestId("compare-window").getByText("Errors against the rest").click();
  await page.getByTestId("comparison").waitFor();
  assert.equal(await page.getByTestId("selection").inputValue(), "error");
  assert.equal(await page.getByTestId("baseline").inputValue(), "not error");
  const attributes = page.getByTestId("attribute");
  await attributes.first().waitFor();
  const status = page.locator('[data-testid="attribute"][data-key="status"]');
  assert.match(await status.innerText(), /Unlikely by chance/);
  const failed = page.locator("[data-set=Errors]");
  assert.deepEqual((await failed.allInnerTexts()).map((words) => words.replace(/\D/g, "")), ["100", "0"]);
  const again = await openPage(browser, page.url());
  await again.getByTestId("attribute").first().waitFor();
  await again.context().close();

  for (const link of await status.getByTestId("value").locator("a").evaluateAll((links) => links.map((link) => link.href))) {
    const query = new URL(link).searchParams.get("q");
    assert.match(query, /^(not )?error (status=|not status)/);
    assert.ok((await ask(query, "from=-1h")).length > 0, `${query} finds what the bar counts`);
  }
  await status.getByTestId("value").locator("a").first().click();
  await page.waitForURL((url) => url.pathname === "/traces");
  await rowsOf(page).first().waitFor();
  await page.goBack();
  await attributes.first().waitFor();
  await page.getByTestId("swap").click();
  await eventually("the sides have changed places", async () => (await page.getByTestId("selection").inputValue()) === "not error");
  await page.getByTestId("baseline").fill("not error");
  await page.getByTestId("baseline").press("Enter");
  await page.getByTestId("same").waitFor();
  await page.getByTestId("range-before").click();
  await page.getByTestId("same").waitFor({ state: "detached" });
  assert.equal(new URL(page.url()).searchParams.get("baseline_from"), "-2h");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("both pages fit both themes and a phone", async () => {
  for (const [theme, width] of [["light", 1440], ["dark", 1440], ["light", 390], ["dark", 390]]) {
    const page = await openPage(browser, `${mesh.url}/traces?q=service%3Dorders`, { width, theme });
    for (const [name, path, shown] of [
      ["traces", "/traces?q=service%3Dorders", "trace-row"],
      ["compare", "/traces/compare?selection=error&baseline=not+error&from=-1h", "attribute"],
    ]) {
      await page.goto(`${mesh.url}${path}`);
      await page.getByTestId(shown).first().waitFor();
      const overflow = await page.evaluate(() => {
        const main = document.getElementById("main");
        return main.scrollWidth - main.clientWidth;
      });
      assert.ok(overflow <= 0, `${name}, ${theme}, ${width} pixels wide: the page is ${overflow} pixels too wide`);
      if (process.env.SIDECARTA_SCREENSHOTS) {
        await page.screenshot({ path: `${process.env.SIDECARTA_SCREENSHOTS}/${name}-${theme}-${width}.png` });
      }
    }
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  }
});
