/** The page: a photo or a camera's picture becomes poses, before and after. */

import "./style.css";

import { sideColor } from "./draw";
import { type Box, boxAround, type Pose, scaleBox, wholePhoto } from "./geometry";
import { keepOffline } from "./offline";
import { type Person, readPoses, writePoses } from "./poses";
import { type Entry, Predictor, start } from "./predictor";
import { Stage } from "./stage";

const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const BASE = import.meta.env.BASE_URL;
const NONE = "none";
/** Below this mean score a camera's next picture is searched as a whole. */
const LOST = 0.3;

const status = find("status");
const wipe = find<HTMLInputElement>("wipe");
const pickers = {
  estimate: find<HTMLSelectElement>("estimator"),
  refine: find<HTMLSelectElement>("refiner"),
};
const stage = new Stage(find<HTMLCanvasElement>("canvas"), wipe, {
  boxes: () => {
    given = null;
    clearTimeout(pause);
    pause = window.setTimeout(run, 250);
  },
});

let entries: Entry[] = [];
let photo: { image: ImageData; name: string } | null = null;
let given: Pose[] | null = null;
let people: Person[] = [];
let pause = 0;
let latest = 0;
let video: HTMLVideoElement | null = null;
const loaded = new Map<string, Promise<Predictor>>();

function say(text: string, bad = false): void {
  status.textContent = text;
  status.classList.toggle("bad", bad);
}

function predictor(task: "estimate" | "refine"): Promise<Predictor> | null {
  const entry = entries.find(({ file }) => file === pickers[task].value);
  if (!entry) return null;
  let model = loaded.get(entry.file);
  if (!model) {
    say(`Loading ${entry.about.name} …`);
    model = Predictor.load(entry, `${BASE}models/`);
    model.catch(() => loaded.delete(entry.file));
    loaded.set(entry.file, model);
  }
  return model;
}

// --- poses of a photo ---------------------------------------------------------------

async function estimated(image: ImageData, boxes: Box[]): Promise<Pose[]> {
  const estimator = await predictor("estimate");
  if (!estimator) throw new Error("Choose a model to find poses with, or drop a JSON");
  if (boxes.length > 0) {
    const poses: Pose[] = [];
    for (const box of boxes) poses.push(await estimator.estimate(image, box));
    return poses;
  }
  // One person, found in the whole photo and once more in the box around what was found.
  const rule = estimator.about.crop;
  const rough = await estimator.estimate(image, wholePhoto(image, rule));
  const everywhere = rough.map(([x, y]): [number, number, number] => [x, y, 1]);
  const box = scaleBox(boxAround(everywhere, rule.smallest_side), rule.box_factor);
  return [await estimator.estimate(image, box)];
}

async function refined(image: ImageData, poses: Pose[]): Promise<Person[]> {
  const refiner = await predictor("refine");
  const result: Person[] = [];
  for (const before of poses) {
    const after = refiner ? await refiner.refine(image, before) : before;
    result.push({ before, after });
  }
  return result;
}

/** Finds and refines; an answer that a newer call has overtaken is dropped. */
async function run(): Promise<void> {
  if (!photo || !stage.scene) return;
  const turn = ++latest;
  const { image } = photo;
  if (!video) say("Looking …");
  document.body.setAttribute("aria-busy", "true");
  try {
    await Promise.all([given ? null : predictor("estimate"), predictor("refine")]);
    const begin = performance.now();
    const poses = given ?? (await estimated(image, stage.scene.boxes));
    const middle = performance.now();
    const answer = await refined(image, poses);
    const end = performance.now();
    if (turn !== latest) return;
    people = answer;
    find("find-time").textContent = given ? "given" : `${Math.round(middle - begin)} ms`;
    find("refine-time").textContent = pickers.refine.value === NONE
      ? "–" : `${Math.round(end - middle)} ms`;
    show();
    const many = people.length === 1 ? "1 person" : `${people.length} people`;
    const assumed = given || stage.scene.boxes.length > 0
      ? "" : ": one was assumed, select others to find them";
    if (!video) say(`${many} in ${photo.name}${assumed}`);
  } catch (error) {
    if (turn === latest) say(error instanceof Error ? error.message : String(error), true);
  } finally {
    if (turn === latest) document.body.removeAttribute("aria-busy");
  }
}

// --- what is shown --------------------------------------------------------------------

function skeleton() {
  const file = pickers.refine.value === NONE ? pickers.estimate.value : pickers.refine.value;
  return entries.find((entry) => entry.file === file)?.about.skeleton ?? entries[0]!.about.skeleton;
}

function show(): void {
  const scene = stage.scene!;
  Object.assign(scene, {
    people,
    joints: skeleton().joints,
    limbs: skeleton().limbs,
    arrows: find<HTMLInputElement>("arrows").checked,
  });
  wipe.disabled = people.length === 0;
  find<HTMLButtonElement>("save").disabled = people.length === 0;
  const choice = find<HTMLSelectElement>("person");
  if (choice.length !== people.length) {
    choice.replaceChildren(...people.map((_, row) => new Option(`person ${row + 1}`, String(row))));
  }
  find("person-row").hidden = people.length < 2;
  stage.canvas.setAttribute("aria-label", `${photo?.name}: ${people.length} poses, `
    + "before refinement left of the divider, after it on the right");
  stage.show();
  showJoints();
}

