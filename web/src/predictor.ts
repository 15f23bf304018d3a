/** Exported models on photos: the calls of tfpose/edge/predictor.py, with LiteRT.js. */

import { type CompiledModel, loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

import {
  type Box,
  boxCrop,
  crop,
  inBox,
  type CropRule,
  flipOrder,
  mirrorPixels,
  mirrorPoints,
  type Photo,
  type Pixels,
  type Point,
  type Pose,
  poseCrop,
  steady,
  type Size,
  toCrop,
  toPhoto,
} from "./geometry";

/** What an exported model says about itself (tfpose/edge/metadata.py). */
export interface Description {
  name: string;
  model: string;
  numbers: string;
  license: string | null;
  task: "refine" | "estimate";
  skeleton: {
    name: string;
    joints: string[];
    flip_pairs: [string, string][];
    limbs: [string, string][];
    sigmas: number[];
  };
  input_size: Size;
  crop: CropRule;
  decoding: "expectation" | "peak";
}

/** A model that can be loaded: an entry of models/models.json. */
export interface Entry {
  file: string;
  bytes: number;
  about: Description;
}

interface Inputs {
  image: Pixels;
  keypoints?: Point[];
  valid?: number[];
}

interface Answer {
  points: Point[];
  scores: number[];
}

let threads: Promise<number> | undefined;

/** Starts LiteRT once; how many threads it computes with. */
export function start(folder: string): Promise<number> {
  threads ??= (async () => {
    // Threads share memory, which browsers give to isolated pages only.
    if (globalThis.crossOriginIsolated) {
      try {
        await loadLiteRt(folder, { threads: true });
        return Math.min(navigator.hardwareConcurrency || 1, 4);
      } catch (error) {
        console.info("LiteRT with one thread:", error);
      }
    }
    await loadLiteRt(folder);
    return 1;
  })();
  return threads;
}

export class Predictor {
  readonly about: Description;
  private readonly order: number[];

  private constructor(
    entry: Entry,
    private readonly model: CompiledModel,
  ) {
    this.about = entry.about;
    const { joints, flip_pairs } = entry.about.skeleton;
    this.order = flipOrder(joints, flip_pairs);
  }

  /** Loads a model; `start` must have been called. */
  static async load(entry: Entry, folder: string): Promise<Predictor> {
    if (entry.about.crop.person_height) {
      throw new Error(`${entry.file}: crops by a person's height are not for this page`);
    }
    const response = await fetch(folder + entry.file);
    if (!response.ok) throw new Error(`${entry.file}: ${response.statusText}`);
    const content = new Uint8Array(await response.arrayBuffer());
    const numThreads = (await threads) ?? 1;
    const model = await loadAndCompile(content, {
      accelerator: "wasm",
      cpuOptions: { numThreads },
    });
    return new Predictor(entry, model);
  }

  delete(): void {
    this.model.delete();
  }

  /** The pose of the person in a box. */
  async estimate(photo: Photo, box: Box): Promise<Pose> {
    const size = this.about.input_size;
    const shown = boxCrop(box, size, this.about.crop);
    return this.inPhoto({ image: crop(photo, shown, size) }, shown);
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
    return this.inPhoto({ image: crop(photo, shown, size), keypoints, valid }, shown);
  }

  private async inPhoto(inputs: Inputs, shown: Box): Promise<Pose> {
    const { points, scores } = await this.answer(inputs);
    const size = this.about.input_size;
    return points.map((point, joint) => {
      const [x, y] = toPhoto(point, shown, size);
      return [x, y, scores[joint]!];
    });
  }

  /** The mean of the answers about the crop and its mirror image. */
  private async answer(inputs: Inputs): Promise<Answer> {
    const straight = await this.run(inputs);
    if (this.about.decoding !== "expectation") return straight;
    const size = this.about.input_size;
    const mirrored = await this.run({
      image: mirrorPixels(inputs.image, size),
      keypoints: inputs.keypoints && mirrorPoints(inputs.keypoints, this.order, size[1]),
      valid: inputs.valid && this.order.map((from) => inputs.valid![from]!),
    });
    const others = mirrorPoints(mirrored.points, this.order, size[1]);
    const { margin } = this.about.crop;
    const area = (size[0] / margin) * (size[1] / margin);
    const points = straight.points.map(([x, y], joint): Point => {
      const [otherX, otherY] = others[joint]!;
      return [(x + otherX) / 2, (y + otherY) / 2];
    });
    // The score of the mean belief, from both scores (edge/predictor.py, _answer).
    const scores = straight.scores.map((score, joint) => {
      const other = mirrored.scores[this.order[joint]!]!;
      const [x, y] = straight.points[joint]!;
      const [otherX, otherY] = others[joint]!;
      const apart = (x - otherX) ** 2 + (y - otherY) ** 2;
      const tolerance = 8 * area * this.about.skeleton.sigmas[joint]! ** 2;
      return Math.sqrt(score * other) * Math.exp(-apart / (4 * tolerance));
    });
    return { points, scores };
  }

  private async run(inputs: Inputs): Promise<Answer> {
    const [height, width] = this.about.input_size;
    const joints = this.about.skeleton.joints.length;
    const tensors: Record<string, Tensor> = {
      image: new Tensor(inputs.image, [1, height, width, 3]),
    };
    if (inputs.keypoints && inputs.valid) {
      const flat = Float32Array.from(inputs.keypoints.flat());
      tensors.keypoints = new Tensor(flat, [1, joints, 2]);
      tensors.valid = new Tensor(Float32Array.from(inputs.valid), [1, joints]);
    }
    const outputs = await this.model.run(tensors);
    const keypoints = await outputs.keypoints!.data();
    const scores = Array.from(await outputs.scores!.data());
    const points = scores.map(
      (_, joint): Point => [keypoints[2 * joint]!, keypoints[2 * joint + 1]!],
    );
    // LiteRT's memory is not the garbage collector's.
    for (const tensor of Object.values(tensors)) tensor.delete();
    for (const tensor of Object.values(outputs)) tensor.delete();
    return { points, scores };
  }
}
