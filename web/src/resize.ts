/** A window of a photo in the size of a network's input, as OpenCV resizes it. */

import type { Box, Photo, Pixels } from "./geometry";

/** Which pixels of a side make each new pixel, and their weights. */
interface Taps {
  first: number;
  weights: number[];
}

/** Each new pixel is the mean of what it covers (cv2.INTER_AREA). */
function areaTaps(from: number, to: number): Taps[] {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const [start, end] = [i * scale, Math.min((i + 1) * scale, from)];
    const first = Math.floor(start + 1e-9);
    const weights: number[] = [];
    for (let pixel = first; pixel < end - 1e-9; pixel++) {
      weights.push((Math.min(pixel + 1, end) - Math.max(pixel, start)) / (end - start));
    }
    return { first, weights };
  });
}

/** Each new pixel lies between two (cv2.INTER_LINEAR). */
function linearTaps(from: number, to: number): Taps[] {
  return Array.from({ length: to }, (_, i) => {
    const position = ((i + 0.5) * from) / to - 0.5;
    const place = Math.min(Math.max(position, 0), from - 1);
    const first = Math.min(Math.floor(place), Math.max(from - 2, 0));
    return { first, weights: from > 1 ? [1 - (place - first), place - first] : [1] };
  });
}

/**
 * RGB of `side` x `side` px.
 *
 * @param window in whole pixels, inside the photo; its sides are scaled apart.
 */
export function resized(photo: Photo, window: Box, side: number): Pixels {
  const [left, top, width, height] = window;
  const taps = Math.min(width, height) >= side ? areaTaps : linearTaps;
  const columns = taps(width, side);
  // First every row across, then these down.
  const rows = new Float32Array(height * side * 3);
  for (let y = 0, place = 0; y < height; y++) {
    const start = ((top + y) * photo.width + left) * 4;
    for (const { first, weights } of columns) {
      let [red, green, blue] = [0, 0, 0];
      for (let i = 0, at = start + first * 4; i < weights.length; i++, at += 4) {
        const weight = weights[i]!;
        red += weight * photo.data[at]!;
        green += weight * photo.data[at + 1]!;
        blue += weight * photo.data[at + 2]!;
      }
      rows[place++] = red;
      rows[place++] = green;
      rows[place++] = blue;
    }
  }
  const length = side * 3;
  const pixels = new Uint8ClampedArray(side * length);
  taps(height, side).forEach(({ first, weights }, row) => {
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap++) {
        sum += weights[tap]! * rows[(first + tap) * length + i]!;
      }
      pixels[row * length + i] = sum;
    }
  });
  return new Uint8Array(pixels.buffer);
}
