// The due timer, in the page and in its title. It goes on without a connection.
import { ahead, all } from './page.js';

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
document.addEventListener('kp-live', tick);