function showJoints(): void {
  const person = people[Number(find<HTMLSelectElement>("person").value) || 0];
  const table = find<HTMLTableElement>("joints");
  table.hidden = !person;
  if (!person) return;
  const rows = skeleton().joints.map((name, joint) => {
    const [before, after] = [person.before[joint]!, person.after[joint]!];
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name.replaceAll("_", " ");
    head.style.setProperty("--side", sideColor(name));
    const moved = before[2] > 0
      ? Math.hypot(after[0] - before[0], after[1] - before[1]).toFixed(1) : "new";
    const score = document.createElement("td");
    const meter = document.createElement("meter");
    meter.value = after[2];
    const number = document.createElement("span");
    number.textContent = after[2].toFixed(2);
    score.append(meter, number);
    const cell = document.createElement("td");
    cell.textContent = moved;
    row.append(head, cell, score);
    return row;
  });
  table.tBodies[0]!.replaceChildren(...rows);
}

// --- where photos come from -------------------------------------------------------------

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
    image: canvas, width, height, people: video ? people : [], joints, limbs,
    boxes: [], wipe: 0.5, arrows: true,
  };
}

async function open(files: File[]): Promise<void> {
  const json = files.find(({ name }) => name.toLowerCase().endsWith(".json"));
  const picture = files.find(({ type }) => type.startsWith("image/"));
  try {
    if (!picture && !(json && photo)) throw new Error("Expected a photo");
    const joints = skeleton().joints.length;
    const poses = json ? readPoses(await json.text(), joints) : null;
    if (picture) {
      stopCamera();
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

async function startCamera(): Promise<void> {
  try {
    if (!navigator.mediaDevices) throw new Error("The camera needs https or localhost");
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 640 } },
    });
    const element = document.createElement("video");
    element.srcObject = stream;
    element.muted = element.playsInline = true;
    await element.play();
    video = element;
  } catch (error) {
    return say(`No camera: ${(error as Error).message}`, true);
  }
  given = null;
  people = [];
  find("camera").setAttribute("aria-pressed", "true");
  say("Camera: press it again to keep the picture");
  while (video) {
    const frame = video;
    use(frame, frame.videoWidth, frame.videoHeight, "camera.jpg");
    follow();
    await run();
    await new Promise(requestAnimationFrame);
  }
}

/** A camera's person is looked for where they were in the picture before. */
function follow(): void {
  const pose = people[0]?.after;
  if (!pose) return;
  const mean = pose.reduce((sum, joint) => sum + joint[2], 0) / pose.length;
  const rule = entries[0]!.about.crop;
  if (mean < LOST) return;
  const there = pose.map(([x, y]): [number, number, number] => [x, y, 1]);
  const box = scaleBox(boxAround(there, rule.smallest_side), rule.box_factor);
  stage.scene!.boxes = [box];
}

function stopCamera(): void {
  const stream = video?.srcObject as MediaStream | undefined;
  stream?.getTracks().forEach((track) => track.stop());
  video = null;
  find("camera").setAttribute("aria-pressed", "false");
}

async function openExample(): Promise<void> {
  const response = await fetch(`${BASE}example.jpg`);
  const content = await response.blob();
  await open([new File([content], "example.jpg", { type: "image/jpeg" })]);
}

// --- controls ------------------------------------------------------------------------------

function connect(): void {
  const file = find<HTMLInputElement>("file");
  find("open").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    void open([...(file.files ?? [])]);
    file.value = "";
  });
  find("example").addEventListener("click", () => void openExample());
  find("camera").addEventListener("click", () => {
    if (!video) return void startCamera();
    stopCamera();
    say("Picture kept");
  });
  const drop = find("drop");
  for (const kind of ["dragover", "dragleave", "drop"] as const) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", kind === "dragover");
      if (kind === "drop") void open([...(event.dataTransfer?.files ?? [])]);
    });
  }
  for (const picker of Object.values(pickers)) picker.addEventListener("change", () => void run());
  find("arrows").addEventListener("change", () => stage.scene && show());
  find("person").addEventListener("change", showJoints);
  const select = find("select");
  select.addEventListener("click", () => {
    stage.selecting = !stage.selecting;
    select.setAttribute("aria-pressed", String(stage.selecting));
    find("select-help").hidden = !stage.selecting;
    if (stage.selecting) stage.canvas.focus({ preventScroll: true });
  });
  find("whole").addEventListener("click", () => {
    if (!stage.scene) return;
    stage.scene.boxes = [];
    given = null;
    void run();
  });
  find("save").addEventListener("click", () => {
    const text = writePoses(people, photo!.name);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `${photo!.name.replace(/\.\w+$/, "")}_poses.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

async function begin(): Promise<void> {
  connect();
  try {
    await keepOffline(`${BASE}sw.js`);
    const response = await fetch(`${BASE}models/models.json`);
    if (!response.ok) throw new Error("No models: run 'make web'");
    entries = await response.json();
    for (const task of ["refine", "estimate"] as const) {
      const options = entries
        .filter(({ about }) => about.task === task)
        .map(({ file, bytes, about }) => {
          const size = `${(bytes / 1e6).toFixed(1)} MB`;
          return new Option(`${about.name}, ${about.numbers}, ${size}`, file);
        });
      pickers[task].replaceChildren(...options, new Option(NONE, NONE));
    }
    find("threads").textContent = String(await start(`${BASE}wasm/`));
    await Promise.all([predictor("estimate"), predictor("refine")]);
    say("Ready");
    // Something to look at; without a network there may be no example.
    await openExample().catch(() => say("Ready"));
    document.body.dataset.ready = "yes";
  } catch (error) {
    say(`Cannot start: ${(error as Error).message}`, true);
  }
}

void begin();
