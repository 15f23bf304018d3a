/** The canvas: its size, the divider and the boxes that people draw on it. */

import { draw, type Scene } from "./draw";
import type { Box } from "./geometry";

export interface StageEvents {
  /** A box was drawn, moved, sized or removed. */
  boxes: () => void;
}

/** Distance in CSS pixels at which a finger takes hold of the divider. */
const REACH = 28;

export class Stage {
  scene: Scene | null = null;
  private readonly context: CanvasRenderingContext2D;
  private from: { x: number; y: number } | null = null;
  private holding = false;
  private drawing: Box | null = null;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly wipe: HTMLInputElement,
    private readonly events: StageEvents,
  ) {
    this.context = canvas.getContext("2d")!;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => this.release());
    canvas.addEventListener("pointercancel", () => this.cancel());
    canvas.addEventListener("keydown", (event) => this.key(event));
    wipe.addEventListener("input", () => this.show());
    new ResizeObserver(() => this.show()).observe(canvas.parentElement!);
  }

  get selecting(): boolean {
    return this.canvas.classList.contains("selecting");
  }

  set selecting(on: boolean) {
    this.canvas.classList.toggle("selecting", on);
  }

  /** Draws the scene as large as there is room. */
  show(): void {
    if (!this.scene) return;
    const { width, height } = this.scene;
    const room = this.canvas.parentElement!.clientWidth;
    const highest = Math.max(240, window.innerHeight * 0.74);
    const scale = Math.min(room / width, highest / height);
    const pixel = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    this.canvas.style.width = `${wide}px`;
    this.canvas.style.height = `${high}px`;
    this.wipe.style.width = `${wide}px`; // its handle is below the divider
    this.canvas.width = Math.round(wide * pixel);
    this.canvas.height = Math.round(high * pixel);
    this.scene.wipe = Number(this.wipe.value) / 100;
    const boxes = this.drawing
      ? [...this.scene.boxes, this.drawing]
      : this.scene.boxes;
    draw(this.context, { ...this.scene, boxes }, pixel);
  }

  private inPhoto(event: PointerEvent): { x: number; y: number } {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const scene = this.scene!;
    const clamp = (share: number) => Math.min(Math.max(share, 0), 1);
    return {
      x: clamp((event.clientX - left) / width) * scene.width,
      y: clamp((event.clientY - top) / height) * scene.height,
    };
  }

  private press(event: PointerEvent): void {
    if (!this.scene) return;
    const at = this.inPhoto(event);
    if (this.selecting) {
      this.from = at;
    } else {
      const { left, width } = this.canvas.getBoundingClientRect();
      const divider = left + (Number(this.wipe.value) / 100) * width;
      this.holding =
        this.scene.compares && Math.abs(event.clientX - divider) < REACH;
    }
    if (this.from || this.holding) this.canvas.setPointerCapture(event.pointerId);
  }

  private move(event: PointerEvent): void {
    if (!this.scene) return;
    const { x, y } = this.inPhoto(event);
    if (this.from) {
      const [left, top] = [Math.min(x, this.from.x), Math.min(y, this.from.y)];
      const width = Math.abs(x - this.from.x);
      this.drawing = [left, top, width, Math.abs(y - this.from.y)];
    } else if (this.holding) {
      this.wipe.value = String((100 * x) / this.scene.width);
    } else {
      return;
    }
    this.show();
  }

  private release(): void {
    const box = this.drawing;
    this.cancel();
    if (!this.scene || !box || Math.min(box[2], box[3]) < 8) return this.show();
    this.scene.boxes.push(box);
    this.events.boxes();
  }

  private cancel(): void {
    this.from = this.drawing = null;
    this.holding = false;
  }

  private key(event: KeyboardEvent): void {
    if (!this.scene || !this.selecting) return;
    const { boxes, width, height } = this.scene;
    const box = boxes.at(-1);
    const step = Math.max(width, height) / 50;
    const right = { ArrowLeft: -step, ArrowRight: step }[event.key] ?? 0;
    const down = { ArrowUp: -step, ArrowDown: step }[event.key] ?? 0;
    if (event.key === "Enter") {
      boxes.push([width / 4, height / 4, width / 2, height / 2]);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      boxes.pop();
    } else if (box && (right || down)) {
      if (event.shiftKey) {
        box[2] = Math.max(8, box[2] + right);
        box[3] = Math.max(8, box[3] + down);
      } else {
        box[0] += right;
        box[1] += down;
      }
    } else {
      return;
    }
    event.preventDefault();
    this.show();
    this.events.boxes();
  }
}
