/** LiteRT.js: on the graphics processor where the browser lets it, else on the CPU. */

import { loadAndCompile, loadLiteRt, supportsFeature, Tensor } from "@litertjs/core";

type Numbers = Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
/** An input: its numbers and its shape. */
export type Input = [Numbers, number[]];

export interface Runtime {
  accelerator: "webgpu" | "wasm";
  threads: number;
}

/** As many threads as help; phones have fewer fast cores than cores. */
const MOST_THREADS = 4;
let runtime: Promise<Runtime> | undefined;

/**
 * Starts LiteRT once.
 *
 * @param folder of its WebAssembly.
 * @param wish "wasm" or "webgpu" to have only that; null for the better one.
 */
export function start(folder: string, wish: string | null): Promise<Runtime> {
  runtime ??= begin(folder, wish);
  return runtime;
}

async function begin(folder: string, wish: string | null): Promise<Runtime> {
  if (wish !== "wasm" && (await hasGraphics(wish === "webgpu"))) {
    try {
      await loadLiteRt(folder, { jspi: true });
      return { accelerator: "webgpu", threads: 1 };
    } catch (error) {
      console.info("LiteRT without WebGPU:", error);
    }
  }
  // Threads share memory, which browsers give to isolated pages only.
  if (globalThis.crossOriginIsolated) {
    try {
      await loadLiteRt(folder, { threads: true });
      const threads = Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS);
      return { accelerator: "wasm", threads };
    } catch (error) {
      console.info("LiteRT with one thread:", error);
    }
  }
  await loadLiteRt(folder);
  return { accelerator: "wasm", threads: 1 };
}

interface Adapter {
  info?: { isFallbackAdapter?: boolean };
  isFallbackAdapter?: boolean;
}

/**
 * Whether WebGPU can run the models. Their first and last operators run on the CPU,
 * and LiteRT can only wait for the GPU between them with promises in WebAssembly (JSPI).
 */
async function hasGraphics(anyAdapter: boolean): Promise<boolean> {
  const { gpu } = navigator as unknown as {
    gpu?: { requestAdapter(): Promise<Adapter | null> };
  };
  if (!gpu || !(await supportsFeature("jspi"))) return false;
  const adapter = await gpu.requestAdapter().catch(() => null);
  // A fallback adapter is the CPU, slower than WebAssembly.
  const slow = adapter?.info?.isFallbackAdapter ?? adapter?.isFallbackAdapter ?? false;
  return adapter !== null && (anyAdapter || !slow);
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
  private constructor(
    private readonly run: (inputs: Record<string, Tensor>) => Promise<Record<string, Tensor>>,
    readonly accelerator: string,
  ) {}

  /** Loads a file; `start` must have been called. */
  static async load(url: string): Promise<Model> {
    const response = await fetch(url).catch(() => null);
    if (!response?.ok) {
      const reason = response?.statusText || "it is loaded once, which needs a network";
      throw new Error(`${url.replace(/.*\//, "")}: ${reason}`);
    }
    const content = new Uint8Array(await response.arrayBuffer());
    const { accelerator, threads } = await runtime!;
    if (accelerator === "webgpu") {
      try {
        return await Model.compile(content, "webgpu", 1);
      } catch (error) {
        console.info(`${url} without WebGPU:`, error);
      }
    }
    return Model.compile(content, "wasm", threads);
  }

  private static async compile(
    content: Uint8Array<ArrayBuffer>,
    accelerator: Runtime["accelerator"],
    numThreads: number,
  ): Promise<Model> {
    const compiled = await loadAndCompile(content, {
      accelerator,
      cpuOptions: { numThreads },
      // Half precision moves joints by several pixels.
      gpuOptions: { precision: "fp32" },
    });
    const model = new Model((inputs) => compiled.run(inputs), accelerator);
    // The first run prepares the others, and fails where the GPU cannot run it.
    const blank: Record<string, Input> = {};
    for (const { name, shape, dtype } of compiled.getInputDetails()) {
      const count = shape.reduce((product, side) => product * side, 1);
      const numbers = dtype === "uint8" ? new Uint8Array(count) : new Float32Array(count);
      blank[name] = [numbers, [...shape]];
    }
    await model.answer(blank);
    return model;
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
    const outputs = await this.run(tensors);
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
