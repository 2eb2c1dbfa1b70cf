// The end of the session: a warning two minutes before, and then nothing of the patient stays on the screen.
// app.js keeps what was typed; this file keeps the time. Every answer of the server says how long there is.
const WARN = 120000, ASK_EVERY = 5000, PATIENCE = 2000, TOLD_EVERY = 60000, RETRY = 30000;
const { ends, root } = document.body.dataset;
const dialog = document.getElementById('staying'), ended = document.getElementById('ended');
const ASIDE = { 'X-KP-Script': '1', 'X-KP-Refresh': '1' }; // asked by the page, not by a person
const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' };
const within = (selector, where = dialog) => [...where.querySelectorAll(selector)];
let end = 0, why = '', at = '', over = false, asking = false, asked = 0, told = Date.now(), accepted = false, before = null;

function know(words) {
  const [seconds, limit, clock] = words.split(';');
  end = Date.now() + 1000 * Number(seconds);
  why = limit;
  at = clock;
}
function heard(answer) {
  if (over) return;
  if (answer.status === 401) return finish();
  const words = answer.headers.get('X-KP-Ends');
  if (words) know(words);
}
know(ends);
document.addEventListener('kp-heard', event => heard(event.detail));

async function ask() {
  asking = true;
  asked = Date.now();
  try {
    heard(await fetch(`${root}/time`, { headers: ASIDE, signal: AbortSignal.timeout(PATIENCE) }));
  } catch { /* without an answer the time known here counts */ } finally { asking = false; }
}

// Other tabs of this launch may have gone on: the server is asked before anything is shown or taken away.
async function look() {
  if (over || asking || !dialog.isConnected) return;
  if (end - Date.now() <= WARN && (Date.now() - asked >= ASK_EVERY || end <= Date.now())) await ask();
  if (over) return;
  const left = end - Date.now();
  if (left <= 0) finish();
  else if (left <= WARN) warn(left);
  else calm();
}
function warn(left) {
  if (!dialog.open && !accepted) {
    before = document.activeElement;
    dialog.showModal();
    within('[data-for]').forEach(each => { each.hidden = each.dataset.for !== why; });
    within('button:not([hidden])')[0].focus();
  }
  const seconds = Math.ceil(left / 1000);
  within('[data-at]').forEach(each => { each.textContent = at; });
  within('[data-left]').forEach(each => { each.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`; });
}
function calm() {
  accepted = false;
  if (!dialog.open) return;
  dialog.close();
  say('');
  if (before?.isConnected) before.focus();
  else (before?.id && document.getElementById(before.id) || document.getElementById('main')).focus();
}
function say(words) { within('[data-said]')[0].textContent = words; }

async function stay() {
  told = Date.now();
  try {
    const body = new URLSearchParams(new FormData(dialog.querySelector('form')));
    heard(await fetch(`${root}/stay`, { method: 'POST', headers: { ...FORM, 'X-KP-Script': '1' }, body }));
    return true;
  } catch { return false; }
}
async function pressed(event) {
  event.preventDefault();
  if (why === 'limit') { accepted = true; dialog.close(); before?.focus(); return; }
  say('One moment…');
  if (!await stay()) say('No connection, so the session could not be kept. Press again in a moment.');
  else if (!over && end - Date.now() > WARN) calm();
  else if (!over) say('');
}
dialog.querySelector('form').addEventListener('submit', pressed);
dialog.addEventListener('cancel', pressed); // Escape is a key press too
// Typing where nothing is saved meanwhile: somebody is here.
document.addEventListener('input', event => {
  if (event.isTrusted && !over && Date.now() - told >= TOLD_EVERY) stay();
});
setInterval(look, 1000);
document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });

function finish() {
  if (over) return;
  over = true;
  const left = [];
  document.dispatchEvent(new CustomEvent('kp-end', { detail: left }));
  const page = ended.content.cloneNode(true);
  if (at && end <= Date.now()) page.querySelector('[data-at]').textContent = ` at ${at}`;
  document.title = ended.dataset.title;
  document.body.replaceChildren(page);
  document.querySelector('.stop-page').focus();
  addEventListener('beforeunload', event => { if (left.length) event.preventDefault(); });
  hand(left);
}
// What was typed and not sent is out of sight, but not lost: it is sent to be kept, and the page says what became of it.
async function hand(left) {
  const place = document.querySelector('[data-fate]');
  const became = new Set();
  if (left.length) place.textContent = 'What you typed is being kept…';
  while (left.length) {
    const { url, body } = left[0];
    try {
      const answer = await fetch(url, { method: 'POST', headers: { ...FORM, ...ASIDE, 'X-KP-Keep': '1' }, body });
      if (answer.status >= 500) throw new Error('server');
      became.add((await answer.json()).kept ?? 'Something that you had typed was not kept. Enter it again.');
      left.shift().done?.();
    } catch {
      place.textContent = `No connection. ${left.length === 1 ? 'One entry is' : `${left.length} entries are`} kept in this page, out of sight. Keep it open until this message changes.`;
      await new Promise(done => { addEventListener('online', done, { once: true }); setTimeout(done, RETRY); });
    }
  }
  place.textContent = became.size ? [...became].join(' ') : 'Nothing you entered is lost.';
}
// What the browser keeps for "back" shows nothing until it is loaded again.
addEventListener('pagehide', event => { if (event.persisted) document.body.hidden = true; });
