/**
 * Boxes, crops and mirrors: tfpose/geometry/arrays.py in TypeScript.
 *
 * Points are [x, y] and boxes [x, y, width, height], in pixels; sizes are [height,
 * width]. Pixel centers are integers: the corner pixel's center is (0, 0), and the box
 * [0, 0, W, H] is the whole photo.
 */

export type Point = [number, number];
export type Box = [number, number, number, number];
export type Size = [number, number];
/** x, y and a score; a joint with score 0 is missing. */
export type Joint = [number, number, number];
export type Pose = Joint[];

/** RGB, row by row. */
export type Pixels = Uint8Array<ArrayBuffer>;
/** The same, not rounded. */
export type FinePixels = Float32Array<ArrayBuffer>;

/** RGBA pixels, row by row; an ImageData is one. */
export interface Photo {
  width: number;
  height: number;
  data: Uint8ClampedArray;
}

/** The numbers of tfpose/geometry/rules.py, as an exported model carries them. */
export interface CropRule {
  margin: number;
  box_factor: number;
  smallest_side: number;
  person_height: number;
}

/** The mean of so many samples along each axis at most is a crop's pixel. */
const MOST_SAMPLES = 8;
/** As in tfpose/geometry/rules.py: what makes a joint wild. */
const WILD = 4;
const LEAST_JOINTS_WITH_WILD = 8;

const centerOf = (box: Box): Point => [
  box[0] + (box[2] - 1) / 2,
  box[1] + (box[3] - 1) / 2,
];

function around(center: Point, width: number, height: number): Box {
  return [center[0] - (width - 1) / 2, center[1] - (height - 1) / 2, width, height];
}

/** The box made `factor` times as large about its center. */
export function scaleBox(box: Box, factor: number): Box {
  return around(centerOf(box), box[2] * factor, box[3] * factor);
}

/** The smallest box around `box` in the shape of `size`, with the same center. */
export function fitAspect(box: Box, size: Size): Box {
  const aspect = size[1] / size[0];
  const width = Math.max(box[2], box[3] * aspect);
  const height = Math.max(box[3], box[2] / aspect);
  return around(centerOf(box), width, height);
}

/** The tight box around the joints that are there. */
export function boxAround(pose: Pose, smallestSide: number): Box {
  const there = pose.filter((joint) => joint[2] > 0);
  if (there.length === 0) throw new Error("expected a joint, found none");
  const [left, right] = extent(there.map((joint) => joint[0]));
  const [top, bottom] = extent(there.map((joint) => joint[1]));
  const width = right > left ? right - left : smallestSide;
  const height = bottom > top ? bottom - top : smallestSide;
  return around([(left + right) / 2, (top + bottom) / 2], width, height);
}

