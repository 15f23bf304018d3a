/** Boxes that detectors find: tfpose/inference/boxes.py in TypeScript. */

import type { Box, Photo } from "./geometry";

/** A box around somebody, how surely, and whether its look cuts it off. */
export interface Found {
  box: Box;
  score: number;
  cut?: boolean;
}

const area = (box: Box) => box[2] * box[3];

function common(one: Box, other: Box): number {
  const side = (axis: 0 | 1) =>
    Math.min(one[axis] + one[axis + 2]!, other[axis] + other[axis + 2]!)
    - Math.max(one[axis], other[axis]);
  return Math.max(side(0), 0) * Math.max(side(1), 0);
}

/** Intersection over union. */
export function overlap(one: Box, other: Box): number {
  const both = common(one, other);
  const union = area(one) + area(other) - both;
  return union > 0 ? both / union : 0;
}

/** Of boxes that overlap more than `limit`, only the best one stays; best first. */
export function bestOfOverlapping(found: Found[], limit: number): Found[] {
  const kept: Found[] = [];
  for (const one of [...found].sort((a, b) => b.score - a.score)) {
    if (kept.every((better) => overlap(better.box, one.box) <= limit)) kept.push(one);
  }
  return kept;
}

/**
 * The boxes without those cut off by their look that show a part of somebody whom
 * another box shows more of.
 *
 * @param share part of a cut box that the fuller box has to cover.
 * @param larger a cut box is fuller if its area is this many times as large.
 */
export function withoutFragments(found: Found[], share: number, larger: number): Found[] {
  return found.filter(({ box, cut }) => !cut || !found.some((other) =>
    (!other.cut || area(other.box) > larger * area(box))
    && common(box, other.box) > share * area(box)));
}

/** The boxes clipped to a photo, without those that lie outside it. */
export function inside(found: Found[], photo: Pick<Photo, "width" | "height">): Found[] {
  return found.flatMap(({ box: [x, y, width, height], score }) => {
    const [left, top] = [Math.max(x, 0), Math.max(y, 0)];
    const wide = Math.min(x + width, photo.width) - left;
    const high = Math.min(y + height, photo.height) - top;
    return wide >= 1 && high >= 1 ? [{ box: [left, top, wide, high] as Box, score }] : [];
  });
}
