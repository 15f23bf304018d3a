/** How alike poses are: tfpose/metrics/oks.py in TypeScript. */

import type { Pose } from "./geometry";

/** COCO's similarity of a joint in two poses of a person of an area in px^2. */
function jointSimilarity(
  one: readonly number[],
  other: readonly number[],
  area: number,
  sigma: number,
): number {
  const squared = (one[0]! - other[0]!) ** 2 + (one[1]! - other[1]!) ** 2;
  return Math.exp(-squared / (2 * sigma) ** 2 / (area + Number.EPSILON) / 2);
}

/** The mean similarity of the joints that count. */
export function similarity(
  one: readonly (readonly number[])[],
  other: readonly (readonly number[])[],
  area: number,
  sigmas: number[],
  counts: (joint: number) => boolean = () => true,
): number {
  const joints = sigmas.map((_, joint) => joint).filter(counts);
  if (joints.length === 0) return 0;
  const sum = joints.reduce((total, joint) =>
    total + jointSimilarity(one[joint]!, other[joint]!, area, sigmas[joint]!), 0);
  return sum / joints.length;
}

/** A pose to keep or drop: how good it is, and the area of its box. */
export interface Rated {
  pose: Pose;
  rank: number;
  area: number;
}

/** The places of the poses that do not nearly copy a better one, in their order. */
export function distinct(rated: Rated[], sigmas: number[], limit: number): number[] {
  const order = rated.map((_, place) => place).sort((a, b) => rated[b]!.rank - rated[a]!.rank);
  const kept: number[] = [];
  for (const place of order) {
    const { pose, area } = rated[place]!;
    const copies = kept.some((better) => {
      const other = rated[better]!;
      return similarity(pose, other.pose, (area + other.area) / 2, sigmas) > limit;
    });
    if (!copies) kept.push(place);
  }
  return kept.sort((a, b) => a - b);
}

/** The mean of a pose's scores, where joints that are not seen count as 0. */
export function meanScore(pose: Pose, seen: number): number {
  return pose.reduce((sum, [, , score]) => sum + (score >= seen ? score : 0), 0) / pose.length;
}
