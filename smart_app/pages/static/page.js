// What the parts of the script share: how something is sent, the state in words, and the parts of a page that live.
export const policy = window.trustedTypes?.createPolicy('ktx', { createHTML: text => text, createScriptURL: text => text })
  ?? { createHTML: text => text, createScriptURL: text => text };
export const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
export const ASIDE = { 'X-KP-Refresh': '1' }; // asked by the page, not by a person: it does not keep the session open
export const SCRIPT = { 'X-KP-Script': '1' };
export const RETRY = 30000;
const PATIENCE = 20000;
export const { root } = document.body.dataset;
export const ahead = Date.now() - Number(document.body.dataset.now); // this device's clock against the server's
// over: the session ended, the page is empty and stays so; cut: the last thing sent had no answer.
export const now = { over: false, cut: false };

export const all = (selector, where = document) => [...where.querySelectorAll(selector)];
export const parse = text => new DOMParser().parseFromString(policy.createHTML(text), 'text/html');
export const made = (kind, words, more = {}) => Object.assign(document.createElement(kind), { textContent: words }, more);
export const entries = count => `${count} ${count === 1 ? 'entry' : 'entries'}`;

function heard(answer) {
  document.dispatchEvent(new CustomEvent('kp-heard', { detail: answer }));
  return answer;
}

// The answer of our server. Throws where there was none: no network, a fault, or somebody in between who answers.
async function ask(url, options) {
  let answer;
  try {
    answer = heard(await fetch(url, { signal: AbortSignal.timeout(PATIENCE), ...options }));
    if (answer.status >= 500 || answer.ok && !answer.headers.has('X-KP-Ends')) throw new Error('no answer of ours');
  } catch (problem) {
    connected(false);
    throw problem;
  }
  connected(true);
  return answer;
}
export const post = (url, body, headers = {}) => ask(url, { method: 'POST', headers: { ...FORM, ...headers }, body });
export async function reached() {
  try { await ask(`${root}/time`, { headers: { ...SCRIPT, ...ASIDE } }); return true; } catch { return false; }
}
function connected(yes) {
  if (now.cut === !yes) return;
  now.cut = !yes;
  document.dispatchEvent(new CustomEvent('kp-connection'));
}

// The save state, where the page has no place for it beside the button that it is about.
export function say(state, words, form) {
  if (!document.querySelector('[data-saved]')) {
    const place = made('span', '', { className: 'saved', role: 'status' });
    place.dataset.saved = '';
    (form?.querySelector('.actions') ?? document.getElementById('main')).append(place);
  }
  for (const place of all('[data-saved]')) {
    place.dataset.state = state;
    if (place.textContent !== words) place.textContent = words;
  }
}

// A form of another patient: nothing of this page is gone on with.
export function halt(title, ...lines) {
  now.over = true;
  document.dispatchEvent(new CustomEvent('kp-halt'));
  const main = made('main', '', { className: 'card stop-page stop', tabIndex: -1 });
  main.append(made('h1', title), ...lines.map(line => made('p', line)));
  document.body.replaceChildren(main);
  document.title = title;
  main.focus();
}

// Live parts: exchanged by id; one that holds the focus or something typed is left alone.
const isTyped = field => field.value !== field.defaultValue;
export function exchange(page) {
  for (const old of all('[data-live]')) {
    const fresh = page.getElementById(old.id);
    if (!fresh || old.contains(document.activeElement) && document.activeElement !== document.body) continue;
    if (old.outerHTML === fresh.outerHTML || all('input[type=text], textarea', old).some(isTyped)) continue;
    const open = all('details', old).map(each => each.open);
    all('details', fresh).forEach((each, place) => { if (open[place]) each.open = true; });
    old.replaceWith(document.adoptNode(fresh));
  }
  document.dispatchEvent(new CustomEvent('kp-live'));
}

export async function refresh() {
  if (document.hidden || now.over || document.querySelector('dialog[open]')) return;
  try {
    const answer = await ask(location.href, { headers: { Accept: 'text/html', ...ASIDE } });
    if (answer.ok && !now.over) exchange(parse(await answer.text()));
  } catch { /* the next round tries again */ }
}
const rounds = all('[data-refresh]').map(each => Number(each.dataset.refresh));
if (rounds.length) setInterval(() => { if (document.querySelector('[data-refresh]')) refresh(); }, 1000 * Math.min(...rounds));

const SOON = 5000;
// Forms that the page does not hold yet, to keep it light: they are here before the connection is lost.
async function fetchForms() {
  if (!document.querySelector('[data-more]')) return;
  try {
    const answer = await ask(`${location.pathname}?add=all`, { headers: { Accept: 'text/html', ...ASIDE } });
    const page = answer.ok && !now.over && parse(await answer.text());
    if (!page) return;
    for (const link of all('[data-more]')) {
      const old = link.closest('[id]'), fresh = page.getElementById(old.id), held = link === document.activeElement;
      if (!fresh) continue;
      old.replaceWith(document.adoptNode(fresh));
      if (held) fresh.querySelector('summary')?.focus();
    }
  } catch { setTimeout(fetchForms, SOON); /* until then the links lead there */ }
}
if (document.readyState === 'complete') fetchForms(); else addEventListener('load', fetchForms);

// Pages that the browser kept for "back" may be another patient's: load them again.
addEventListener('pageshow', event => { if (event.persisted) location.reload(); });
document.addEventListener('kp-end', () => { now.over = true; });
