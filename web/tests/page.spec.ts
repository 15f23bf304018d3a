import { readFileSync } from "node:fs";

import { expect, type Page, test } from "@playwright/test";

type Pose = [number, number, number][];
type Mode = "fast" | "accurate" | "refined";

const file = (name: string) => new URL(name, import.meta.url).pathname;
const expected = JSON.parse(readFileSync(file("expected.json"), "utf8"));
const PHOTOS = Object.keys(expected.photos);
const TOLERANCE = 0.5; // px of the photo

/** Opens the page and waits until its example has been searched. */
async function openPage(page: Page): Promise<void> {
  await page.goto("/");
  await expect(page.locator("body[data-ready=yes]")).toBeAttached();
}

/** Chooses before the example is searched, which takes long. */
async function choose(page: Page, mode: Mode): Promise<void> {
  await page.locator(`input[value=${mode}]`).check();
}

async function openFast(page: Page): Promise<void> {
  await page.goto("/");
  await choose(page, "fast");
  await expect(page.locator("body[data-ready=yes]")).toBeAttached();
}

async function openPhoto(page: Page, ...names: string[]): Promise<void> {
  await page.locator("#file").setInputFiles(names.map(file));
  // The page opens with an example.
  await expect(page.locator("#status")).toHaveText(new RegExp(` in ${names[0]}`));
  await found(page);
}

async function found(page: Page): Promise<void> {
  await expect(page.locator("#status")).toHaveText(/^\d+ (person|people) in/);
  await expect(page.locator("body")).not.toHaveAttribute("aria-busy", "true");
}

/** What "Save poses" writes: each person's pose before and after. */
async function saved(page: Page): Promise<{ before: Pose; after: Pose }[]> {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save poses" }).click();
  const records = JSON.parse(readFileSync(await (await download).path(), "utf8"));
  const triples = (flat: number[]): Pose =>
    Array.from({ length: flat.length / 3 }, (_, i) => flat.slice(3 * i, 3 * i + 3) as Pose[0]);
  return records.map((record: { keypoints: number[]; estimated: number[] }) => ({
    before: triples(record.estimated),
    after: triples(record.keypoints),
  }));
}

/** Compares everybody's poses with Python's. */
function compare(name: string, answers: Pose[], python: Pose[]): void {
  expect(answers).toHaveLength(python.length);
  let [farthest, scores] = [0, 0];
  python.forEach((pose, person) => pose.forEach(([x, y, score], joint) => {
    const answer = answers[person]![joint]!;
    farthest = Math.max(farthest, Math.hypot(answer[0] - x, answer[1] - y));
    scores = Math.max(scores, Math.abs(answer[2] - score));
  }));
  console.log(`${name}: ${python.length} people, ${farthest.toFixed(4)} px, `
    + `scores ${scores.toFixed(5)}`);
  expect(farthest).toBeLessThan(TOLERANCE);
  expect(scores).toBeLessThan(0.02);
}

for (const name of PHOTOS) {
  test(`everybody in ${name} is who Python finds, in every way`, async ({ page }) => {
    test.slow();
    await openFast(page);
    await openPhoto(page, name);
    const python = expected.photos[name];
    compare("fast", (await saved(page)).map(({ after }) => after), python.fast.poses);
    await choose(page, "accurate");
    await found(page);
    compare("accurate", (await saved(page)).map(({ after }) => after), python.accurate.poses);
    await choose(page, "refined");
    await expect(page.getByRole("slider")).toBeVisible();
    await found(page);
    const people = await saved(page);
    compare("before", people.map(({ before }) => before), python.accurate.poses);
    compare("refined", people.map(({ after }) => after), python.refined);
    await expect(page.locator("#joints tbody tr")).toHaveCount(17);
    await expect(page.locator("#find-time")).toHaveText(/^\d+ ms$/);
    await expect(page.locator("#poses-time")).toHaveText(/^\d+ ms$/);
    const project = test.info().project.name;
    await page.screenshot({
      path: `test-results/${project}-${name}`, fullPage: project === "phone",
    });
  });
}

test("given poses are refined, also without one of their joints", async ({ page }) => {
  await openFast(page);
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

test("a box made with the keyboard is searched", async ({ page }) => {
  await openFast(page);
  await openPhoto(page, "1000.png");
  await page.getByRole("button", { name: "Mark people" }).press("Enter");
  await expect(page.locator("#canvas")).toBeFocused();
  await page.keyboard.press("Enter");
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowLeft");
  for (let i = 0; i < 5; i++) await page.keyboard.press("Shift+ArrowDown");
  await expect(page.locator("#find-time")).toHaveText("marked");
  await found(page);
  compare("in the box", (await saved(page)).map(({ after }) => after), expected.boxed.found);
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
  await expect(page.locator("body[data-ready=yes]")).toBeAttached();
  await page.getByRole("button", { name: "Example" }).click();
  await found(page);
  expect(elsewhere).toEqual([]);
});

test("the slider, by keys and by the divider, uncovers the other pose", async ({ page }) => {
  await openPage(page);
  const wipe = page.getByRole("slider");
  await openPhoto(page, "photo.png");
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
});

test("what is no photo, and poses of another skeleton, are refused in words", async ({ page }) => {
  await openPage(page);
  const bad = (name: string, mimeType: string, text: string) =>
    page.locator("#file").setInputFiles({ name, mimeType, buffer: Buffer.from(text) });
  await bad("notes.png", "image/png", "no photo");
  await expect(page.locator("#status")).toHaveText(/notes.png: not a photo/);
  await bad("notes.txt", "text/plain", "no photo");
  await expect(page.locator("#status")).toHaveText(/Expected a photo/);
  await openPhoto(page, "photo.png");
  await bad("poses.json", "application/json", '[{"image_id": 1, "keypoints": [1, 2, 3]}]');
  await expect(page.locator("#status")).toHaveText(/record 0: expected 42 keypoint numbers/);
});

test("the camera's pictures are followed until it is stopped", async ({ page }) => {
  await openPage(page);
  const camera = page.getByRole("button", { name: "Camera" });
  await camera.click();
  await expect(page.locator("#status")).toHaveText(/press it again/);
  await expect(page.locator("#joints tbody tr")).toHaveCount(14);
  await camera.click();
  await expect(page.locator("#status")).toHaveText("Picture kept");
  await expect(camera).toHaveAttribute("aria-pressed", "false");
});

test("nothing is wider than the screen, and all controls are reached by Tab", async ({ page }) => {
  await openPage(page);
  await openPhoto(page, "photo.png");
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overflow).toBeLessThanOrEqual(0);
  const reached = new Set<string>();
  await page.locator("body").press("Tab");
  for (let i = 0; i < 15; i++) {
    reached.add(await page.evaluate(() => document.activeElement?.id ?? ""));
    await page.keyboard.press("Tab");
  }
  const controls = ["canvas", "wipe", "open", "camera", "example", "estimator", "refiner"];
  for (const id of [...controls, "select", "whole", "arrows", "save"]) expect(reached).toContain(id);
});
