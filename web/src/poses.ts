/** COCO results JSON, the form in which poses come and go. */

import type { Box, Joint, Pose } from "./geometry";

export interface Person {
  before: Pose;
  after: Pose;
  /** Who it is in a video; null if nobody can say. */
  id?: number | null;
  /** Where the person was looked at; not for poses that came with the photo. */
  box?: Box;
}

/**
 * The poses of a results file.
 *
 * @param text of the file: a list of records of one photo.
 * @param joints that each pose must have.
 * @throws Error with one line that says which record is wrong.
 */
export function readPoses(text: string, joints: number): Pose[] {
  let records: unknown;
  try {
    records = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new Error("poses: expected JSON");
  }
  if (!Array.isArray(records)) throw new Error("poses: expected a list of records");
  if (new Set(records.map((record) => record?.image_id)).size > 1) {
    throw new Error("poses: expected the records of one photo, found several image_id");
  }
  const poses = records.map((record, place) => {
    const numbers: unknown = record?.keypoints;
    const usable =
      Array.isArray(numbers) &&
      numbers.length === 3 * joints &&
      numbers.every((number) => Number.isFinite(number));
    if (!usable) {
      throw new Error(`poses: record ${place}: expected ${3 * joints} keypoint numbers`);
    }
    const pose = Array.from(
      { length: joints },
      (_, joint) => numbers.slice(3 * joint, 3 * joint + 3) as Joint,
    );
    if (!pose.some((joint) => joint[2] > 0)) {
      throw new Error(`poses: record ${place}: expected a joint with a score above 0`);
    }
    return pose;
  });
  const sides = poses.flat().flatMap(([x, y, score]) => (score ? [x, y] : []));
  if (sides.some((side) => side % 1) && sides.every((side) => Math.abs(side) <= 1)) {
    throw new Error("poses: expected coordinates in pixels, found all in 0..1");
  }
  return poses;
}

/** A results file of refined poses; "estimated" is where the joints were before. */
export function writePoses(people: Person[], fileName: string): string {
  // The number that ends the name, as for the package; not the digits of a checksum.
  const stem = fileName.replace(/\.[^.]*$/, "");
  const imageId = Number(/(?:^|[^\p{L}\p{N}])\p{L}*(\d+)$/u.exec(stem)?.[1] ?? 0);
  const records = people.map(({ before, after, box, id }) => ({
    image_id: imageId,
    category_id: 1,
    keypoints: after.flat(),
    score: after.reduce((sum, joint) => sum + joint[2], 0) / after.length,
    file_name: fileName,
    estimated: before.flat(),
    ...(box && { bbox: box }),
    ...(id && { track_id: id }),
  }));
  return JSON.stringify(records, null, 1);
}