function extent(values: number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

/**
 * The pose without the joints that a box cannot rest on: those outside the photo and
 * single wild ones (`arrays.steady`). A pose of nothing else stays as it is.
 */
export function steady(pose: Pose, photo: { width: number; height: number }): Pose {
  const there = pose.filter(([x, y, score]) => score > 0
    && x >= -0.5 && y >= -0.5 && x < photo.width - 0.5 && y < photo.height - 0.5);
  const middle = (values: number[]) =>
    values.sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
  const apart = ([x, y]: readonly number[], [u, v]: readonly number[]) =>
    Math.hypot(x! - u!, y! - v!);
  let rests = there;
  if (there.length >= LEAST_JOINTS_WITH_WILD) {
    const center = [0, 1].map((axis) => middle(there.map((joint) => joint[axis]!)));
    const typical = middle(there.map((joint) => apart(joint, center)));
    rests = there.filter((joint) => there.some((other) =>
      other !== joint && apart(joint, other) <= WILD * typical));
  }
  if (rests.length === 0) return pose;
  const kept = new Set(rests);
  return pose.map((joint) => (kept.has(joint) ? joint : [joint[0], joint[1], 0]));
}

/** Whether a point lies on a pixel of a box. */
export function inBox([x, y]: readonly number[], box: Box): boolean {
  return x! >= box[0] - 0.5 && x! < box[0] - 0.5 + box[2]
    && y! >= box[1] - 0.5 && y! < box[1] - 0.5 + box[3];
}

/** What a refiner's crop shows of a pose. */
export function poseCrop(pose: Pose, size: Size, rule: CropRule): Box {
  const box = scaleBox(boxAround(pose, rule.smallest_side), rule.box_factor);
  return scaleBox(fitAspect(box, size), rule.margin);
}

/** What an estimator's crop shows of a box around a person. */
export function boxCrop(box: Box, size: Size, rule: CropRule): Box {
  return scaleBox(fitAspect(box, size), rule.margin);
}

/** The box whose crop is the whole photo. */
export function wholePhoto(photo: Photo, rule: CropRule): Box {
  return scaleBox([0, 0, photo.width, photo.height], 1 / rule.margin);
}

/** Crop px -> photo px. */
export function toPhoto(point: Point, box: Box, size: Size): Point {
  const [x, y] = centerOf(box);
  const step = box[2] / size[1];
  return [
    (point[0] - (size[1] - 1) / 2) * step + x,
    (point[1] - (size[0] - 1) / 2) * step + y,
  ];
}

/** Photo px -> crop px, the inverse of `toPhoto`. */
export function toCrop(point: Point, box: Box, size: Size): Point {
  const [x, y] = centerOf(box);
  const step = box[2] / size[1];
  return [
    (point[0] - x) / step + (size[1] - 1) / 2,
    (point[1] - y) / step + (size[0] - 1) / 2,
  ];
}

/** Rounds as NumPy's rint and OpenCV do. */
export function halfToEven(number: number): number {
  const up = Math.floor(number + 0.5);
  return up - number === 0.5 && up % 2 ? up - 1 : up;
}

interface Samples {
  first: Int32Array;
  second: Int32Array;
  /** Weights; 0 for a pixel outside the photo. */
  before: Float64Array;
  after: Float64Array;
}

/** The two pixels that each pixel of a crop's side lies between. */
function samples(count: number, step: number, center: number, limit: number): Samples {
  const result = {
    first: new Int32Array(count),
    second: new Int32Array(count),
    before: new Float64Array(count),
    after: new Float64Array(count),
  };
  for (let i = 0; i < count; i++) {
    const position = (i - (count - 1) / 2) * step + center;
    const floor = Math.floor(position);
    const share = position - floor;
    result.first[i] = Math.min(Math.max(floor, 0), limit - 1);
    result.second[i] = Math.min(Math.max(floor + 1, 0), limit - 1);
    result.before[i] = floor >= 0 && floor < limit ? 1 - share : 0;
    result.after[i] = floor + 1 >= 0 && floor + 1 < limit ? share : 0;
  }
  return result;
}

/**
 * The part of a photo in a box, bilinear, black outside the photo. Where the crop is
 * smaller, a pixel is the mean of samples about a pixel of the photo apart.
 *
 * @param box in the shape of `size`.
 * @returns RGB, `size[0]` rows of `size[1]` pixels.
 */
export function uprightCrop(photo: Photo, box: Box, size: Size): FinePixels {
  const [height, width] = size;
  const [centerX, centerY] = centerOf(box);
  const step = box[2] / width;
  const count = Math.min(Math.max(halfToEven(step), 1), MOST_SAMPLES);
  const rows = samples(height * count, step / count, centerY, photo.height);
  const columns = samples(width * count, step / count, centerX, photo.width);
  const pixels = new Float32Array(height * width * 3);
  const sums = new Float64Array(width * 3);
  for (let row = 0; row < height; row++) {
    sums.fill(0);
    for (let i = row * count; i < (row + 1) * count; i++) {
      addSamples(photo, rows, i, columns, count, sums);
    }
    for (let i = 0; i < sums.length; i++) {
      pixels[row * width * 3 + i] = sums[i]! / count ** 2;
    }
  }
  return pixels;
}

/** `uprightCrop` in whole numbers. */
export function crop(photo: Photo, box: Box, size: Size): Pixels {
  // Assigning to it rounds halves to even numbers, as NumPy's rint does.
  const whole = new Uint8ClampedArray(uprightCrop(photo, box, size));
  return new Uint8Array(whole.buffer);
}

/** Adds a row of samples, `count` of them to each pixel of three channels. */
function addSamples(
  { width, data }: Photo,
  rows: Samples,
  row: number,
  columns: Samples,
  count: number,
  sums: Float64Array,
): void {
  const [up, down] = [rows.before[row]!, rows.after[row]!];
  if (up === 0 && down === 0) return;
  const [above, below] = [rows.first[row]! * width, rows.second[row]! * width];
  const { first, second, before, after } = columns;
  for (let column = 0; column < first.length; column++) {
    const [left, right] = [first[column]!, second[column]!];
    const [onLeft, onRight] = [before[column]!, after[column]!];
    const place = Math.floor(column / count) * 3;
    for (let channel = 0; channel < 3; channel++) {
      const leftSide = data[(above + left) * 4 + channel]! * up
        + data[(below + left) * 4 + channel]! * down;
      const rightSide = data[(above + right) * 4 + channel]! * up
        + data[(below + right) * 4 + channel]! * down;
      sums[place + channel]! += leftSide * onLeft + rightSide * onRight;
    }
  }
}

/** A crop mirrored left to right. */
export function mirrorPixels<T extends Pixels | FinePixels>(pixels: T, size: Size): T {
  const [height, width] = size;
  const mirrored = pixels.slice() as T;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = (row * width + width - 1 - column) * 3;
      mirrored.set(pixels.subarray(from, from + 3), (row * width + column) * 3);
    }
  }
  return mirrored;
}

/** The points of a pose as seen in the mirrored crop; its own inverse. */
export function mirrorPoints(points: Point[], order: number[], width: number): Point[] {
  return order.map((from) => [width - 1 - points[from]![0], points[from]![1]]);
}

/** Where each joint's mirror image is in the order of the joints. */
export function flipOrder(joints: string[], pairs: [string, string][]): number[] {
  const other = new Map<string, string>();
  for (const [left, right] of pairs) other.set(left, right).set(right, left);
  return joints.map((joint) => joints.indexOf(other.get(joint) ?? joint));
}
