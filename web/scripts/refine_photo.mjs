// Asks the page: node scripts/refine_photo.mjs ADDRESS PHOTO POSES OUT
//
// Gives the page at ADDRESS a photo and the COCO results of its people, as a visitor
// would, and writes what its "Save poses" saves.
import { existsSync } from "node:fs";

import { chromium } from "@playwright/test";

const [address, photo, poses, out] = process.argv.slice(2);
const browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env.CHROMIUM ?? browsers.find((path) => existsSync(path));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage();
page.setDefaultTimeout(120_000);
await page.goto(address);
await page.locator("body[data-ready=yes]").waitFor({ state: "attached" });
await page.locator("#file").setInputFiles([photo, poses]);
await page.locator("body:not([aria-busy=true]) #status", { hasText: /^\d+ (person|people) in/ }).waitFor();
const download = page.waitForEvent("download");
await page.getByRole("button", { name: "Save poses" }).click();
await (await download).saveAs(out);
await browser.close();
