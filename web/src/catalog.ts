/** What models/models.json says: the models' files and the package's rules. */

import type { CropRule, Size } from "./geometry";

/** What an exported model says about itself (tfpose/edge/metadata.py). */
export interface Description {
  name: string;
  numbers: string;
  license: string | null;
  task: "refine" | "estimate";
  skeleton: Skeleton;
  input_size: Size;
  crop: CropRule;
  decoding: "expectation" | "peak";
  rounds: number;
}

export interface Skeleton {
  name: string;
  joints: string[];
  flip_pairs: [string, string][];
  limbs: [string, string][];
  sigmas: number[];
}

export interface Entry {
  file: string;
  bytes: number;
}

/** A window to search: left, top, width and height as shares of the photo's. */
export type Look = [number, number, number, number];

/** tfpose/inference/person_detector.py. */
export interface DetectorRules {
  side: number;
  least: number;
  looks: { one: Look[]; five: Look[] };
  overlap: number;
  border: number;
  part: number;
  larger: number;
  cover: number;
  sure: number;
}

/** tfpose/inference/pose_tracker.py and tracking.py. */
export interface TrackerRules {
  search_every: number;
  same_box: number;
  same_pose: number;
  still_there: number;
  memory: number;
  similar: number;
  shared: number;
  newest: number;
}

/** tfpose/inference/smoothing.py. */
export interface SmoothingRules {
  minimum_cutoff: number;
  speed_factor: number;
  speed_cutoff: number;
}

export interface Rules {
  /** A joint with a lower score is not seen. */
  seen: number;
  /** Of poses more alike than this (OKS), only the best one stays. */
  near_copies: number;
  detector: DetectorRules;
  tracker: TrackerRules;
  smoothing: SmoothingRules;
}

export interface Catalog {
  detector: Entry;
  estimator: Entry & { about: Description };
  looks: Entry & { scales: number[] };
  refiner: Entry & { about: Description };
  rules: Rules;
}
