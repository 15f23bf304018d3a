/** Pictures that move: the camera as it sees, a video file picture by picture. */

/** Pictures of a second of a video file that are looked at. */
const RATE = 15;

export class Live {
  paused = false;
  private stopped = false;
  private shown = 0;

  private constructor(
    readonly element: HTMLVideoElement,
    readonly name: string,
    private readonly isFile: boolean,
  ) {}

  /** Raises an Error in words if there is no camera, or it may not be used. */
  static async camera(): Promise<Live> {
    if (!navigator.mediaDevices) throw new Error("The camera needs https or localhost");
    const stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 640 } },
    }).catch((error: Error) => {
      throw new Error(`No camera: ${error.message}`);
    });
    const element = blank();
    element.srcObject = stream;
    await element.play();
    return new Live(element, "camera.jpg", false);
  }

  static async file(file: File): Promise<Live> {
    const element = blank();
    element.src = URL.createObjectURL(file);
    await new Promise((resolve, reject) => {
      element.onloadeddata = resolve;
      element.onerror = () =>
        reject(new Error(`${file.name}: not a video that this browser can play`));
    });
    return new Live(element, file.name, true);
  }

  /** Seconds since it began. */
  get time(): number {
    return this.element.currentTime;
  }

  get words(): string {
    if (!this.isFile) return "Camera: press it again to keep the picture";
    const { currentTime, duration } = this.element;
    const end = Number.isFinite(duration) ? ` of ${duration.toFixed(1)}` : "";
    return `${this.name}: ${currentTime.toFixed(1)}${end} s`;
  }

  /** Waits for the next picture; false if there is none. Calls `halted` if paused. */
  async next(halted: () => void): Promise<boolean> {
    await new Promise(requestAnimationFrame);
    if (this.paused && !this.stopped) halted();
    while (this.paused && !this.stopped) await pause(50);
    if (this.stopped) return false;
    if (!this.isFile || this.shown++ === 0) return true;
    const { element } = this;
    const before = element.currentTime;
    if (before + 1 / RATE >= element.duration) return false;
    const sought = new Promise((resolve) => {
      element.onseeked = resolve;
    });
    element.currentTime = before + 1 / RATE;
    await Promise.all([sought, pause(1000 / RATE)]);
    // Recorders do not always write how long a video is.
    return !this.stopped && element.currentTime > before;
  }

  stop(): void {
    this.stopped = true;
    const stream = this.element.srcObject as MediaStream | null;
    stream?.getTracks().forEach((track) => track.stop());
    if (this.isFile) URL.revokeObjectURL(this.element.src);
  }
}

function blank(): HTMLVideoElement {
  const element = document.createElement("video");
  element.muted = element.playsInline = true;
  return element;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
