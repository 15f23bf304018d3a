/** Finds the joints of the person in a box: tfpose/inference/estimator.py. */

import type { Description } from "./catalog";
import {
  type Box,
  boxCrop,
  crop,
  type FinePixels,
  mirrorPixels,
  type Photo,
  type Pose,
  scaleBox,
  toPhoto,
  uprightCrop,
} from "./geometry";
import type { Model } from "./runtime";

export class Estimator {
  /**
   * @param model MoveNet, whose pixels are float32 and whose beliefs are outputs too.
   * @param merge makes one pose of the beliefs of several looks.
   * @param scales of these looks.
   */
  constructor(
    readonly about: Description,
    private readonly model: Model,
    private readonly merge: Model,
    private readonly scales: number[],
  ) {}

  /** The pose in one look. */
  async one(photo: Photo, box: Box): Promise<Pose> {
    const shown = boxCrop(box, this.about.input_size, this.about.crop);
    // In whole numbers, as all exported files take them (tfpose/edge/predictor.py).
    const image = Float32Array.from(crop(photo, shown, this.about.input_size));
    return this.inPhoto(await this.run(image), shown);
  }

  /** The pose in all looks: several sizes, and the mirror image of each. */
  async several(photo: Photo, box: Box): Promise<Pose> {
    const size = this.about.input_size;
    const shown = boxCrop(box, size, this.about.crop);
    const looks = this.scales.map((scale) =>
      uprightCrop(photo, scaleBox(shown, 1 / scale), size));
    const beliefs: Float32Array[] = [];
    for (const look of [...looks, ...looks.map((image) => mirrorPixels(image, size))]) {
      beliefs.push((await this.run(look)).belief!);
    }
    const each = beliefs[0]!.length;
    const all = new Float32Array(beliefs.length * each);
    beliefs.forEach((belief, look) => all.set(belief, look * each));
    const joints = this.about.skeleton.joints.length;
    const rows = Math.sqrt(each / joints);
    const shape = [beliefs.length, rows, rows, joints];
    return this.inPhoto(await this.merge.answer({ beliefs: [all, shape] }), shown);
  }

  private run(image: FinePixels): Promise<Record<string, Float32Array>> {
    return this.model.answer({ image: [image, [1, ...this.about.input_size, 3]] });
  }

  private inPhoto(answer: Record<string, Float32Array>, shown: Box): Pose {
    const { keypoints, scores } = answer;
    return Array.from(scores!, (score, joint) => {
      const point: [number, number] = [keypoints![2 * joint]!, keypoints![2 * joint + 1]!];
      return [...toPhoto(point, shown, this.about.input_size), score];
    });
  }
}
