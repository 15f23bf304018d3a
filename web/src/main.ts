/** The page: a photo, a camera's picture or a video becomes poses of everybody. */

import "./style.css";

import type { Catalog } from "./catalog";
import type { Pose } from "./geometry";
import { Live } from "./live";
import { Models } from "./models";
import { keepOffline } from "./offline";
import { find, say, showChoice, showJoints, showTimes } from "./panel";
import { type Person, readPoses, writePoses } from "./poses";
import { start } from "./runtime";
import { follow, type Mode, MODES, refineGiven, search } from "./search";
import { Stage } from "./stage";
import { PoseTracker } from "./tracker";

const BASE = import.meta.env.BASE_URL;
const HURRY = 250; // ms without another key or box before boxes are searched

const wipe = find<HTMLInputElement>("wipe");
const stage = new Stage(find<HTMLCanvasElement>("canvas"), wipe, {
  boxes: () => {
    given = null;
    clearTimeout(pause);
    pause = window.setTimeout(run, HURRY);
  },
});

let models: Models;
let photo: { image: ImageData; name: string } | null = null;
/** Poses that came with the photo. */
let given: Pose[] | null = null;
let people: Person[] = [];
let pause = 0;
let latest = 0;
let live: Live | null = null;

const skeleton = () => models.catalog.estimator.about.skeleton;

function mode(): Mode {
  return document.querySelector<HTMLInputElement>("[name=mode]:checked")!.value as Mode;
}

/** A newer search has overtaken this one. */
class Overtaken extends Error {}

// --- poses of a photo ---------------------------------------------------------------

/** Searches the photo, or refines the poses given with it. */
async function run(): Promise<void> {
  if (!photo || !stage.scene || live) return;
  const turn = ++latest;
  const { image, name } = photo;
  const boxes = [...stage.scene.boxes];
  say("Looking …");
  document.body.setAttribute("aria-busy", "true");
  const onward = async (done: number, of: number) => {
    await new Promise((resolve) => setTimeout(resolve));
    if (turn !== latest) throw new Overtaken();
    say(`Looking at person ${done + 1} of ${of} …`);
  };
  try {
    const answer = given
      ? await refineGiven(models, image, given, onward)
      : await search(models, image, mode(), boxes, onward);
    if (turn !== latest) return;
    people = answer.people;
    showTimes(answer.times, given ? "given" : "marked");
    show();
    const many = people.length === 1 ? "1 person" : `${people.length} people`;
    say(people.length > 0 ? `${many} in ${name}`
      : `Nobody found in ${name}: mark people, or try Accurate`);
  } catch (error) {
    if (turn === latest) say((error as Error).message, true);
  } finally {
    if (turn === latest) document.body.removeAttribute("aria-busy");
  }
}

// --- what is shown --------------------------------------------------------------------

function show(): void {
  const scene = stage.scene!;
  const compares = people.length > 0 && !live && (given !== null || MODES[mode()].refines);
  Object.assign(scene, {
    people,
    compares,
    least: models.catalog.rules.seen,
    arrows: find<HTMLInputElement>("arrows").checked,
  });
  find("wipe-row").hidden = find("arrows-row").hidden = !compares;
  find<HTMLButtonElement>("save").disabled = people.length === 0;
  showChoice(people);
  showJoints(people, skeleton(), compares);
  stage.canvas.setAttribute("aria-label", `${photo?.name}: ${people.length} poses`
    + (compares ? ", before refinement left of the divider, after it on the right" : ""));
  stage.show();
}

/** Takes a picture as the photo of the page. */
function use(source: CanvasImageSource, width: number, height: number, name: string): void {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(source, 0, 0, width, height);
  photo = { image: context.getImageData(0, 0, width, height), name };
  find("drop").classList.remove("empty");
  const { joints, limbs } = skeleton();
  stage.scene = {
    image: canvas, width, height, people: [], joints, limbs, boxes: [],
    compares: false, wipe: 0.5, least: 0, arrows: true,
  };
}

// --- photos ---------------------------------------------------------------------------

async function open(files: File[]): Promise<void> {
  const json = files.find(({ name }) => name.toLowerCase().endsWith(".json"));
  const picture = files.find(({ type }) => type.startsWith("image/"));
  const video = files.find(({ type }) => type.startsWith("video/"));
  try {
    if (video) return await play(await Live.file(video));
    if (!picture && !(json && photo)) throw new Error("Expected a photo or a video");
    const poses = json ? readPoses(await json.text(), skeleton().joints.length) : null;
    stopLive();
    if (picture) {
      const bitmap = await createImageBitmap(picture).catch(() => {
        throw new Error(`${picture.name}: not a photo that this browser can read`);
      });
      people = [];
      use(bitmap, bitmap.width, bitmap.height, picture.name);
      bitmap.close();
    }
    given = poses;
    show();
    await run();
  } catch (error) {
    say((error as Error).message, true);
  }
}

