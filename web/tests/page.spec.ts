import { readFileSync } from "node:fs";

import { type Browser, expect, type Page, type PlaywrightWorkerOptions, test as base }
  from "@playwright/test";

type Joint = [number, number, number];
type Pose = Joint[];
type Box = [number, number, number, number];
type Mode = "fast" | "accurate" | "refined";

const file = (name: string) => new URL(name, import.meta.url).pathname;
const expected = JSON.parse(readFileSync(file("expected.json"), "utf8"));
const TOLERANCE = 0.5; // px of the photo
const SEEN = 0.3;

async function opened(browser: Browser, use: object): Promise<Page> {
  const page = await (await browser.newContext(use)).newPage();
  await openPage(page);
  return page;
}

/** Loading the models takes long: most tests share a page. */
const test = base.extend<object, { shared: Page } & PlaywrightWorkerOptions>({
  shared: [async ({ browser }, give, { project }) => {
    const page = await opened(browser, project.use);
    await give(page);
    await page.context().close();
  }, { scope: "worker", timeout: 300_000 }],
});

/** Opens the page and waits until its example has been searched. */
async function openPage(page: Page): Promise<void> {
  await page.goto("/");
  await expect(page.locator("body[data-ready=yes]")).toBeAttached({ timeout: 200_000 });
}

async function choose(page: Page, mode: Mode): Promise<void> {
  await page.locator(`input[value=${mode}]`).check();
}

async function openPhoto(page: Page, name: string, mode: Mode): Promise<void> {
  await choose(page, mode);
  await page.locator("#file").setInputFiles(file(name));
  await expect(page.locator("#status")).toHaveText(/Looking/);
  await found(page);
  await expect(page.locator("#status")).toHaveText(new RegExp(` in ${name}`));
}

async function found(page: Page): Promise<void> {
  await expect(page.locator("#status")).toHaveText(/^\d+ (person|people) in/);
  await expect(page.locator("body")).not.toHaveAttribute("aria-busy", "true");
}

interface Saved {
  before: Pose;
  after: Pose;
  box: Box;
  id?: number;
}

/** What "Save poses" writes of each person. */
async function saved(page: Page): Promise<Saved[]> {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save poses" }).click();
  const records = JSON.parse(readFileSync(await (await download).path(), "utf8"));
  const triples = (flat: number[]): Pose =>
    Array.from({ length: flat.length / 3 }, (_, i) => flat.slice(3 * i, 3 * i + 3) as Joint);
  return records.map((record: Record<string, number[]> & { track_id?: number }) => ({
    before: triples(record.estimated!),
    after: triples(record.keypoints!),
    box: record.bbox,
    id: record.track_id,
  }));
}

/** Compares the joints that Python sees, person by person. */
function compare(name: string, answers: Pose[], python: Pose[]): void {
  expect(answers).toHaveLength(python.length);
  const distances: number[] = [];
  let scores = 0;
  python.forEach((pose, person) => pose.forEach(([x, y, score], joint) => {
    if (score < SEEN) return;
    const [ourX, ourY, ours] = answers[person]![joint]!;
    distances.push(Math.hypot(ourX - x, ourY - y));
    scores = Math.max(scores, Math.abs(ours - score));
  }));
  console.log(`${name}: ${answers.length} people, ${distances.length} joints at most `
    + `${Math.max(...distances).toFixed(4)} px apart, scores ${scores.toFixed(5)}`);
  expect(distances.length).toBeGreaterThan(10);
  expect(Math.max(...distances)).toBeLessThan(TOLERANCE);
  expect(scores).toBeLessThan(0.02);
}

/** Every person's box is one of the detector's in Python. */
function compareBoxes(people: Saved[], python: Box[]): void {
  const apart = people.map(({ box }) => Math.min(...python.map((other) =>
    Math.max(...box.map((side, i) => Math.abs(side - other[i]!))))));
  console.log(`boxes: at most ${Math.max(...apart).toFixed(4)} px`);
  expect(Math.max(...apart)).toBeLessThan(TOLERANCE);
}

for (const [name, python] of Object.entries<any>(expected.photos)) {
  test(`everybody in ${name} is who Python finds, in every way`, async ({ shared: page }) => {
    await openPhoto(page, name, "fast");
    const fast = await saved(page);
    compare("fast", fast.map(({ after }) => after), python.fast.poses);
    compareBoxes(fast, python.fast.boxes);
    await expect(page.locator("#find-time")).toHaveText(/^\d+ ms$/);
    await expect(page.locator("#poses-time")).toHaveText(/^\d+ ms$/);
    await choose(page, "refined");
    await found(page);
    const people = await saved(page);
    compare("accurate", people.map(({ before }) => before), python.accurate.poses);
    compareBoxes(people, python.accurate.boxes);
    compare("refined", people.map(({ after }) => after), python.refined);
    await page.screenshot({ path: `test-results/refined-${name}` });
  });
}

