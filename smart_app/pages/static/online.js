// What only works with a connection says so before anything is lost, and its button stays a button.
import { all, made, now, reached } from './page.js';
import { saveAll } from './saving.js';

let cleared = null, asking = false;
document.addEventListener('submit', async event => {
  const form = event.target;
  if (form.matches('[data-send]') || form.closest('dialog') || form.method !== 'post' || cleared === form) return;
  if (!form.matches('[data-online]') && !now.cut && navigator.onLine) return;
  event.preventDefault();
  if (asking) return;
  asking = true;
  const [there] = await Promise.all([reached(), saveAll()]);
  asking = false;
  if (now.over) return;
  tell(form, !there);
  if (!there) return;
  cleared = form;
  form.requestSubmit(event.submitter);
}, true);

function tell(form, cut) {
  form.querySelector('[data-cut]')?.remove();
  if (!cut) return;
  const what = form.dataset.online || 'This needs the network.';
  const words = made('p', `No connection. ${what} Nothing was sent: press again when the connection is back.`, { className: 'complaint', role: 'alert' });
  words.dataset.cut = '';
  (form.querySelector('.actions') ?? form.lastElementChild).before(words);
}
// Those whose reason is known are told before anybody presses.
const look = () => all('form[data-online]').forEach(form => tell(form, now.cut || !navigator.onLine));
for (const name of ['online', 'offline']) addEventListener(name, look);
document.addEventListener('kp-connection', look);
