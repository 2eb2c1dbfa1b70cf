// What is not on the server yet, counted over all forms, and said in words.
import { entries, now, reached, RETRY, say } from './page.js';

const sources = []; // functions that say how many of theirs wait
export const counts = source => { sources.push(source); };
export const unsent = () => sources.reduce((sum, source) => sum + source(), 0);
export const device = { keeps: () => false }; // whether this device keeps what waits when the page goes

export function sayWaiting(more = '') {
  if (now.over) return;
  const count = unsent();
  const words = count
    ? `${entries(count)} kept on this ${device.keeps() ? 'device, sealed. Sent when the connection is back.' : 'page. Keep this page open until it is sent.'}`
    : 'You can go on: what you type is kept here until it is sent.';
  say('waiting', `No connection. ${words} ${more}`.trim());
}
addEventListener('offline', () => sayWaiting());

async function look() {
  if (now.over || !await reached() || unsent() || !document.querySelector('[data-saved][data-state=waiting]')) return;
  say('saved', 'Connected again. Nothing waits.');
}
addEventListener('online', look);
setInterval(() => { if (now.cut) look(); }, RETRY);
