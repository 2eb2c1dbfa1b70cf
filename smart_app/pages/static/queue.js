// Entries: sent in order, one at a time, and kept while there is no connection. Nothing refused is dropped.
import { ahead, all, ASIDE, entries, exchange, halt, made, now, parse, post, refresh, RETRY, say, SCRIPT } from './page.js';
import { counted } from './box.js';
import { alone, forget, forgotten, keep as keepHere, ready, takeUp } from './sealed.js';
import { counts, sayWaiting, unsent } from './waiting.js';
import { isTouched, keep, taken, wasTyped } from './saving.js';

// {url, body, form, kind, at, n, stops}: n, where it is in the box of this device; stops, why the server refused it
const queue = [];
const HEADERS = { send: {}, draft: { ...SCRIPT, 'X-KP-Keep': 'draft' }, fields: SCRIPT };
let sending = false, again = false, shown = true; // shown: this page holds what was typed before it was opened
counts(() => queue.length);

document.addEventListener('submit', event => {
  const form = event.target;
  if (!form.matches('form[data-send]') || form.closest('dialog')) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter)), settled = taken(form);
  const item = { url: form.getAttribute('action'), body, form: form.id, kind: 'send', at: Date.now() };
  body.set('measured', String(item.at - Math.round(ahead)));
  empty(form);
  enqueue(item);
  store(item);
  document.dispatchEvent(new CustomEvent('kp-queued', { detail: item }));
  settled.then(() => flush());
});
// One after the other, so that no second copy is made while the first is on its way.
function store(item) {
  item.stored = Promise.resolve(item.stored).then(async () => {
    if (queue.includes(item)) item.n = await keepHere(item, item.n);
  });
}
async function done(item) {
  if (queue.includes(item)) queue.splice(queue.indexOf(item), 1);
  await item.stored;
  await forget(item.n);
}
// An entry that was refused and set right goes where it was, before those that wait behind it.
function enqueue(item) {
  const id = item.body.get('entry'), before = queue.findIndex(each => each.stops && id && each.body.get('entry') === id);
  if (before < 0) { queue.push(item); return; }
  item.body.set('measured', queue[before].body.get('measured'));
  item.n = queue[before].n;
  queue[before] = item;
  show();
}
// The form is ready for the next entry.
function empty(form) {
  const { entry } = form.elements;
  if (entry) entry.value = crypto.randomUUID();
  for (const field of all('input:not([type=hidden]), textarea, select', form)) {
    if (field.matches('[type=radio], [type=checkbox]')) field.checked = false;
    else if (field.matches('select')) field.selectedIndex = 0;
    else field.value = '';
  }
  first(form)?.focus();
}
const first = form => form.querySelector('input:not([type=hidden]), textarea, select');
const isEmpty = form => !isTouched(form) && !all('input:not([type=hidden]), textarea', form).some(each => each.matches(':checked') || !each.matches('[type=radio], [type=checkbox]') && each.value);

export async function flush(aside = {}) {
  if (sending) again = true; // the connection may have come back since this round went out
  if (sending || now.over) return;
  sending = true;
  try {
    while (queue.length && !queue[0].stops) {
      const item = queue[0];
      say('saving', 'Saving…');
      const answer = await post(item.url, item.body, { ...HEADERS[item.kind], ...aside });
      if (item.kind !== 'send') { await typedBefore(item, answer); continue; }
      const page = parse(await answer.text());
      if (now.over) return;
      if (!answer.ok) { refused(item, page); break; }
      await done(item);
      show();
      if (new URL(answer.url).pathname === location.pathname) settle(item, page);
      else refresh();
      say('saved', page.querySelector('[data-saved]')?.textContent || 'Saved to server');
    }
    if (queue.length) sayBlocked();
  } catch {
    await Promise.all(queue.map(item => item.stored)); // "kept on this device" is said when it is
    sayWaiting();
    show();
  } finally {
    sending = false;
    if (again) { again = false; flush(aside); }
  }
}
// Typed into a page that is gone: a draft, or fields of a session.
async function typedBefore(item, answer) {
  const told = await answer.json();
  if (now.over) return;
  if (told.ends_page) { halt(told.ends_page, told.problem); return; }
  if (!answer.ok) { item.stops = told.problem || 'The server refused it.'; show(); return; }
  await done(item);
  shown = false;
  say('saved', `Saved to server ${told.saved}`);
}
// A complaint that has been dealt with goes; what was typed since stays.
function settle(item, page) {
  all('[data-problems]').forEach(each => each.remove());
  document.title = page.title;
  exchange(page);
  const late = page.getElementById('late');
  all('[data-late]', late ?? page).filter(isHere).forEach(each => each.remove());
  if (late) document.getElementById('late')?.replaceWith(document.adoptNode(late));
  for (const form of all('form[data-send][id]')) {
    const fresh = page.getElementById(form.id), within = form.contains(document.activeElement);
    const saved = item.body.get('entry'), same = saved && form.elements.entry?.value === saved;
    if (same && wasTyped(form)) { // a tab that is gone had sent it: what was typed here since is another entry
      form.elements.entry.value = crypto.randomUUID();
      keep(form);
    } else if (fresh && (same || isEmpty(form)) && (form.id === item.form || !within)) replace(form, fresh, within);
  }
}
// What somebody types on this page just now is no news to them.
const isHere = notice => all('form').some(form => wasTyped(form) && form.elements.entry?.value === notice.dataset.late);
function replace(form, fresh, focus) {
  form.replaceWith(document.adoptNode(fresh));
  if (focus) first(fresh)?.focus({ preventScroll: true });
}

