/** What the page says beside the photo: status, times, and one person's joints. */

import type { Skeleton } from "./catalog";
import { sideColor } from "./draw";
import type { Person } from "./poses";
import type { Times } from "./search";

export const find = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;

export function say(text: string, bad = false): void {
  const status = find("status");
  if (status.textContent !== text) status.textContent = text;
  status.classList.toggle("bad", bad);
}

/** @param given what stands where people were not searched. */
export function showTimes({ find: finding, poses }: Times, given: string): void {
  const words = (time: number) => `${Math.round(time)} ms`;
  find("find-time").textContent = finding === null ? given : words(finding);
  find("poses-time").textContent = words(poses);
}

/** The choice of whose joints are shown; hidden for one person. */
export function showChoice(people: Person[]): void {
  const choice = find<HTMLSelectElement>("person");
  const names = people.map(({ id }, row) => `person ${id ?? row + 1}`);
  if (names.join() !== Array.from(choice.options, ({ text }) => text).join()) {
    choice.replaceChildren(...names.map((name, row) => new Option(name, String(row))));
  }
  find("person-row").hidden = people.length < 2;
}

/** The joints of the person who is chosen. */
export function showJoints(people: Person[], skeleton: Skeleton, compares: boolean): void {
  const person = people[Number(find<HTMLSelectElement>("person").value) || 0];
  const table = find<HTMLTableElement>("joints");
  table.hidden = !person;
  table.classList.toggle("compares", compares);
  if (!person) return;
  const rows = skeleton.joints.map((name, joint) => jointRow(name, joint, person));
  table.tBodies[0]!.replaceChildren(...rows);
}

function jointRow(name: string, joint: number, person: Person): HTMLTableRowElement {
  const [before, after] = [person.before[joint]!, person.after[joint]!];
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  head.textContent = name.replaceAll("_", " ");
  head.style.setProperty("--side", sideColor(name));
  const moved = document.createElement("td");
  moved.textContent = before[2] > 0
    ? Math.hypot(after[0] - before[0], after[1] - before[1]).toFixed(1) : "new";
  const score = document.createElement("td");
  const meter = document.createElement("meter");
  meter.value = after[2];
  const number = document.createElement("span");
  number.textContent = after[2].toFixed(2);
  score.append(meter, number);
  row.append(head, moved, score);
  return row;
}
