import { readFileSync } from "node:fs";

import { expect, test } from "@playwright/test";

import { bestOfOverlapping, inside, overlap, withoutFragments } from "../src/boxes";
import type { Catalog } from "../src/catalog";
import type { Box, Pose } from "../src/geometry";
import { distinct } from "../src/oks";
import { PoseTracker } from "../src/tracker";
import { greedyPairs } from "../src/tracks";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(name, import.meta.url).pathname, "utf8"));
const catalog: Catalog = read("../public/models/models.json");
const { skeleton, crop } = catalog.estimator.about;

interface Frame {
  boxes: Box[];
  poses: Pose[];
  ids: number[];
  smoothed: [number, number][][];
}

test("people who cross, hide and leave are followed and smoothed as in Python", () => {
  const tracker = new PoseTracker(skeleton, crop, catalog.rules);
  (read("expected.json").followed as Frame[]).forEach(({ boxes, poses, ids, smoothed }, frame) => {
    const people = boxes.map((box, row) => ({ box, score: 0.9, pose: poses[row]! }));
    const followed = tracker.follow(people, true, frame / 25);
    expect(followed.map(({ id }) => id)).toEqual(ids);
    const apart = followed.flatMap(({ pose }, row) => pose.map(([x, y], joint) =>
      Math.hypot(x - smoothed[row]![joint]![0], y - smoothed[row]![joint]![1])));
    expect(Math.max(...apart)).toBeLessThan(0.001);
  });
});

const detecting = (boxes: Box[], log: string[]) => ({
  detect: async () => {
    log.push("search");
    return boxes.map((box) => ({ box, score: 0.9 }));
  },
  estimate: async (): Promise<Pose> =>
    skeleton.joints.map((_, joint) => [55 + 4 * joint, 60 + 35 * (joint % 5), 0.9]),
});

test("a video is searched while nobody is there, when somebody is lost, and in turn", async () => {
  const tracker = new PoseTracker(skeleton, crop, catalog.rules);
  const photo = { width: 400, height: 300, data: new Uint8ClampedArray(0) };
  const log: string[] = [];
  const frame = async (boxes: Box[], time: number) => {
    const { people, searched } = await tracker.look(photo, detecting(boxes, log));
    log.push(String(tracker.follow(people, searched, time).length));
  };
  await frame([], 0);
  await frame([[50, 50, 80, 160]], 0.1);
  for (let i = 2; i < 7; i++) await frame([[50, 50, 80, 160]], i / 10);
  expect(log).toEqual(["search", "0", "search", "1", "1", "1", "1", "1", "search", "1"]);
});

test("of boxes that overlap the best stays, and fragments go", () => {
  const found = [
    { box: [0, 0, 10, 10] as Box, score: 0.5 },
    { box: [0, 1, 10, 10] as Box, score: 0.8 },
    { box: [30, 0, 10, 10] as Box, score: 0.4, cut: true },
    { box: [28, 0, 12, 30] as Box, score: 0.6 },
  ];
  expect(overlap(found[0]!.box, found[1]!.box)).toBeCloseTo(9 / 11);
  expect(withoutFragments(found, 0.5, 1.2).map(({ score }) => score)).toEqual([0.5, 0.8, 0.6]);
  expect(bestOfOverlapping(found, 0.45).map(({ score }) => score)).toEqual([0.8, 0.6, 0.4]);
  expect(inside([{ box: [-5, 5, 10, 10], score: 1 }, { box: [50, 5, 9, 9], score: 1 }],
    { width: 40, height: 12 })).toEqual([{ box: [0, 5, 5, 7], score: 1 }]);
});

test("a near copy of a better pose goes, and the others keep their order", () => {
  const pose = (x: number): Pose => skeleton.sigmas.map((_, joint) => [x + joint, 2 * joint, 1]);
  const rated = [[0, 0.5], [1, 0.9], [200, 0.3]].map(([x, rank]) =>
    ({ pose: pose(x!), rank: rank!, area: 10_000 }));
  expect(distinct(rated, skeleton.sigmas, 0.9)).toEqual([1, 2]);
  expect(greedyPairs([[0.2, 0.9], [0.8, 0.85]], 0.1)).toEqual([[0, 1], [1, 0]]);
});
