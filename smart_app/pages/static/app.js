// What the pages gain with a script: saving while typing, a queue for readings, the due timer. They work without it.
const policy = window.trustedTypes?.createPolicy('ktx', { createHTML: text => text }) ?? { createHTML: text => text };
const SCRIPT = { 'X-KP-Script': '1' };
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
const PAUSE = 400, RETRY = 30000;
const ASIDE = { 'X-KP-Refresh': '1' }; // asked by the page, not by a person: it does not keep the session open
const heard = answer => { document.dispatchEvent(new CustomEvent('kp-heard', { detail: answer })); return answer; };
let over = false; // the session ended: the page is empty, and late answers must not fill it again
const ahead = Date.now() - Number(document.body.dataset.now); // this device's clock against the server's

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const entries = count => `${count} ${count === 1 ? 'entry' : 'entries'}`;
const parse = text => new DOMParser().parseFromString(policy.createHTML(text), 'text/html');

function say(state, words) {
  for (const place of all('[data-saved]')) {
    place.dataset.state = state;
    if (place.textContent !== words) place.textContent = words;
  }
}

// A form of another patient: nothing of this page is gone on with.
function halt(title, ...lines) {
  changed.clear();
  queue.length = 0;
  const made = (kind, words) => Object.assign(document.createElement(kind), { textContent: words });
  const main = Object.assign(made('main', ''), { className: 'card stop-page stop', tabIndex: -1 });
  main.append(made('h1', title), ...lines.map(line => made('p', line)));
  document.body.replaceChildren(main);
  document.title = title;
  main.focus();
}

// Live parts: exchanged by id; one that holds the focus or an open form is left alone.
function exchange(page) {
  for (const old of all('[data-live]')) {
    const fresh = page.getElementById(old.id);
    if (!fresh || old.contains(document.activeElement) && document.activeElement !== document.body) continue;
    if (old.outerHTML === fresh.outerHTML) continue;
    const open = all('details', old).map(each => each.open);
    all('details', fresh).forEach((each, place) => { if (open[place]) each.open = true; });
    old.replaceWith(document.adoptNode(fresh));
  }
  tick();
}

async function refresh() {
  if (document.hidden || over || document.querySelector('dialog[open]')) return;
  try {
    const answer = heard(await fetch(location.href, { headers: { Accept: 'text/html', ...ASIDE } }));
    if (answer.ok && !over) exchange(parse(await answer.text()));
  } catch { /* the next round tries again */ }
}
const rounds = all('[data-refresh]').map(each => Number(each.dataset.refresh));
if (rounds.length) setInterval(() => { if (document.querySelector('[data-refresh]')) refresh(); }, 1000 * Math.min(...rounds));

// Autosave: what was typed is on the server 400 ms after the last key.
const changed = new Map();
let saving = false;
for (const form of all('form[data-autosave]')) {
  let wait;
  form.addEventListener('input', event => {
    const field = event.target;
    if (!field.name) return;
    touch(form, field.name);
    changed.set(field.name, field.type === 'checkbox' && !field.checked ? '' : field.value);
    clearTimeout(wait);
    wait = setTimeout(() => save(form), PAUSE);
  });
}
// The form tells the server which values it showed; one that was touched counts as changed whatever it says now.
function touch(form, name) {
  const shown = form.elements.was;
  if (shown) shown.value = JSON.stringify({ ...JSON.parse(shown.value || '{}'), [name]: null });
}
async function save(form, aside = {}) {
  if (saving || !changed.size) return;
  saving = true;
  const sent = new Map(changed);
  const guard = all('input[type=hidden]', form).map(each => [each.name, each.value]);
  say('saving', 'Saving…');
  try {
    const body = new URLSearchParams([...guard, ...sent]);
    const answer = heard(await fetch(form.getAttribute('action'), { method: 'POST', headers: { ...FORM, ...SCRIPT, ...aside }, body }));
    if (over) return;
    const told = await answer.json();
    if (told.ends_page) { halt(told.ends_page, told.problem); return; }
    if (!answer.ok && answer.status < 500) { changed.clear(); say('problem', `Not saved: ${told.problem}`); return; }
    if (!answer.ok) throw new Error('server');
    for (const [name, value] of sent) if (changed.get(name) === value) changed.delete(name);
    say('saved', `Saved to server ${told.saved}`);
    if (document.querySelector('[data-after-save]')) refresh();
  } catch {
    say('waiting', `No connection. ${entries(changed.size)} kept on this page. Keep this page open until it is saved.`);
    setTimeout(() => save(form, ASIDE), RETRY);
  } finally {
    saving = false;
    if (changed.size && form.isConnected && navigator.onLine) setTimeout(() => save(form), PAUSE);
  }
}