async function openExample(): Promise<void> {
  const response = await fetch(`${BASE}example.jpg`);
  const content = await response.blob();
  await open([new File([content], "example.jpg", { type: "image/jpeg" })]);
}

// --- camera and video -----------------------------------------------------------------

/** Finds and follows people until the video ends or something else is opened. */
async function play(source: Live): Promise<void> {
  stopLive();
  live = source;
  const turn = ++latest; // a photo's search ends
  document.body.removeAttribute("aria-busy");
  [given, people] = [null, []];
  find("pause").hidden = false;
  const { about } = models.catalog.estimator;
  const tracker = new PoseTracker(about.skeleton, about.crop, models.catalog.rules);
  const { element } = source;
  const others = () => turn !== latest || live !== source;
  const halted = () => say(`${source.words}, paused`);
  try {
    while (await source.next(halted)) {
      use(element, element.videoWidth, element.videoHeight, source.name);
      const answer = await follow(models, photo!.image, mode(), tracker, source.time);
      if (others()) return;
      people = answer.people;
      showTimes(answer.times, "followed");
      show();
      say(source.words);
    }
    if (!others()) say(`${source.name}: the end`);
  } catch (error) {
    if (!others()) say((error as Error).message, true);
  } finally {
    if (!others()) stopLive();
  }
}

/** Stops the camera or the video; its last picture stays. */
function stopLive(): void {
  live?.stop();
  live = null;
  find("camera").setAttribute("aria-pressed", "false");
  find("pause").hidden = true;
  find("pause").setAttribute("aria-pressed", "false");
}

async function toggleCamera(): Promise<void> {
  const button = find("camera");
  if (button.getAttribute("aria-pressed") === "true") {
    stopLive();
    return say("Picture kept");
  }
  try {
    const camera = await Live.camera();
    const playing = play(camera);
    button.setAttribute("aria-pressed", "true");
    await playing;
  } catch (error) {
    say((error as Error).message, true);
  }
}

function togglePause(): void {
  if (!live) return;
  live.paused = !live.paused;
  find("pause").setAttribute("aria-pressed", String(live.paused));
}

// --- controls -------------------------------------------------------------------------

function connect(): void {
  const file = find<HTMLInputElement>("file");
  find("open").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    void open([...(file.files ?? [])]);
    file.value = "";
  });
  find("example").addEventListener("click", () => void openExample());
  find("camera").addEventListener("click", () => void toggleCamera());
  find("pause").addEventListener("click", togglePause);
  const drop = find("drop");
  for (const kind of ["dragover", "dragleave", "drop"] as const) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") void open([...(event.dataTransfer?.files ?? [])]);
    });
  }
  find("modes").addEventListener("change", () => void run());
  find("arrows").addEventListener("change", () => stage.scene && show());
  find("person").addEventListener("change", () =>
    showJoints(people, skeleton(), stage.scene!.compares));
  const select = find("select");
  select.addEventListener("click", () => {
    stage.selecting = !stage.selecting;
    select.setAttribute("aria-pressed", String(stage.selecting));
    find("select-help").hidden = !stage.selecting;
    if (stage.selecting) stage.canvas.focus({ preventScroll: true });
  });
  find("everybody").addEventListener("click", () => {
    if (!stage.scene) return;
    stage.scene.boxes = [];
    given = null;
    void run();
  });
  find("save").addEventListener("click", save);
}

function save(): void {
  const text = writePoses(people, photo!.name);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = `${photo!.name.replace(/\.\w+$/, "")}_poses.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function begin(): Promise<void> {
  connect();
  try {
    await keepOffline(`${BASE}sw.js`);
    const response = await fetch(`${BASE}models/models.json`);
    if (!response.ok) throw new Error("No models: run 'make web'");
    const catalog: Catalog = await response.json();
    models = new Models(catalog, `${BASE}models/`, (megabytes) =>
      say(`Loading a model, ${megabytes.toFixed(1)} MB, once …`));
    const threads = await start(`${BASE}wasm/`);
    find("threads").textContent = String(threads);
    await Promise.all([models.detector(), models.estimator()]);
    say("Ready");
    // Something to look at; without a network there may be no example.
    await openExample().catch(() => say("Ready"));
    document.body.dataset.ready = "yes";
  } catch (error) {
    say(`Cannot start: ${(error as Error).message}`, true);
  }
}

void begin();
