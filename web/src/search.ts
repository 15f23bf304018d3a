/** Finds the people of a photo or of a video's next frame, fast or accurately. */

import type { Found } from "./boxes";
import type { Box, Photo, Pose } from "./geometry";
import type { Models } from "./models";
import { distinct, meanScore } from "./oks";
import type { Person } from "./poses";
import type { PoseTracker } from "./tracker";

/** What a visitor can choose. */
export const MODES = {
  fast: { looks: "one", several: false, refines: false },
  accurate: { looks: "five", several: true, refines: false },
  refined: { looks: "five", several: true, refines: true },
} as const;
export type Mode = keyof typeof MODES;

/** Called before each person; may wait, and throws to stop the search. */
export type Onward = (done: number, of: number) => Promise<void>;

/** Milliseconds; null for what was not done. */
export interface Times {
  find: number | null;
  poses: number;
}

export interface Answer {
  people: Person[];
  times: Times;
}

/** A pose, and the box and score of its person. */
interface Candidate extends Found {
  pose: Pose;
}

/**
 * The people of a photo.
 *
 * @param boxes around them; none to look for them.
 */
export async function search(
  models: Models,
  photo: Photo,
  mode: Mode,
  boxes: Box[],
  onward: Onward,
): Promise<Answer> {
  const [detect, estimate] = [await detecting(models, mode), await estimating(models, mode)];
  const refine = MODES[mode].refines ? await refining(models) : null;
  const begin = performance.now();
  const found = boxes.length > 0
    ? boxes.map((box) => ({ box, score: 1 })) : await detect(photo);
  const middle = performance.now();
  const candidates: Candidate[] = [];
  for (const one of found) {
    await onward(candidates.length, found.length);
    candidates.push({ ...one, pose: await estimate(photo, one.box) });
  }
  const people: Person[] = [];
  for (const { pose, box } of kept(models, candidates, boxes.length > 0)) {
    if (refine) await onward(people.length, candidates.length);
    people.push({ before: pose, after: refine ? await refine(photo, pose) : pose, box });
  }
  const end = performance.now();
  const find = boxes.length > 0 ? null : middle - begin;
  return { people, times: { find, poses: end - middle } };
}

/** Refines poses that came from elsewhere. */
export async function refineGiven(
  models: Models,
  photo: Photo,
  poses: Pose[],
  onward: Onward,
): Promise<Answer> {
  const refine = await refining(models);
  const begin = performance.now();
  const people: Person[] = [];
  for (const before of poses) {
    await onward(people.length, poses.length);
    people.push({ before, after: await refine(photo, before) });
  }
  return { people, times: { find: null, poses: performance.now() - begin } };
}

/**
 * The people of a video's next frame.
 *
 * @param time seconds since it began.
 */
export async function follow(
  models: Models,
  photo: Photo,
  mode: Mode,
  tracker: PoseTracker,
  time: number,
): Promise<Answer> {
  const [detect, estimate] = [await detecting(models, mode), await estimating(models, mode)];
  const refine = MODES[mode].refines ? await refining(models) : null;
  let searching = 0;
  const begin = performance.now();
  const { people, searched } = await tracker.look(photo, {
    detect: async (frame) => {
      const found = await detect(frame);
      searching = performance.now() - begin;
      return found;
    },
    estimate: async (frame, box) => {
      const pose = await estimate(frame, box);
      return refine ? refine(frame, pose) : pose;
    },
  });
  const followed = tracker.follow(people, searched, time);
  const took = performance.now() - begin;
  return {
    people: followed.map(({ pose, id, box }) => ({ before: pose, after: pose, id, box })),
    times: { find: searched ? searching : null, poses: took - searching },
  };
}

async function detecting(models: Models, mode: Mode) {
  const detector = await models.detector();
  const looks = models.catalog.rules.detector.looks[MODES[mode].looks];
  return (photo: Photo) => detector.find(photo, looks);
}

async function estimating(models: Models, mode: Mode) {
  const estimator = await models.estimator();
  const look = MODES[mode].several ? "several" : "one";
  return (photo: Photo, box: Box) => estimator[look](photo, box);
}

async function refining(models: Models) {
  const refiner = await models.refiner();
  return (photo: Photo, pose: Pose) => refiner.refine(photo, pose);
}

/**
 * The candidates without poses of nobody and near copies of better ones, as
 * tfpose/inference/rules.py keeps them.
 *
 * @param sure people are there: somebody drew their boxes.
 */
function kept(models: Models, candidates: Candidate[], sure: boolean): Candidate[] {
  const { rules, estimator } = models.catalog;
  const there = candidates.filter(({ pose }) =>
    sure || pose.some(([, , score]) => score >= rules.seen));
  const rated = there.map(({ box, score, pose }) =>
    ({ pose, rank: score * meanScore(pose, rules.seen), area: box[2] * box[3] }));
  const { sigmas } = estimator.about.skeleton;
  return distinct(rated, sigmas, rules.near_copies).map((place) => there[place]!);
}
