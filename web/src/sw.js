// Keeps the page, its models and LiteRT for when there is no network. Vite's build puts
// the list of files and its version in the place of the two names below.
const FILES = __FILES__;
const CACHE = "tfpose-" + __VERSION__;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)));
});

self.addEventListener("activate", (event) => {
  const others = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(others());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== self.location.origin) return;
  event.respondWith(answer(request));
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  // A module asks with another Origin header than the list of files was fetched with.
  const kept = await cache.match(request, { ignoreSearch: true, ignoreVary: true });
  if (kept) return kept;
  const response = await fetch(request);
  // Of LiteRT's four forms only that which this browser asks for is kept.
  if (response.status === 200) await cache.put(request, response.clone());
  return response;
}
