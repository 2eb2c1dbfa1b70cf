// Keeps the static files and the page that says "No connection", in a window of the app's own. Never a patient's page.
const [PAGE] = KEPT.files;
addEventListener('install', event => {
  event.waitUntil(caches.open(KEPT.version).then(kept => kept.addAll(KEPT.files)).then(() => skipWaiting()));
});
addEventListener('activate', event => {
  const old = names => Promise.all(names.filter(name => name !== KEPT.version).map(name => caches.delete(name)));
  event.waitUntil(caches.keys().then(old).then(() => clients.claim()));
});
addEventListener('fetch', event => {
  const { request } = event;
  if (request.mode === 'navigate') event.respondWith(fetch(request).catch(() => caches.match(PAGE)));
  else if (KEPT.files.includes(new URL(request.url).pathname)) {
    event.respondWith(caches.match(request).then(found => found ?? fetch(request)));
  }
});
