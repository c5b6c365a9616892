// The system's Chromium for tests of the page: found, started, and watched for what it asks for and complains of.

import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { test } from "vitest";

const CANDIDATES = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** Undefined when there is none. */
export function findChromium(): string | undefined {
  return CANDIDATES.find((path) => path && existsSync(path));
}

export async function startChromium(...words: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium(),
    args: ["--no-sandbox", "--disable-dev-shm-usage", ...words],
  });
}

export interface WatchedPage {
  readonly page: Page;
  /** Everything that was asked for. */
  readonly requests: readonly string[];
  /** Errors and warnings of the console, failed answers and errors that nobody caught. */
  readonly complaints: readonly string[];
}

export async function openWatched(
  browser: Browser,
  url: string,
  size = { width: 1200, height: 900 },
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: size });
  const requests: string[] = [];
  const complaints: string[] = [];
  // Of the context, not the page: workers ask too.
  context.on("request", (request) => requests.push(request.url()));
  context.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  context.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  const page = await context.newPage();
  page.setDefaultTimeout(90_000); // of a busy machine
  await page.goto(url);
  return { page, requests, complaints };
}

/** A test that needs the browser; without one it counts as skipped, and says so. */
export function browserTest(name: string, run: () => Promise<void>): void {
  test(name, async ({ skip }) => {
    skip(findChromium() === undefined, "no Chromium: apt-get install chromium, or CHROMIUM=/path/to/it");
    await run();
  }, 180_000);
}