// A refused entry comes back into its form with what to do about it, if nobody types there; those behind it wait.
function refused(item, page) {
  const end = page.querySelector('[data-ends-page]');
  if (end) { halt(end.querySelector('h1').textContent, ...all('h1 ~ * p, h1 ~ p', end).map(each => each.textContent)); return; }
  const form = document.getElementById(item.form), fresh = item.form && page.getElementById(item.form);
  if (form && fresh && isEmpty(form)) {
    item.stops = 'It stands in its form again: see the problem above.';
    replace(form, fresh, false);
    keep(fresh);
    fresh.closest('details')?.setAttribute('open', '');
    document.title = page.title;
    all('[data-problems]').forEach(each => each.remove());
    const list = page.querySelector('[data-problems]');
    if (list) { document.getElementById('main').prepend(document.adoptNode(list)); list.focus(); }
  } else {
    const problems = all('[data-problems] li', page).map(each => each.textContent.trim());
    item.stops = problems.join(' ') || all('main h1, main .note p', page).map(each => each.textContent.trim()).join('. ') || 'The server refused it.';
  }
  show();
}
function sayBlocked() {
  const behind = queue.length - 1;
  say('problem', `Not saved: see the problem above.${behind ? ` ${entries(behind)} behind it wait.` : ''}`);
}

// What waits, with what it holds. What was refused and stands in no form is dropped by a person only.
function show() {
  document.getElementById('waiting')?.remove();
  const [head] = queue;
  if (!head || !head.stops && !now.cut || document.querySelector(`form[data-send] [name=entry][value="${CSS.escape(head.body.get('entry') ?? '')}"]`)) return;
  const card = made('section', '', { className: `note ${head.stops ? 'stop' : 'warn'}`, id: 'waiting', role: head.stops ? 'alert' : 'status' });
  const list = made('ul', '');
  for (const item of queue) list.append(made('li', told(item)));
  card.append(made('h2', head.stops ? 'Not saved' : 'Waiting for a connection'), made('p', head.stops ?? ''), list);
  document.getElementById('main').prepend(card);
  if (!head.stops) return;
  const drop = made('button', queue.length > 1 ? 'Do not keep the first' : 'Do not keep it', { className: 'button second', type: 'button' });
  drop.addEventListener('click', () => { done(head).then(() => { show(); flush(); }); });
  card.append(made('p', `Enter it again if it is still needed, then drop it here.${queue.length > 1 ? ' Those behind it are sent then.' : ''}`), drop);
}
// In the words of the form's own fields.
function told({ body, at }) {
  const time = new Date(at - ahead + 60000 * document.body.dataset.east).toISOString().slice(11, 16); // as at the site
  const lines = [...body].filter(([name, value]) => value && name.includes('.')).map(([name, value]) => `${name.slice(name.indexOf('.') + 1).replaceAll('_', ' ')} ${value}`);
  return `${time}: ${lines.join(', ')}`;
}

// What tabs that are gone have left on this device comes first: it was entered before.
async function resume() {
  if (!alone || now.over || !(document.querySelector('form[data-send], form[data-draft], form[data-autosave]') || await counted())) return;
  if (!await ready()) return;
  for (const item of queue) if (!item.n) store(item);
  const found = await takeUp();
  queue.unshift(...found);
  if (found.length) await flush(ASIDE);
  if (!shown && !unsent()) location.reload();
}
async function round() {
  await resume();
  if (queue.length) await flush(ASIDE);
}
addEventListener('online', round);
setInterval(round, RETRY);
forgotten().then(count => { if (count) say('problem', `${entries(count)} on this device waited for more than 72 hours. Nobody can open them any more.`); });
resume();
document.addEventListener('kp-end', ({ detail: left }) => left.push(...queue.splice(0).map(item => ({ ...item, done: () => forget(item.n) }))));
// Refused for good: what was entered here goes, also from the device. What another tab left stays sealed: it was no
// entry of this page.
document.addEventListener('kp-halt', () => {
  for (const item of queue.splice(0)) if (item.stored) item.stored.then(() => forget(item.n));
});
