import { readFileSync } from "node:fs";

import { expect, test } from "@playwright/test";

import {
  boxAround,
  boxCrop,
  crop,
  fitAspect,
  flipOrder,
  mirrorPixels,
  mirrorPoints,
  type Joint,
  type Photo,
  poseCrop,
  scaleBox,
  steady,
  toCrop,
  toPhoto,
  wholePhoto,
} from "../src/geometry";
import { resized } from "../src/resize";

const RULE = { margin: 1.25, box_factor: 1.2, smallest_side: 20, person_height: 0 };

/** A photo whose red is 10 x + 1, green 10 y + 1 and blue 7. */
function ramp(width: number, height: number): Photo {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data.set([10 * x + 1, 10 * y + 1, 7, 255], (y * width + x) * 4);
    }
  }
  return { width, height, data };
}

test("a box grows about its center", () => {
  // The box's pixels are 10..19, its center 14.5.
  expect(scaleBox([10, 10, 10, 10], 2)).toEqual([5, 5, 20, 20]);
  expect(fitAspect([10, 10, 10, 10], [8, 16])).toEqual([5, 10, 20, 10]);
});

test("a pose's box has only the joints that are there, and a smallest side", () => {
  const pose: [number, number, number][] = [[3, 8, 1], [3, 18, 0.5], [99, 99, 0]];
  expect(boxAround(pose, 20)).toEqual([-6.5, 8.5, 20, 10]);
  expect(() => boxAround([[1, 1, 0]], 20)).toThrow("expected a joint");
});

test("crops show the box with its margins in the shape of the crop", () => {
  expect(boxCrop([0, 0, 40, 20], [32, 32], RULE)).toEqual([-5, -15, 50, 50]);
  const [x, y, width, height] = poseCrop([[0, 0, 1], [40, 20, 1]], [32, 32], RULE);
  expect([width, height]).toEqual([60, 60]);
  expect([x + (width - 1) / 2, y + (height - 1) / 2]).toEqual([20, 10]);
  const photo = ramp(40, 20);
  const shown = boxCrop(wholePhoto(photo, RULE), [16, 32], RULE);
  expect(shown.map((side) => Math.round(side * 1e9) / 1e9)).toEqual([0, 0, 40, 20]);
});

test("crop and photo pixels are inverses of each other, centers on centers", () => {
  expect(toPhoto([0, 0], [0, 0, 8, 8], [8, 8])).toEqual([0, 0]);
  // Two photo pixels a crop pixel: the first one's center lies between 0 and 1.
  expect(toPhoto([0, 0], [0, 0, 16, 16], [8, 8])).toEqual([0.5, 0.5]);
  expect(toCrop(toPhoto([3, 5], [2, 7, 31, 31], [8, 8]), [2, 7, 31, 31], [8, 8])).toEqual([3, 5]);
});

test("a crop of the same size is the photo itself, black outside", () => {
  const pixels = crop(ramp(4, 3), [1, -1, 4, 4], [4, 4]);
  const at = (x: number, y: number) => [...pixels.subarray((y * 4 + x) * 3, (y * 4 + x) * 3 + 3)];
  expect(at(0, 0)).toEqual([0, 0, 0]); // above the photo
  expect(at(0, 1)).toEqual([11, 1, 7]);
  expect(at(2, 3)).toEqual([31, 21, 7]);
  expect(at(3, 2)).toEqual([0, 0, 0]); // right of it
});

test("between pixels a crop is bilinear, and halves are rounded to even numbers", () => {
  const pixels = crop(ramp(4, 4), [0, 0, 4, 4], [2, 2]);
  expect([...pixels.subarray(0, 3)]).toEqual([6, 6, 7]);
  expect([...pixels.subarray(9, 12)]).toEqual([26, 26, 7]);
  // Half of the first pixel of 4 x 4 lies outside: (0 + 1) / 2 and 7 / 2.
  const border = crop(ramp(4, 4), [-0.5, 0, 1, 1], [1, 1]);
  expect([...border]).toEqual([0, 0, 4]);
});

test("a pixel of a smaller crop is the mean of the photo's", () => {
  const photo = { width: 3, height: 3, data: new Uint8ClampedArray(36) };
  photo.data[4 * 4] = 180;
  expect([...crop(photo, [0, 0, 3, 3], [1, 1])]).toEqual([20, 0, 0]);
  // 2.5 px of the photo: two samples, at 0.125 and 1.375 px, as rint(2.5) is 2.
  expect([...crop(ramp(5, 5), [0, 0, 5, 5], [2, 2]).subarray(0, 3)]).toEqual([8, 8, 7]);
});

test("a box does not rest on joints outside the photo or on wild ones", () => {
  const rows = [10, 20].flatMap((y) => [10, 20, 30, 40, 50].map((x) => [x, y, 1] as Joint));
  const photo = { width: 400, height: 300 };
  const rests = (x: number, y: number) => steady([...rows, [x, y, 1]], photo).map((joint) => joint[2]);
  expect(rests(30, 60)).toEqual(Array(11).fill(1));
  for (const [x, y] of [[300, 200], [-30, 20], [398, 1]]) {
    expect(rests(x!, y!)).toEqual([...Array(10).fill(1), 0]);
  }
  expect(steady([[-5, -5, 1]], photo)).toEqual([[-5, -5, 1]]);
});

test("a mirrored crop has mirrored pixels and points", () => {
  const pixels = Uint8Array.from([1, 2, 3, 4, 5, 6]);
  expect([...mirrorPixels(pixels, [1, 2])]).toEqual([4, 5, 6, 1, 2, 3]);
  const order = flipOrder(["left_hip", "neck", "right_hip"], [["left_hip", "right_hip"]]);
  expect(order).toEqual([2, 1, 0]);
  expect(mirrorPoints([[0, 1], [2, 3], [7, 5]], order, 8)).toEqual([[0, 5], [5, 3], [7, 1]]);
});

interface Resized {
  side: number;
  photo: number[][][];
  resized: number[];
}

test("a window is resized as OpenCV resizes it, to the bit", () => {
  const path = new URL("expected.json", import.meta.url).pathname;
  const cases: Resized[] = JSON.parse(readFileSync(path, "utf8")).resized;
  expect(cases).toHaveLength(5);
  for (const { side, photo, resized: python } of cases) {
    // With a border, so that the window lies inside a larger photo.
    const [height, width] = [photo.length, photo[0]!.length];
    const data = new Uint8ClampedArray((height + 2) * (width + 3) * 4).fill(99);
    photo.forEach((row, y) => row.forEach((color, x) =>
      data.set(color, ((y + 1) * (width + 3) + x + 2) * 4)));
    const framed = { width: width + 3, height: height + 2, data };
    expect([...resized(framed, [2, 1, width, height], side)]).toEqual(python);
  }
});
