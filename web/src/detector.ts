/** Finds people: tfpose/inference/person_detector.py in TypeScript. */

import { bestOfOverlapping, type Found, inside, withoutFragments } from "./boxes";
import type { DetectorRules, Look } from "./catalog";
import type { Box, Photo } from "./geometry";
import { resized } from "./resize";
import type { Model } from "./runtime";

export class Detector {
  constructor(
    private readonly model: Model,
    private readonly rules: DetectorRules,
  ) {}

  /** A box around each person, clipped to the photo, best first. */
  async find(photo: Photo, looks: Look[]): Promise<Found[]> {
    const found: Found[] = [];
    for (const look of looks) found.push(...(await this.look(photo, look)));
    const { part, larger, overlap } = this.rules;
    const whole = withoutFragments(found, part, larger);
    return inside(bestOfOverlapping(whole, overlap), photo);
  }

  private async look(photo: Photo, look: Look): Promise<Found[]> {
    const { side, overlap } = this.rules;
    const [left, width] = span(look[0], look[2], photo.width);
    const [top, height] = span(look[1], look[3], photo.height);
    const image = resized(photo, [left, top, width, height], side);
    const { boxes, scores } = await this.model.answer({
      image: [image, [1, side, side, 3]],
    });
    // The sides of the look behind which the photo goes on.
    const open = [
      left > 0, top > 0, left + width < photo.width, top + height < photo.height,
    ];
    const found: Found[] = [];
    scores!.forEach((score, row) => {
      const corners = boxes!.subarray(4 * row, 4 * row + 4);
      const ends = Array.from(corners, (end) => Math.min(Math.max(end, 0), 1));
      if (score < this.least(ends)) return;
      const x = ends[0]! * width + left;
      const y = ends[1]! * height + top;
      const box: Box = [x, y, ends[2]! * width + left - x, ends[3]! * height + top - y];
      found.push({ box, score, cut: this.isCut(ends, open) });
    });
    return bestOfOverlapping(found, overlap);
  }

  /** The lowest score of a box: textures look like one doubtful person everywhere. */
  private least([left, top, right, bottom]: number[]): number {
    const { least, cover, sure } = this.rules;
    const covers = (right! - left!) * (bottom! - top!) > cover;
    return covers ? Math.max(sure, least) : least;
  }

  /** Whether a box ends where its look ends, although the photo goes on. */
  private isCut(ends: number[], open: boolean[]): boolean {
    const { border } = this.rules;
    return open.some((goesOn, side) =>
      goesOn && (side < 2 ? ends[side]! < border : ends[side]! > 1 - border));
  }
}

/** The first of the whole pixels that a look shows along a side, and their number. */
function span(start: number, share: number, side: number): [number, number] {
  const first = Math.floor(start * side);
  const end = Math.ceil((start + share) * side - 1e-6);
  return [first, Math.min(Math.max(end, first + 1), side) - first];
}