// A link pressed within a breath of the last key: what was typed is saved first, then the page is left.
document.addEventListener('click', async event => {
  const link = event.target.closest?.('a[href]');
  const plain = !event.defaultPrevented && !event.button && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (!link || !plain || !changed.size || link.getAttribute('href').startsWith('#')) return;
  event.preventDefault();
  for (let round = 0; round < 20 && changed.size; round++) {
    for (const form of all('form[data-autosave]')) await save(form);
    if (changed.size) await new Promise(done => setTimeout(done, 100));
  }
  location.assign(link.href); // what could not be saved asks once more, before it is lost
});

// Readings: sent in order, one at a time; kept in memory while there is no connection. Nothing refused is dropped.
const queue = [];
let sending = false;
const touched = new Set(); // forms that save nothing before their button is pressed
document.addEventListener('input', event => {
  const form = event.target.form;
  if (form && !form.matches('[data-autosave]')) touched.add(form);
});
document.addEventListener('submit', event => {
  const form = event.target;
  if (form.closest('dialog')) return;
  touched.delete(form);
  if (!form.matches('form[data-send]')) { leaving = true; return; }
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  queue.push({ url: form.getAttribute('action'), body, at: Date.now() });
  if (form.elements.entry) form.elements.entry.value = crypto.randomUUID();
  for (const field of all('input[type=text]', form)) field.value = '';
  form.querySelector('input[type=text]')?.focus();
  flush();
});
async function flush(aside = {}) {
  if (sending || !queue.length) return;
  sending = true;
  try {
    while (queue.length) {
      const { url, body, at } = queue[0];
      const waited = Math.round((Date.now() - at) / 1000);
      body.set('waited', waited > 60 ? String(waited) : '');
      say('saving', 'Saving…');
      const answer = heard(await fetch(url, { method: 'POST', headers: { ...FORM, ...aside }, body }));
      if (over) return;
      if (answer.status >= 500) throw new Error('server');
      const page = parse(await answer.text());
      if (!answer.ok) { refused(page, queue.length - 1); return; }
      queue.shift();
      if (!queue.length && document.querySelector('[data-late]')) { location.reload(); return; }
      exchange(page);
      settled(page);
      say('saved', page.querySelector('[data-saved]')?.textContent || 'Saved to server');
    }
  } catch {
    say('waiting', `No connection. ${entries(queue.length)} kept on this page. Keep this page open until it is sent.`);
  } finally {
    sending = false;
  }
}
// A complaint that has been dealt with goes; what was typed since stays.
function settled(page) {
  all('[data-problems]').forEach(each => each.remove());
  document.title = page.title;
  tick();
  const form = document.querySelector('form[data-send]'), fresh = page.querySelector('form[data-send]');
  if (!form?.querySelector('.wrong') || !fresh || all('input[type=text]', form).some(each => each.value)) return;
  form.replaceWith(document.adoptNode(fresh));
  fresh.querySelector('input[type=text]').focus();
}
// A refused reading comes back into its form with what to do about it; those behind it wait.
function refused(page, behind) {
  const end = page.querySelector('[data-ends-page]');
  if (end) { halt(end.querySelector('h1').textContent, ...all('h1 ~ * p, h1 ~ p', end).map(each => each.textContent)); return; }
  const form = document.querySelector('form[data-send]'), fresh = page.querySelector('form[data-send]');
  if (!form || !fresh) {
    say('problem', `Not saved: ${page.querySelector('main h1')?.textContent ?? 'the server refused it'}. ${page.querySelector('main .note p')?.textContent ?? ''}`);
    return;
  }
  queue.shift();
  form.replaceWith(document.adoptNode(fresh));
  document.title = page.title;
  all('[data-problems]').forEach(each => each.remove());
  const list = page.querySelector('[data-problems]');
  if (list) { document.getElementById('main').prepend(document.adoptNode(list)); list.focus(); }
  say('problem', behind ? `Not saved. ${entries(behind)} behind it wait on this page.` : 'Not saved: see the problem above.');
}
addEventListener('online', () => { flush(ASIDE); for (const form of all('form[data-autosave]')) save(form, ASIDE); });
addEventListener('offline', () => say('waiting', 'No connection. You can go on: what you type is kept on this page. Keep it open until it is sent.'));
setInterval(() => flush(ASIDE), RETRY);
// The session ends: what is not on the server yet is handed over, and nothing of it is done, only kept.
document.addEventListener('kp-end', ({ detail: left }) => {
  over = true;
  const kept = form => new URLSearchParams(new FormData(form));
  const filled = form => all('input:not([type=hidden]), textarea, select', form).some(each => each.matches(':checked') || !each.matches('[type=radio], [type=checkbox]') && each.value);
  for (const form of changed.size ? all('form[data-autosave]').slice(0, 1) : []) {
    const guard = all('input[type=hidden]', form).map(each => [each.name, each.value]);
    left.push({ url: form.getAttribute('action'), body: new URLSearchParams([...guard, ...changed]) });
  }
  for (const { url, body, at } of queue) left.push({ url, body, typed: at });
  for (const form of touched) if (form.isConnected && filled(form)) left.push({ url: form.getAttribute('action'), body: kept(form) });
  changed.clear();
  queue.length = 0;
});
let leaving = false;
addEventListener('beforeunload', event => { if (queue.length || changed.size && !leaving) event.preventDefault(); });

