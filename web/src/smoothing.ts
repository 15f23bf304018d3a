/** The One Euro filter of a person's joints: tfpose/inference/smoothing.py. */

import type { SmoothingRules } from "./catalog";
import type { Point, Pose } from "./geometry";

/** The weight of the new value in a low-pass filter. */
function factor(cutoff: number, step: number): number {
  const turn = 2 * Math.PI * cutoff * step;
  return turn / (turn + 1);
}

export class OneEuro {
  private time: number | null = null;
  private step: number | null = null;
  private known: boolean[] = [];
  private values: Point[] = [];
  private speeds: Point[] = [];

  constructor(private readonly rules: SmoothingRules) {}

  /**
   * The joints of the next frame, smoothed; those not placed as they are.
   *
   * @param time seconds.
   * @param size px, of the person.
   */
  next(pose: Pose, placed: boolean[], time: number, size: number): Pose {
    const passed = this.time === null ? 0 : time - this.time;
    if (passed > 0) this.step = passed;
    this.time = time;
    const [values, speeds]: Point[][] = [[], []];
    pose.forEach(([x, y], joint) => {
      const given: Point = [x, y];
      // Who was not seen before begins anew.
      const begins = !placed[joint] || !this.known[joint] || this.step === null;
      const moved = begins ? null : this.moved(given, joint, size);
      values!.push(moved ? moved.value : given);
      speeds!.push(moved ? moved.speed : [0, 0]);
    });
    [this.values, this.speeds, this.known] = [values!, speeds!, placed];
    return pose.map(([, , score], joint) => [...values![joint]!, score]);
  }

  private moved(given: Point, joint: number, size: number): { value: Point; speed: Point } {
    const { minimum_cutoff, speed_factor, speed_cutoff } = this.rules;
    const step = this.step!;
    const [value, speed]: [Point, Point] = [[0, 0], [0, 0]];
    for (const axis of [0, 1] as const) {
      const before = this.values[joint]![axis];
      const share = factor(speed_cutoff, step);
      speed[axis] = share * ((given[axis] - before) / step)
        + (1 - share) * this.speeds[joint]![axis];
      const cutoff = minimum_cutoff + (speed_factor * Math.abs(speed[axis])) / size;
      const weight = factor(cutoff, step);
      value[axis] = weight * given[axis] + (1 - weight) * before;
    }
    return { value, speed };
  }
}
