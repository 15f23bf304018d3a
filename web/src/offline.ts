/** The service worker that keeps the page for when there is no network. */

/** How long the first visit waits for it, ms; without it the page works online. */
const PATIENCE = 4000;

/**
 * Starts the service worker and waits until what the page loads goes through it, so
 * that one visit is enough.
 */
export async function keepOffline(url: string): Promise<void> {
  const workers = navigator.serviceWorker;
  if (!import.meta.env.PROD || !workers) return;
  const controlled = new Promise<void>((resolve) => {
    if (workers.controller) resolve();
    workers.addEventListener("controllerchange", () => resolve(), { once: true });
    setTimeout(resolve, PATIENCE);
  });
  try {
    await workers.register(url);
    await controlled;
  } catch (error) {
    console.info("not kept for offline use:", error);
  }
}
