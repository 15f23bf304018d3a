/** Refines poses: tfpose/edge/predictor.py for a refiner, in TypeScript. */

import type { Description } from "./catalog";
import {
  crop,
  flipOrder,
  inBox,
  mirrorPixels,
  mirrorPoints,
  type Photo,
  type Pixels,
  type Point,
  type Pose,
  poseCrop,
  steady,
  toCrop,
  toPhoto,
} from "./geometry";
import type { Model } from "./runtime";

interface Inputs {
  image: Pixels;
  keypoints: Point[];
  valid: number[];
}

interface Answer {
  points: Point[];
  scores: number[];
}

/** What the network says of one look; its score is that of what it expects. */
interface Look extends Answer {
  expected: Point[];
}

/** px of a crop: geometry/rules.py. */
const SAME_JOINT = 12;

export class Refiner {
  private readonly order: number[];

  constructor(
    private readonly about: Description,
    private readonly model: Model,
  ) {
    const { crop: rule, rounds, decoding, skeleton } = about;
    if (rule.person_height || rounds !== 1 || decoding !== "expectation") {
      throw new Error(`${about.name}: not a refiner for this page`);
    }
    this.order = flipOrder(skeleton.joints, skeleton.flip_pairs);
  }

  /** A better pose of a person. */
  async refine(photo: Photo, pose: Pose): Promise<Pose> {
    const size = this.about.input_size;
    const rests = steady(pose, photo);
    const shown = poseCrop(rests, size, this.about.crop);
    const keypoints = pose.map(([x, y]) => toCrop([x, y], shown, size));
    // A joint that the box leaves out and that is not in the crop counts as missing.
    const valid = pose.map((joint, index) =>
      joint[2] > 0 && (rests[index]![2] > 0 || inBox(joint, shown)) ? 1 : 0);
    const image = crop(photo, shown, size);
    const { points, scores } = await this.answer({ image, keypoints, valid });
    return points.map((point, joint) =>
      [...toPhoto(point, shown, size), scores[joint]!]);
  }

  /** The answers about the crop and its mirror image, joined: models/outputs.py. */
  private async answer(inputs: Inputs): Promise<Answer> {
    const straight = await this.run(inputs);
    const size = this.about.input_size;
    const mirrored = await this.run({
      image: mirrorPixels(inputs.image, size),
      keypoints: mirrorPoints(inputs.keypoints, this.order, size[1]),
      valid: this.order.map((from) => inputs.valid[from]!),
    });
    const others = mirrorPoints(mirrored.points, this.order, size[1]);
    const otherScores = this.order.map((from) => mirrored.scores[from]!);
    const { margin } = this.about.crop;
    const area = (size[0] / margin) * (size[1] / margin);
    const points = straight.points.map(([x, y], joint): Point => {
      const [otherX, otherY] = others[joint]!;
      if (Math.hypot(x - otherX, y - otherY) <= SAME_JOINT) {
        return [(x + otherX) / 2, (y + otherY) / 2];
      }
      const surer = straight.scores[joint]! >= otherScores[joint]!;
      return surer ? [x, y] : [otherX, otherY];
    });
    // The score of the mean belief, from both scores (edge/predictor.py, _answer).
    const expected = mirrorPoints(mirrored.expected, this.order, size[1]);
    const scores = straight.scores.map((score, joint) => {
      const other = otherScores[joint]!;
      const [x, y] = straight.expected[joint]!;
      const [otherX, otherY] = expected[joint]!;
      const apart = (x - otherX) ** 2 + (y - otherY) ** 2;
      const tolerance = 8 * area * this.about.skeleton.sigmas[joint]! ** 2;
      return Math.sqrt(score * other) * Math.exp(-apart / (4 * tolerance));
    });
    return { points, scores };
  }

  private async run(inputs: Inputs): Promise<Look> {
    const joints = this.about.skeleton.joints.length;
    const { keypoints, expected, scores } = await this.model.answer({
      image: [inputs.image, [1, ...this.about.input_size, 3]],
      keypoints: [Float32Array.from(inputs.keypoints.flat()), [1, joints, 2]],
      valid: [Float32Array.from(inputs.valid), [1, joints]],
    });
    const pointsOf = (flat: Float32Array) => Array.from(scores!, (_, joint): Point =>
      [flat[2 * joint]!, flat[2 * joint + 1]!]);
    return {
      points: pointsOf(keypoints!),
      expected: pointsOf(expected!),
      scores: Array.from(scores!),
    };
  }
}
