/**
 * LiteRT.js in WebAssembly.
 *
 * Not on WebGPU: LiteRT.js 2.5.3 cannot compile MoveNet's decoding for it, and the
 * detector's boxes are wrong there.
 */

import { type CompiledModel, loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

type Numbers = Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
/** An input: its numbers and its shape. */
export type Input = [Numbers, number[]];

/** As many threads as help; phones have fewer fast cores than cores. */
const MOST_THREADS = 4;
let threads: Promise<number> | undefined;

/**
 * Starts LiteRT once.
 *
 * @param folder of its WebAssembly.
 * @returns how many threads it computes with.
 */
export function start(folder: string): Promise<number> {
  threads ??= begin(folder);
  return threads;
}

async function begin(folder: string): Promise<number> {
  // Threads share memory, which browsers give to isolated pages only.
  if (globalThis.crossOriginIsolated) {
    try {
      await loadLiteRt(folder, { threads: true });
      return Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS);
    } catch (error) {
      console.info("LiteRT with one thread:", error);
    }
  }
  await loadLiteRt(folder);
  return 1;
}

/** LiteRT runs one model at a time. */
let queue: Promise<unknown> = Promise.resolve();

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const turn = queue.then(work);
  queue = turn.catch(() => undefined);
  return turn;
}

/** A model's signature: named inputs to named outputs of float32. */
export class Model {
  private constructor(private readonly compiled: CompiledModel) {}

  /** Loads a file; `start` must have been called. */
  static async load(url: string): Promise<Model> {
    const response = await fetch(url).catch(() => null);
    if (!response?.ok) {
      const reason = response?.statusText || "it is loaded once, which needs a network";
      throw new Error(`${url.replace(/.*\//, "")}: ${reason}`);
    }
    const content = new Uint8Array(await response.arrayBuffer());
    const numThreads = (await threads) ?? 1;
    const options = { accelerator: "wasm", cpuOptions: { numThreads } } as const;
    return new Model(await inTurn(() => loadAndCompile(content, options)));
  }

  answer(inputs: Record<string, Input>): Promise<Record<string, Float32Array>> {
    return inTurn(() => this.answerNow(inputs));
  }

  private async answerNow(
    inputs: Record<string, Input>,
  ): Promise<Record<string, Float32Array>> {
    const tensors = Object.fromEntries(
      Object.entries(inputs).map(([name, [numbers, shape]]) =>
        [name, new Tensor(numbers, shape)]),
    );
    const outputs = await this.compiled.run(tensors);
    const answer: Record<string, Float32Array> = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      answer[name] = Float32Array.from(await tensor.data());
    }
    // LiteRT's memory is not the garbage collector's.
    for (const tensor of Object.values(tensors)) tensor.delete();
    for (const tensor of Object.values(outputs)) tensor.delete();
    return answer;
  }
}
