/** The photo with poses on it. */

import type { Box, Joint, Pose } from "./geometry";
import type { Person } from "./poses";

export interface Scene {
  image: CanvasImageSource;
  width: number;
  height: number;
  people: Person[];
  joints: string[];
  limbs: [string, string][];
  boxes: Box[];
  /** Whether poses differ before and after; otherwise only these after are shown. */
  compares: boolean;
  /** Left of this share of the width the poses before refinement are shown. */
  wipe: number;
  /** Joints with a lower score are not drawn. */
  least: number;
  arrows: boolean;
}

const [LEFT, RIGHT, MIDDLE] = ["#56b4e9", "#f08228", "#f0e442"] as const;

/** The color of a joint or of a limb between two: those of the package's pictures. */
export function sideColor(...joints: string[]): string {
  const left = joints.some((joint) => joint.startsWith("left_"));
  const right = joints.some((joint) => joint.startsWith("right_"));
  if (left === right) return MIDDLE;
  return left ? LEFT : RIGHT;
}

/**
 * Draws a scene over the whole canvas.
 *
 * @param context of a canvas in the shape of the photo.
 * @param pixel how many of its pixels are one CSS pixel.
 */
export function draw(
  context: CanvasRenderingContext2D,
  scene: Scene,
  pixel: number,
): void {
  const { width, height } = context.canvas;
  const scale = width / scene.width;
  context.drawImage(scene.image, 0, 0, width, height);
  for (const box of scene.boxes) drawBox(context, box, scale, pixel);
  if (scene.people.length === 0) return;
  if (!scene.compares) {
    for (const { after, id } of scene.people) {
      drawPose(context, after, scene, scale, pixel);
      if (id) drawName(context, after, String(id), scene, scale, pixel);
    }
    return;
  }
  const split = scene.wipe * width;
  for (const after of [false, true]) {
    context.save();
    context.beginPath();
    context.rect(after ? split : 0, 0, after ? width - split : split, height);
    context.clip();
    for (const person of scene.people) {
      const pose = after ? person.after : person.before;
      drawPose(context, pose, scene, scale, pixel);
      if (after && scene.arrows) drawArrows(context, person, scene, scale, pixel);
    }
    context.restore();
  }
  drawDivider(context, split, pixel);
}

function drawBox(
  context: CanvasRenderingContext2D,
  box: Box,
  scale: number,
  pixel: number,
): void {
  context.lineWidth = 2 * pixel;
  context.setLineDash([6 * pixel, 4 * pixel]);
  context.strokeStyle = "#ffffffcc";
  // A box begins at the outer edge of its first pixel, half a pixel before its center.
  const [x, y, width, height] = box.map((number) => number * scale) as Box;
  context.strokeRect(x, y, width, height);
  context.setLineDash([]);
}

/** Where a joint is on the canvas: pixel centers are integers in the photo. */
function place(joint: [number, number, number], scale: number): [number, number] {
  return [(joint[0] + 0.5) * scale, (joint[1] + 0.5) * scale];
}

function isThere(joint: Joint, scene: Scene): boolean {
  return joint[2] > 0 && joint[2] >= scene.least;
}

/** CSS pixels: lines as wide as the person is large, so that small ones stay visible. */
function limbWidth(pose: Pose, scene: Scene, scale: number, pixel: number): number {
  const rows = pose.filter((joint) => isThere(joint, scene)).map(([, y]) => y);
  const tall = ((Math.max(...rows) - Math.min(...rows)) * scale) / pixel;
  return Math.min(Math.max(tall / 50, 1.4), 3.5);
}

