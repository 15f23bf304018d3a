import { createHash } from "node:crypto";
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

import { defineConfig, type Plugin } from "vite";

// Threads share memory, which browsers give only to pages isolated by these headers.
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** LiteRT's WebAssembly beside the page: nothing comes from another server. */
function localWasm(): Plugin {
  return {
    name: "local-wasm",
    buildStart() {
      cpSync("node_modules/@litertjs/core/wasm", "public/wasm", { recursive: true });
    },
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

/** Writes the service worker with the names of the page's own files.
 *
 * Models and LiteRT are kept as they are asked for.
 */
function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    closeBundle() {
      const files = filesBelow("dist").filter(
        (path) => !/wasm|\.tflite$/.test(path),
      );
      const version = createHash("sha256");
      for (const path of files) version.update(path).update(readFileSync(path));
      const names = ["./", ...files.map((path) => relative("dist", path))];
      const source = readFileSync("src/sw.js", "utf8")
        .replace("__FILES__", JSON.stringify(names))
        .replace("__VERSION__", JSON.stringify(version.digest("hex").slice(0, 16)));
      writeFileSync("dist/sw.js", source);
    },
  };
}

export default defineConfig({
  base: "./",
  plugins: [localWasm(), serviceWorker()],
  server: { headers },
  preview: { headers },
  build: { target: "es2022" },
});
