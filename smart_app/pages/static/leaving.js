// Closing the app: what waits is sent first, and nothing of this user and patient stays on the device.
import { entries, made } from './page.js';
import { flush } from './queue.js';
import { saveAll } from './saving.js';
import { eraseAll } from './sealed.js';
import { unsent } from './waiting.js';

let gone = false;
document.addEventListener('submit', async event => {
  const form = event.target;
  if (!form.matches('form[data-leave]') || gone) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  form.querySelector('[data-cut]')?.remove();
  await Promise.all([saveAll(), flush()]);
  if (unsent()) {
    const words = made('p', `${entries(unsent())} not sent yet. Wait for the connection, or deal with what was refused.`, { className: 'complaint', role: 'alert' });
    words.dataset.cut = '';
    form.prepend(words);
    return;
  }
  await eraseAll().catch(() => {});
  gone = true;
  form.requestSubmit(event.submitter);
}, true);