function drawPose(
  context: CanvasRenderingContext2D,
  pose: Pose,
  scene: Scene,
  scale: number,
  pixel: number,
): void {
  const at = (name: string) => pose[scene.joints.indexOf(name)]!;
  const wide = limbWidth(pose, scene, scale, pixel);
  context.lineCap = "round";
  for (const [halo, extra] of [[true, 0.85 * wide], [false, 0]] as const) {
    for (const [one, other] of scene.limbs) {
      if (!isThere(at(one), scene) || !isThere(at(other), scene)) continue;
      context.strokeStyle = halo ? "#000000b0" : sideColor(one, other);
      context.lineWidth = (wide + extra) * pixel;
      context.beginPath();
      context.moveTo(...place(at(one), scale));
      context.lineTo(...place(at(other), scale));
      context.stroke();
    }
  }
  pose.forEach((joint, index) => {
    if (!isThere(joint, scene)) return;
    context.fillStyle = sideColor(scene.joints[index]!);
    context.strokeStyle = "#000000c0";
    context.lineWidth = 0.4 * wide * pixel;
    context.beginPath();
    context.arc(...place(joint, scale), 1.15 * wide * pixel, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  });
}

/** The number of a person who is followed, above the pose. */
function drawName(
  context: CanvasRenderingContext2D,
  pose: Pose,
  name: string,
  scene: Scene,
  scale: number,
  pixel: number,
): void {
  const joints = pose.filter((joint) => isThere(joint, scene));
  if (joints.length === 0) return;
  const top = joints.reduce((best, joint) => (joint[1] < best[1] ? joint : best));
  const [x, y] = place(top, scale);
  const high = Math.max(y - 16 * pixel, 10 * pixel);
  context.font = `700 ${14 * pixel}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const wide = context.measureText(name).width;
  context.fillStyle = "#000000b0";
  context.fillRect(x - wide / 2 - 4 * pixel, high - 9 * pixel, wide + 8 * pixel, 18 * pixel);
  context.fillStyle = "#ffffff";
  context.fillText(name, x - wide / 2, high);
}

function drawArrows(
  context: CanvasRenderingContext2D,
  person: Person,
  scene: Scene,
  scale: number,
  pixel: number,
): void {
  person.after.forEach((joint, index) => {
    const before = person.before[index]!;
    if (before[2] <= 0 || !isThere(joint, scene)) return;
    const [fromX, fromY] = place(before, scale);
    const [toX, toY] = place(joint, scale);
    const length = Math.hypot(toX - fromX, toY - fromY);
    if (length < 6 * pixel) return; // smaller than the joint's disc
    const head = Math.min(9 * pixel, length / 2);
    const angle = Math.atan2(toY - fromY, toX - fromX);
    for (const [color, width] of [["#000000c0", 4.5], ["#ffffff", 2]] as const) {
      context.strokeStyle = color;
      context.lineWidth = width * pixel;
      context.beginPath();
      context.moveTo(fromX, fromY);
      context.lineTo(toX, toY);
      for (const turn of [-2.6, 2.6]) {
        context.moveTo(toX, toY);
        context.lineTo(
          toX + head * Math.cos(angle + turn),
          toY + head * Math.sin(angle + turn),
        );
      }
      context.stroke();
    }
  });
}

function drawDivider(
  context: CanvasRenderingContext2D,
  split: number,
  pixel: number,
): void {
  const { width, height } = context.canvas;
  context.fillStyle = "#ffffff";
  context.fillRect(split - pixel, 0, 2 * pixel, height);
  context.font = `600 ${13 * pixel}px system-ui, sans-serif`;
  context.textBaseline = "middle";
  const room = 66 * pixel;
  for (const [word, left] of [["before", true], ["after", false]] as const) {
    if (left ? split < room : width - split < room) continue;
    const wide = context.measureText(word).width + 12 * pixel;
    const x = left ? split - wide - 6 * pixel : split + 6 * pixel;
    context.fillStyle = "#000000a8";
    context.fillRect(x, 8 * pixel, wide, 22 * pixel);
    context.fillStyle = "#ffffff";
    context.fillText(word, x + 6 * pixel, 19.5 * pixel);
  }
}
