/**
 * A window of a photo in the size of a network's input, to the bit as OpenCV resizes it:
 * the detector's boxes move by tenths of a pixel if one pixel in 300 is another.
 */

import type { Box, Photo, Pixels } from "./geometry";

const { fround } = Math;

/** Which pixels of a side make each new pixel, and their weights. */
type Taps = { pixel: number; weight: number }[][];

/** How a new pixel is summed up, first along the rows, then down the columns. */
interface Arithmetic {
  taps(from: number, to: number): Taps;
  across(sum: number, value: number, weight: number): number;
  down(sum: number, value: number, weight: number): number;
  end(sum: number): number;
}

function addSingle(sum: number, value: number, weight: number): number {
  return fround(sum + fround(value * weight));
}

/** Each new pixel is the mean of what it covers (cv2.INTER_AREA), in float32. */
const AREA: Arithmetic = {
  taps(from, to) {
    const scale = from / to;
    return Array.from({ length: to }, (_, i) => {
      const start = i * scale;
      const covered = Math.min(scale, from - start);
      const last = Math.min(Math.floor(start + scale), from - 1);
      const first = Math.min(Math.ceil(start), last);
      const shares: [number, number][] = [[first - 1, first - start]];
      for (let pixel = first; pixel < last; pixel++) shares.push([pixel, 1]);
      shares.push([last, Math.min(start + scale - last, 1, covered)]);
      return shares
        .filter(([, share]) => share > 1e-3)
        .map(([pixel, share]) => ({ pixel, weight: fround(share / covered) }));
    });
  },
  across: addSingle,
  down: addSingle,
  end: (sum) => sum,
};

/** Each new pixel lies between two (cv2.INTER_LINEAR), in whole 2048ths. */
const LINEAR: Arithmetic = {
  taps(from, to) {
    const inside = (pixel: number) => Math.min(Math.max(pixel, 0), from - 1);
    return Array.from({ length: to }, (_, i) => {
      const place = fround(((i + 0.5) * from) / to - 0.5);
      const first = Math.floor(place);
      const share = fround(place - first);
      return [
        { pixel: inside(first), weight: halfToEven(fround(1 - share) * 2048) },
        { pixel: inside(first + 1), weight: halfToEven(share * 2048) },
      ];
    });
  },
  across: (sum, value, weight) => sum + value * weight,
  down: (sum, value, weight) => sum + ((weight * (value >> 4)) >> 16),
  end: (sum) => (sum + 2) >> 2,
};

function halfToEven(number: number): number {
  const up = Math.floor(number + 0.5);
  return up - number === 0.5 && up % 2 ? up - 1 : up;
}

/**
 * RGB of `side` x `side` px.
 *
 * @param window in whole pixels, inside the photo; its sides are scaled apart.
 */
export function resized(photo: Photo, window: Box, side: number): Pixels {
  const [, , width, height] = window;
  if (Math.min(width, height) < side) return separably(photo, window, side, LINEAR);
  const whole = width % side === 0 && height % side === 0;
  return whole ? inBlocks(photo, window, side) : separably(photo, window, side, AREA);
}

function separably(
  photo: Photo,
  [left, top, width, height]: Box,
  side: number,
  { taps, across, down, end }: Arithmetic,
): Pixels {
  const columns = taps(width, side);
  const length = side * 3;
  const rows = new Float32Array(height * length); // exact up to 2 ** 24
  for (let y = 0, place = 0; y < height; y++) {
    const start = ((top + y) * photo.width + left) * 4;
    for (const column of columns) {
      for (let channel = 0; channel < 3; channel++, place++) {
        let sum = 0;
        for (const { pixel, weight } of column) {
          sum = across(sum, photo.data[start + pixel * 4 + channel]!, weight);
        }
        rows[place] = sum;
      }
    }
  }
  // Assigning to it rounds halves to even numbers, as OpenCV does.
  const pixels = new Uint8ClampedArray(side * length);
  taps(height, side).forEach((row, y) => {
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (const { pixel, weight } of row) sum = down(sum, rows[pixel * length + i]!, weight);
      pixels[y * length + i] = end(sum);
    }
  });
  return new Uint8Array(pixels.buffer);
}

/** The means of blocks of pixels, for which cv2.INTER_AREA has another arithmetic. */
function inBlocks(photo: Photo, [left, top, width, height]: Box, side: number): Pixels {
  const [across, down] = [width / side, height / side];
  const pixels = new Uint8ClampedArray(side * side * 3);
  for (let place = 0; place < pixels.length; place++) {
    const channel = place % 3;
    const column = Math.floor(place / 3) % side;
    const row = Math.floor(place / (3 * side));
    let sum = 0;
    for (let y = top + row * down; y < top + (row + 1) * down; y++) {
      const start = (y * photo.width + left + column * across) * 4 + channel;
      for (let x = 0; x < across; x++) sum += photo.data[start + x * 4]!;
    }
    const four = across === 2 && down === 2;
    pixels[place] = four ? (sum + 2) >> 2 : fround(sum * fround(1 / (across * down)));
  }
  return new Uint8Array(pixels.buffer);
}
