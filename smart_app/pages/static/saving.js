// What is typed is on the server 400 ms after the last key: fields of a session are saved, other forms kept as drafts.
import { all, ASIDE, halt, now, post, reached, refresh, RETRY, say, SCRIPT } from './page.js';
import { forget, keep as keepHere } from './sealed.js';
import { counts, device, sayWaiting, unsent } from './waiting.js';

const PAUSE = 400, LONGEST = 2000;
const DRAFTED = 'form[data-send]:not([data-send=brief]), form[data-draft]', SAVED = 'form[data-autosave]';
const typed = new Map(); // by form: what of it is not on the server
const untold = new Set(); // forms that nobody keeps before their button is pressed
let leaving = false;

counts(() => [...typed.values()].reduce((sum, each) => sum + (each.changed.size && (each.saves ? each.changed.size : 1)), 0));

document.addEventListener('input', event => {
  const field = event.target, { form } = field;
  if (!form || !field.name || now.over) return;
  if (!form.matches(`${SAVED}, ${DRAFTED}`)) { untold.add(form); return; }
  const its = following(form);
  if (its.saves) touch(form, field.name);
  if (!its.changed.size) its.since = Date.now();
  its.changed.set(field.name, field.type === 'checkbox' && !field.checked ? '' : field.value);
  clearTimeout(its.wait);
  its.wait = setTimeout(() => save(its), Math.max(0, Math.min(PAUSE, its.since + LONGEST - Date.now())));
});
function following(form) {
  if (!typed.has(form)) typed.set(form, { form, saves: form.matches(SAVED), changed: new Map() });
  return typed.get(form);
}
// The form tells the server which values it showed, so that nobody overwrites what they did not see; one that was
// touched stands in a list and counts as changed whatever it says now.
function touch(form, name, value) {
  const shown = form.elements.was;
  if (!shown) return;
  const was = JSON.parse(shown.value || '{}');
  shown.value = JSON.stringify({ ...was, [name]: [value ?? [was[name] ?? ''].flat()[0]] });
}
const hidden = form => all('input[type=hidden]', form).map(each => [each.name, each.value]);
const held = its => its.saves ? [...hidden(its.form), ...its.changed] : [...new FormData(its.form)];

// One after the other for each form, so that an older text never arrives behind a newer one.
function save(its, aside = {}) {
  clearTimeout(its.wait);
  its.saving = (its.saving ?? Promise.resolve()).then(() => sendOff(its, aside));
  return its.saving;
}
async function sendOff(its, aside) {
  if (!its.changed.size || now.over) return;
  const { form, saves } = its, sent = new Map(its.changed);
  say('saving', 'Saving…', form);
  const url = form.getAttribute('action'), body = new URLSearchParams(held(its));
  its.n = await keepHere({ url, body, form: form.id, kind: saves ? 'fields' : 'draft', at: its.since }, its.n);
  if (!its.changed.size) return letGo(its); // its button was pressed meanwhile
  try {
    const answer = await post(url, body, { ...SCRIPT, ...(saves ? {} : { 'X-KP-Keep': 'draft' }), ...aside });
    const told = await answer.json();
    if (now.over) return;
    if (told.ends_page) { halt(told.ends_page, told.problem); return; }
    for (const [name, value] of sent) if (!answer.ok || its.changed.get(name) === value) its.changed.delete(name);
    if (!its.changed.size) letGo(its);
    if (!answer.ok) { say('problem', `Not saved: ${told.problem}`, form); return; }
    if (saves) for (const [name, value] of sent) if (!told.beside?.includes(name)) touch(form, name, value);
    if (told.again) askAgain(told.again, form);
    else say('saved', saves ? `Saved to server ${told.saved}` : `Draft kept on server ${told.saved}. Not saved yet.`, form);
    if (saves && document.querySelector('[data-after-save]')) refresh();
  } catch {
    sayWaiting();
    if (form.isConnected) its.wait = setTimeout(() => save(its, ASIDE), RETRY);
  }
}
// A tick for values that somebody changed meanwhile is none: it is taken back, and what it is about is shown anew.
function askAgain(names, form) {
  for (const box of names.map(name => form.elements[name])) { box.checked = false; box.blur(); }
  say('problem', 'These values were changed meanwhile. Look again, then tick.', form);
}
function letGo(its) {
  forget(its.n);
  its.n = undefined;
}
export const saveAll = (aside = {}) => Promise.all([...typed.values()].map(its => save(its, aside)));

// The form goes by its button: no draft may arrive behind it.
export async function taken(form) {
  const its = typed.get(form);
  if (!its) return;
  clearTimeout(its.wait);
  its.changed.clear();
  await its.saving;
  letGo(its);
}
// What was refused stands in its form again: a draft like any other.
export function keep(form) {
  const its = following(form);
  its.changed.set('', '');
  save(its);
}
export const wasTyped = form => typed.has(form);
export const isTouched = form => Boolean(typed.get(form)?.changed.size);

// A link pressed within a breath of the last key: what was typed is saved first, then the page is left. Without a
// connection it is not left: no page could be shown, and this one could not be shown again.
document.addEventListener('click', async event => {
  const link = event.target.closest?.('a[href]');
  const plain = !event.defaultPrevented && !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  const calm = !unsent() && !now.cut && navigator.onLine;
  if (!link || !plain || link.target || calm || link.getAttribute('href').startsWith('#')) return;
  event.preventDefault();
  await Promise.race([saveAll(), new Promise(done => setTimeout(done, 2000))]);
  if ((now.cut || !navigator.onLine) && !await reached()) { sayWaiting('The page stays open.'); return; }
  location.assign(link.href); // what could not be saved asks once more, before it is lost
});
document.addEventListener('submit', event => {
  const form = event.target;
  untold.delete(form);
  if (event.defaultPrevented || form.closest('dialog') || form.matches('[data-send]')) return;
  leaving = true;
  taken(form);
});
addEventListener('beforeunload', event => {
  if (unsent() && !leaving && !device.keeps()) event.preventDefault();
});
addEventListener('online', () => saveAll(ASIDE));

// The session ends: what is not on the server yet is handed over, and nothing of it is done, only kept.
const filled = form => all('input:not([type=hidden]), textarea, select', form).some(each => each.matches(':checked') || !each.matches('[type=radio], [type=checkbox]') && each.value);
document.addEventListener('kp-end', ({ detail: left }) => {
  for (const its of typed.values()) {
    if (its.changed.size) left.push({ url: its.form.getAttribute('action'), body: new URLSearchParams(held(its)), done: () => letGo(its) });
  }
  for (const form of untold) if (form.isConnected && filled(form)) left.push({ url: form.getAttribute('action'), body: new URLSearchParams(new FormData(form)) });
  typed.clear();
});
// Refused for good: nothing of this page may reach the record by the next one.
document.addEventListener('kp-halt', () => {
  for (const its of typed.values()) { its.changed.clear(); letGo(its); }
  typed.clear();
});
