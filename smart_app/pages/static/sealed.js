// In a window of its own, what waits is kept on the device too: sealed with a key that only a signed-in page has.
import { drop, everything, forgetOld, put } from './box.js';
import { ASIDE, now, policy, post, root, SCRIPT } from './page.js';
import { device } from './waiting.js';

const { writes } = document.body.dataset; // whoever only reads has nothing to keep
export const alone = top === self && Boolean(writes && navigator.locks && crypto.subtle);
const TAB = crypto.randomUUID();
const keys = new Map(); // by id; in memory only
let current = null, asking = null;
const marks = new Map(new FormData(document.querySelector('#staying form')));
const isMark = name => name.startsWith('_');

// A tab that lives sends what is its own; that of a tab that is gone is taken up by the next.
if (alone) navigator.locks.request(`kp-${TAB}`, () => new Promise(() => {}));
async function isOrphan({ tab }) {
  if (tab === TAB) return false;
  const { held } = await navigator.locks.query();
  return !held.some(lock => lock.name === `kp-${tab}`);
}

async function fetchKeys() {
  const kept = await everything();
  const held = [...new Set(kept.map(each => each.key))].join(' ');
  const answer = await post(`${root}/device-key`, new URLSearchParams([...marks, ['held', held]]), { ...SCRIPT, ...ASIDE });
  if (!answer.ok) throw new Error('no key');
  const told = await answer.json();
  for (const [id, text] of Object.entries(told.keys)) {
    const bytes = Uint8Array.from(atob(text), sign => sign.charCodeAt(0));
    keys.set(id, await crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']));
  }
  current = told.id;
  device.keeps = () => Boolean(current);
}
// Whether this device can keep something; asked again as long as it is not known.
export async function ready() {
  if (!alone || current) return Boolean(current);
  asking ??= fetchKeys().catch(() => {}).finally(() => { asking = null; });
  await asking;
  return Boolean(current);
}

// The same again for what is kept already: `n` says where. Nothing: this device keeps nothing.
export async function keep(record, n) {
  if (!current) return undefined;
  const { url, body, form, kind } = record;
  const plain = [...body].filter(([name]) => !isMark(name));
  const text = JSON.stringify({ path: url.slice(root.length), plain, form, kind });
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, keys.get(current), new TextEncoder().encode(text));
  try {
    return await put({ ...(n ? { n } : {}), key: current, tab: TAB, at: record.at ?? Date.now(), iv, sealed });
  } catch {
    device.keeps = () => false;
    return undefined;
  }
}
export const forget = n => (n ? drop(n).catch(() => {}) : undefined);

// What tabs that are gone have left of this user and this patient, in order, under the marks of this page.
export const takeUp = () => navigator.locks.request('kp-take', async () => {
  const found = [];
  for (const each of await everything()) {
    const key = keys.get(each.key);
    if (!key || !await isOrphan(each)) continue;
    try {
      const text = await crypto.subtle.decrypt({ name: 'AES-GCM', iv: each.iv }, key, each.sealed);
      const { path, plain, form, kind } = JSON.parse(new TextDecoder().decode(text));
      await put({ ...each, tab: TAB });
      found.push({ n: each.n, url: root + path, body: new URLSearchParams([...marks, ...plain]), form, kind, at: each.at });
    } catch { /* another user's or another patient's, or damaged: it is not for us to read */ }
  }
  return found;
});
export const forgotten = () => forgetOld().catch(() => 0);
// Signing out: nothing of this user and patient stays on the device.
export async function eraseAll() {
  for (const each of await everything()) if (keys.has(each.key)) await drop(each.n);
}

if (alone) {
  navigator.serviceWorker?.register(policy.createScriptURL(`${root.slice(0, root.lastIndexOf('/l/'))}/worker.js`)).catch(() => {});
}