// The due timer, in the page and in its title.
function tick() {
  let due = false;
  for (const place of all('[data-due]')) {
    const left = Math.round((Number(place.dataset.due) - (Date.now() - ahead)) / 1000), size = Math.abs(left);
    const words = `${Math.floor(size / 60)}:${String(size % 60).padStart(2, '0')}`;
    place.textContent = left < 0 ? `Overdue ${words}` : words;
    place.parentElement.classList.toggle('late', left < 0);
    due ||= left <= 0;
  }
  const bare = document.title.replace(/^\(1\) due · /, '');
  document.title = due ? `(1) due · ${bare}` : bare;
}
if (document.querySelector('[data-due]')) { tick(); setInterval(tick, 1000); }

// Focus: a problem first, else the first field of the reading form.
const problem = document.querySelector('[data-problems]');
if (problem) problem.focus();
else if (!location.hash) document.querySelector('form[data-send]:not([data-calm]) input[type=text]')?.focus({ preventScroll: true });
for (const link of all('[data-problems] a')) {
  link.addEventListener('click', event => {
    const field = document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    field.closest('details')?.setAttribute('open', '');
    field.scrollIntoView({ block: 'center' });
    field.focus();
  });
}

// A link to something folded opens it.
const unfold = () => document.getElementById(location.hash.slice(1))?.closest('details')?.setAttribute('open', '');
addEventListener('hashchange', unfold);
unfold();

// Print, with everything that is folded opened.
for (const button of all('[data-print]')) { button.hidden = false; button.addEventListener('click', () => print()); }
addEventListener('beforeprint', () => all('details:not([open])').forEach(each => { each.open = true; each.dataset.folded = ''; }));
addEventListener('afterprint', () => all('[data-folded]').forEach(each => { each.open = false; delete each.dataset.folded; }));

// Pages that the browser kept for "back" may be another patient's: load them again.
addEventListener('pageshow', event => { if (event.persisted) location.reload(); });
if (document.querySelector('form[data-send]')) navigator.wakeLock?.request('screen').catch(() => {});