test("given poses are refined, also without one of their joints", async ({ shared: page }) => {
  await choose(page, "fast");
  const poses = expected.boxed.given.map((pose: Pose) => ({
    image_id: 1000, category_id: 1, score: 1, keypoints: pose.flat(),
  }));
  await page.locator("#file").setInputFiles([
    { name: "1000.png", mimeType: "image/png", buffer: readFileSync(file("1000.png")) },
    { name: "poses.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(poses)) },
  ]);
  await expect(page.locator("#find-time")).toHaveText("given");
  await found(page);
  compare("joint missing", (await saved(page)).map(({ after }) => after), expected.boxed.refined);
});

test("a box made with the keyboard is searched", async ({ shared: page }) => {
  await openPhoto(page, "1000.png", "fast");
  const mark = page.getByRole("button", { name: "Mark people" });
  await mark.press("Enter");
  await expect(page.locator("#canvas")).toBeFocused();
  await page.keyboard.press("Enter");
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowLeft");
  for (let i = 0; i < 5; i++) await page.keyboard.press("Shift+ArrowDown");
  await expect(page.locator("#find-time")).toHaveText("marked");
  await found(page);
  compare("in the box", (await saved(page)).map(({ after }) => after), expected.boxed.found);
  await mark.click();
});

test("the slider, by keys and by the divider, uncovers the other pose", async ({ shared: page }) => {
  await openPhoto(page, "397133.png", "refined");
  const wipe = page.getByRole("slider");
  const picture = () => page.locator("#canvas").evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  await wipe.focus();
  await page.keyboard.press("Home");
  const after = await picture();
  await page.keyboard.press("End");
  expect(await picture()).not.toBe(after);
  await page.keyboard.press("Home");
  const box = (await page.locator("#canvas").boundingBox())!;
  await page.mouse.move(box.x + 3, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 3 });
  await page.mouse.up();
  expect(Number(await wipe.inputValue())).toBeCloseTo(50, -1);
  await choose(page, "fast");
  await found(page);
  await expect(wipe).toBeHidden();
});

test("what is no photo, and poses of another skeleton, are refused in words", async ({ shared: page }) => {
  const bad = (name: string, mimeType: string, text: string) =>
    page.locator("#file").setInputFiles({ name, mimeType, buffer: Buffer.from(text) });
  await bad("notes.png", "image/png", "no photo");
  await expect(page.locator("#status")).toHaveText(/notes.png: not a photo/);
  await bad("notes.txt", "text/plain", "no photo");
  await expect(page.locator("#status")).toHaveText(/Expected a photo/);
  await bad("notes.webm", "video/webm", "no video");
  await expect(page.locator("#status")).toHaveText(/notes.webm: not a video/);
  await bad("poses.json", "application/json", '[{"image_id": 1, "keypoints": [1, 2, 3]}]');
  await expect(page.locator("#status")).toHaveText(/record 0: expected 51 keypoint numbers/);
});

test("the camera's people are followed until it is stopped @phone", async ({ shared: page }) => {
  await choose(page, "fast");
  const camera = page.getByRole("button", { name: "Camera" });
  await camera.click();
  await expect(page.locator("#status")).toHaveText(/press it again/);
  await expect(page.locator("#find-time")).toHaveText("followed"); // without a search
  await camera.click();
  await expect(page.locator("#status")).toHaveText("Picture kept");
  await expect(camera).toHaveAttribute("aria-pressed", "false");
  const [first] = await saved(page);
  expect(first!.id).toBe(1);
});

test("somebody keeps a number through a video", async ({ shared: page }) => {
  await choose(page, "fast");
  await page.locator("#file").setInputFiles(file("walk.webm"));
  const pause = page.getByRole("button", { name: "Pause" });
  await pause.click();
  await expect(page.locator("#status")).toHaveText(/walk.webm: \d.* paused/);
  const held = await page.locator("#status").textContent();
  await page.waitForTimeout(500);
  expect(await page.locator("#status").textContent()).toBe(held);
  await pause.click();
  await expect(page.locator("#status")).toHaveText("walk.webm: the end");
  const people = await saved(page);
  expect(people.map(({ id }) => id)).toContain(1);
  const [, , ...more] = people;
  expect(more).toEqual([]); // the cook, and perhaps who is behind him
});

test("nothing is wider than the screen, and all controls are reached by Tab @phone", async ({ shared: page }) => {
  await openPhoto(page, "397133.png", "refined");
  const { project } = test.info();
  await page.screenshot({ path: `test-results/${project.name}.png`, fullPage: true });
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow).toBeLessThanOrEqual(0);
  const reached = new Set<string>();
  await page.locator("body").press("Tab");
  for (let i = 0; i < 16; i++) {
    reached.add(await page.evaluate(() =>
      document.activeElement?.id || document.activeElement?.getAttribute("name") || ""));
    await page.keyboard.press("Tab");
  }
  const controls = ["canvas", "wipe", "open", "camera", "example", "mode"];
  for (const id of [...controls, "select", "everybody", "arrows", "save"]) expect(reached).toContain(id);
});

test("the page works offline after one visit and asks no other server", async ({ page, context }) => {
  const elsewhere: string[] = [];
  context.on("request", (request) => {
    const { hostname, protocol } = new URL(request.url());
    if (/^https?:$/.test(protocol) && hostname !== "localhost") elsewhere.push(request.url());
  });
  await openPage(page);
  await context.setOffline(true);
  await page.reload();
  await expect(page.locator("body[data-ready=yes]")).toBeAttached({ timeout: 200_000 });
  await found(page);
  expect(elsewhere).toEqual([]);
});
