// What the browser tests and benchmarks stand on: the demo mesh with Sidecarta before it, and Chromium.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const setting = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: \`make test\` and \`make bench\` set it`);
  return value;
};

const { chromium } = createRequire(join(setting("SIDECARTA_NODE_MODULES"), "noop.js"))("playwright-core");

/** How long something may take to come true on a busy machine. */
export const PATIENCE_MS = 90_000;

/** Asks again and again until the answer is neither false nor nothing. */
export async function eventually(what, ask, patienceMs = PATIENCE_MS) {
  const deadline = Date.now() + patienceMs;
  let last;
  for (;;) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/**
 * Starts the demo mesh with traffic and Sidecarta watching it. `otlpHttp` takes more telemetry, `stop()` gives the truth
 * of what happened.
 */
export async function startMesh(...flags) {
  const dir = mkdtempSync(join(tmpdir(), "sidecarta-browser-"));
  const truthFile = join(dir, "truth.json");
  const ports = [await freePort(), await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`);
  const mesh = spawn(
    setting("SIDECARTA_DEMO_MESH"),
    [
      ["--sidecarta", setting("SIDECARTA_BIN"), "--envoy", setting("SIDECARTA_ENVOY"), "--data", join(dir, "data")],
      ["--http", ports[0], "--otlp-grpc", ports[1], "--otlp-http", ports[2], "--truth", truthFile, ...flags],
    ].flat(),
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = once(mesh, "exit");
  let said = "";
  for (const stream of [mesh.stdout, mesh.stderr]) stream.on("data", (text) => (said += text));
  try {
    const url = await eventually("the demo mesh prints its address", () => {
      if (mesh.exitCode !== null) throw new Error(`the demo mesh ended:\n${said}`);
      return said.match(/Open\s+(http:\/\/\S+)/)?.[1];
    });
    const stop = async () => {
      mesh.kill("SIGINT");
      await ended;
      const truth = JSON.parse(readFileSync(truthFile, "utf8"));
      rmSync(dir, { recursive: true, force: true });
      return truth;
    };
    return { url, otlpHttp: `http://${ports[2]}`, stop };
  } catch (error) {
    mesh.kill("SIGKILL");
    throw error;
  }
}

/** Starts Chromium. Its pages fail the test where the console shows an error or another host is asked. */
export async function startBrowser() {
  return chromium.launch({
    executablePath: setting("SIDECARTA_CHROMIUM"),
    args: [
      ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ].flat(),
  });
}

/**
 * Opens a page of a size and theme, with `before` run in it ahead of its own scripts; what goes wrong on it is collected
 * in `page.complaints`.
 */
export async function openPage(browser, url, { width = 1440, height = 900, theme = "light", before } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  const page = await context.newPage();
  if (before) await page.addInitScript(before);
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && page.complaints.push(message.text()));
  page.on("request", (request) => {
    const host = new URL(request.url()).host;
    if (host && host !== new URL(url).host) page.complaints.push(`a request left for ${host}`);
  });
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(url);
  return page;
}
