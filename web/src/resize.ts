/**
 * A window of a photo in the size of a network's input, to the bit as OpenCV resizes it:
 * the detector's boxes move by tenths of a pixel if one pixel in 300 is another.
 */

import { type Box, halfToEven, type Photo, type Pixels } from "./geometry";

const { fround } = Math;

/** Which pixels of a side make each new pixel, and their weights. */
type Taps = { pixel: number; weight: number }[][];

/** Each new pixel is the mean of what it covers (cv2.INTER_AREA). */
function areaTaps(from: number, to: number): Taps {
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
}

/** Each new pixel lies between two (cv2.INTER_LINEAR); weights are whole 2048ths. */
function linearTaps(from: number, to: number): Taps {
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
}

/**
 * RGB of `side` x `side` px.
 *
 * @param window in whole pixels, inside the photo; its sides are scaled apart.
 */
export function resized(photo: Photo, window: Box, side: number): Pixels {
  const [, , width, height] = window;
  if (Math.min(width, height) < side) return between(photo, window, side);
  const whole = width % side === 0 && height % side === 0;
  return (whole ? inBlocks : byArea)(photo, window, side);
}

function byArea(photo: Photo, window: Box, side: number): Pixels {
  const [, , width, height] = window;
  const rows = across(photo, window, areaTaps(width, side));
  const length = side * 3;
  // Assigning to it rounds halves to even numbers, as OpenCV does.
  const pixels = new Uint8ClampedArray(side * length);
  const sums = new Float32Array(length);
  areaTaps(height, side).forEach((row, y) => {
    sums.fill(0);
    for (const { pixel, weight } of row) {
      const start = pixel * length;
      for (let i = 0; i < length; i++) sums[i]! += fround(rows[start + i]! * weight);
    }
    pixels.set(sums, y * length);
  });
  return new Uint8Array(pixels.buffer);
}

function between(photo: Photo, window: Box, side: number): Pixels {
  const [, , width, height] = window;
  const rows = across(photo, window, linearTaps(width, side));
  const length = side * 3;
  const pixels = new Uint8Array(side * length);
  linearTaps(height, side).forEach(([up, down], y) => {
    const [above, below] = [up!.pixel * length, down!.pixel * length];
    for (let i = 0; i < length; i++) {
      const upper = (up!.weight * (rows[above + i]! >> 4)) >> 16;
      const lower = (down!.weight * (rows[below + i]! >> 4)) >> 16;
      pixels[y * length + i] = (upper + lower + 2) >> 2;
    }
  });
  return pixels;
}

/** All rows of the window in their new width, summed up in float32 (exact in 2048ths). */
function across(photo: Photo, window: Box, columns: Taps): Float32Array {
  const [left, top, , height] = window;
  const { data } = photo;
  const rows = new Float32Array(height * columns.length * 3);
  for (let y = 0, place = 0; y < height; y++) {
    const start = ((top + y) * photo.width + left) * 4;
    for (const column of columns) {
      let [red, green, blue] = [0, 0, 0];
      for (let i = 0; i < column.length; i++) {
        const { pixel, weight } = column[i]!;
        const at = start + pixel * 4;
        red = fround(red + fround(data[at]! * weight));
        green = fround(green + fround(data[at + 1]! * weight));
        blue = fround(blue + fround(data[at + 2]! * weight));
      }
      rows[place++] = red;
      rows[place++] = green;
      rows[place++] = blue;
    }
  }
  return rows;
}

/** The means of blocks of pixels, for which cv2.INTER_AREA has another arithmetic. */
function inBlocks(photo: Photo, [left, top, width, height]: Box, side: number): Pixels {
  const [wide, high] = [width / side, height / side];
  const pixels = new Uint8ClampedArray(side * side * 3);
  for (let place = 0; place < pixels.length; place++) {
    const channel = place % 3;
    const column = Math.floor(place / 3) % side;
    const row = Math.floor(place / (3 * side));
    let sum = 0;
    for (let y = top + row * high; y < top + (row + 1) * high; y++) {
      const start = (y * photo.width + left + column * wide) * 4 + channel;
      for (let x = 0; x < wide; x++) sum += photo.data[start + x * 4]!;
    }
    const four = wide === 2 && high === 2;
    pixels[place] = four ? (sum + 2) >> 2 : fround(sum * fround(1 / (wide * high)));
  }
  return new Uint8Array(pixels.buffer);
}
