/** Finds and follows the people of a video: tfpose/inference/pose_tracker.py. */

import { type Found, inside, overlap } from "./boxes";
import type { Rules, Skeleton } from "./catalog";
import { type Box, boxAround, type CropRule, type Photo, type Pose, scaleBox } from "./geometry";
import { distinct, meanScore } from "./oks";
import { OneEuro } from "./smoothing";
import { expected, greedyPairs, type Track, Tracks } from "./tracks";

/** What the networks see of a person in a frame. */
export interface Sight extends Found {
  pose: Pose;
}

/** A person of a frame; `id` is null if nobody can say who it is. */
export interface Followed {
  pose: Pose;
  id: number | null;
  box: Box;
}

/** The networks, for a frame. */
export interface Networks {
  detect(photo: Photo): Promise<Found[]>;
  estimate(photo: Photo, box: Box): Promise<Pose>;
}

export class PoseTracker {
  private readonly tracks: Tracks;
  private filters = new Map<number, OneEuro>();
  private confidence = new Map<number, number>();
  private sinceSearch: number;
  private lost = false;

  constructor(
    private readonly skeleton: Skeleton,
    private readonly crop: CropRule,
    private readonly rules: Rules,
  ) {
    this.tracks = new Tracks(skeleton.sigmas, rules.tracker);
    this.sinceSearch = rules.tracker.search_every;
  }

  /** Runs the networks on the next frame; does not change the tracker. */
  async look(photo: Photo, networks: Networks): Promise<{ people: Sight[]; searched: boolean }> {
    const { search_every, same_box } = this.rules.tracker;
    const followed = this.tracks.inSight;
    const awaited = inside(followed.map((track) => this.awaited(track)), photo);
    const searched = followed.length === 0 || this.lost || this.sinceSearch >= search_every;
    let boxes = awaited;
    if (searched) {
      const found = await networks.detect(photo);
      // A detected box is better: an expected one may show somebody nearby.
      const alike = found.map((one) => awaited.map((other) => overlap(one.box, other.box)));
      const same = new Set(greedyPairs(alike, same_box).map(([, column]) => column));
      boxes = [...found, ...awaited.filter((_, column) => !same.has(column))];
    }
    const people: Sight[] = [];
    for (const { box, score } of boxes) {
      people.push({ box, score, pose: await networks.estimate(photo, box) });
    }
    return { people: this.there(people), searched };
  }

  /**
   * Names and smooths the people of the next frame.
   *
   * @param time seconds since the video began.
   */
  follow(people: Sight[], searched: boolean, time: number): Followed[] {
    this.sinceSearch = searched ? 1 : this.sinceSearch + 1;
    const placed = people.map(({ pose }) => pose.map(([, , score]) => score >= this.rules.seen));
    const areas = people.map(({ box }) => box[2] * box[3]);
    const before = this.tracks.inSight.map(({ id }) => id);
    const ids = this.tracks.step(people.map(({ pose }, row) =>
      ({ pose, placed: placed[row]!, area: areas[row]! })));
    this.lost = !before.every((id) => ids.includes(id));
    ids.forEach((id, row) => id !== null && this.confidence.set(id, people[row]!.score));
    // Who is out of sight begins anew.
    const filters = new Map<number, OneEuro>();
    const followed = people.map(({ pose, box }, row): Followed => {
      const id = ids[row]!;
      if (id === null) return { pose, id, box };
      const filter = this.filters.get(id) ?? new OneEuro(this.rules.smoothing);
      filters.set(id, filter);
      const size = Math.sqrt(areas[row]!);
      return { pose: filter.next(pose, placed[row]!, time, size), id, box };
    });
    this.filters = filters;
    return followed;
  }

  /** The box where somebody is expected, as refiners put it around poses. */
  private awaited(track: Track): Found {
    const { smallest_side, box_factor } = this.crop;
    const pose = expected(track).map(([x, y], joint): Pose[0] =>
      [x, y, track.placed[joint] ? 1 : 0]);
    const box = scaleBox(boxAround(pose, smallest_side), box_factor);
    return { box, score: this.confidence.get(track.id)! };
  }

  /** Without poses of nobody, and without copies of better poses. */
  private there(people: Sight[]): Sight[] {
    const { still_there, same_pose } = this.rules.tracker;
    const rated = people
      .map((one) => ({ one, rank: meanScore(one.pose, this.rules.seen) }))
      .filter(({ rank }) => rank > still_there)
      .map(({ one, rank }) => ({ one, pose: one.pose, rank, area: one.box[2] * one.box[3] }));
    return distinct(rated, this.skeleton.sigmas, same_pose).map((place) => rated[place]!.one);
  }
}
