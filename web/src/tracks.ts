/** Who in this frame is who in the last ones: tfpose/inference/tracking.py. */

import type { TrackerRules } from "./catalog";
import type { Point, Pose } from "./geometry";
import { similarity } from "./oks";

/** A person who is followed. */
export interface Track {
  id: number;
  pose: Pose;
  /** The joints that the last pose has. */
  placed: boolean[];
  /** px^2, of its box. */
  area: number;
  /** px per frame, of the whole person. */
  velocity: Point;
  /** Frames since the last pose. */
  missed: number;
}

/** A person's pose in a frame. */
export interface Seen {
  pose: Pose;
  placed: boolean[];
  area: number;
}

/** Where the joints of a track will be in the next frame. */
export function expected({ pose, velocity, missed }: Track): Pose {
  return pose.map(([x, y, score]) =>
    [x + velocity[0] * (missed + 1), y + velocity[1] * (missed + 1), score]);
}

/** Pairs of a row and a column, the most similar ones first. */
export function greedyPairs(alike: number[][], least: number): [number, number][] {
  const all = alike.flatMap((row, i) =>
    row.map((value, j) => ({ value, pair: [i, j] as [number, number] })));
  const pairs: [number, number][] = [];
  for (const { value, pair } of all.sort((a, b) => b.value - a.value)) {
    const free = pairs.every(([i, j]) => i !== pair[0] && j !== pair[1]);
    if (free && value > 0 && value >= least) pairs.push(pair);
  }
  return pairs;
}

export class Tracks {
  alive: Track[] = [];
  private last = 0;

  constructor(
    private readonly sigmas: number[],
    private readonly rules: TrackerRules,
  ) {}

  get inSight(): Track[] {
    return this.alive.filter((track) => track.missed === 0);
  }

  /** Names the people of the next frame; null for a pose without joints. */
  step(people: Seen[]): (number | null)[] {
    const before = this.alive;
    const alike = people.map((one) => before.map((track) => this.alike(one, track)));
    const pairs = greedyPairs(alike, this.rules.similar);
    const ids: (number | null)[] = people.map(() => null);
    this.alive = pairs.map(([row, column]) => {
      const track = this.moved(before[column]!, people[row]!);
      ids[row] = track.id;
      return track;
    });
    const matched = new Set(pairs.map(([, column]) => column));
    before.forEach((track, column) => {
      if (matched.has(column)) return;
      const missed = track.missed + 1;
      if (missed <= this.rules.memory) this.alive.push({ ...track, missed });
    });
    people.forEach((one, row) => {
      if (ids[row] !== null || !one.placed.includes(true)) return;
      ids[row] = ++this.last;
      this.alive.push({ ...one, id: this.last, velocity: [0, 0], missed: 0 });
    });
    return ids;
  }

  private alike(one: Seen, track: Track): number {
    const both = one.placed.map((there, joint) => there && track.placed[joint]!);
    const needed = Math.min(this.rules.shared, this.sigmas.length);
    if (both.filter(Boolean).length < needed) return 0;
    return similarity(one.pose, expected(track), track.area, this.sigmas, (joint) => both[joint]!);
  }

  private moved(track: Track, { pose, placed, area }: Seen): Track {
    const joints = pose.map((_, joint) => joint)
      .filter((joint) => placed[joint] && track.placed[joint]);
    const step = (axis: 0 | 1) => joints.reduce((sum, joint) =>
      sum + pose[joint]![axis] - track.pose[joint]![axis], 0)
      / joints.length / (track.missed + 1);
    const { newest } = this.rules;
    const velocity = ([0, 1] as const).map((axis) =>
      newest * step(axis) + (1 - newest) * track.velocity[axis]) as Point;
    return { id: track.id, pose, placed, area, velocity, missed: 0 };
  }
}
