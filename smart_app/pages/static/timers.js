// The due timer, in the page and in its title. It goes on without a connection.
import { ahead, all, made, now } from './page.js';

let wasDue = true; // what was due before the page opened is said in words alone
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
  if (due && !wasDue && document.body.dataset.tone) sound();
  wasDue = due;
}
function sound() {
  const audio = new AudioContext(), tone = audio.createOscillator(), quiet = audio.createGain();
  quiet.gain.value = 0.15;
  tone.frequency.value = 660;
  tone.connect(quiet).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.4);
  tone.onended = () => audio.close();
}
if (document.querySelector('[data-due]')) { tick(); setInterval(tick, 1000); }
document.addEventListener('kp-live', tick);

// A reading that waits for a connection was taken all the same: the next one is that of the schedule.
document.addEventListener('kp-connection', next);
document.addEventListener('kp-queued', ({ detail }) => { if (detail.form === 'reading') { taken = detail.at; next(); } });
let taken = 0;
function next() {
  if (!now.cut || !taken) return;
  for (const place of all('[data-then]')) {
    const covered = taken - ahead + Number(place.dataset.early), due = Number(place.dataset.due);
    const at = place.dataset.then.split(' ').filter(Boolean).map(Number).find(each => each > covered);
    if (due > covered || !at) continue;
    place.dataset.due = at;
    const words = place.parentElement.querySelector('.hint');
    if (words) words.textContent = 'Reading kept. This is the next by the schedule.';
  }
  tick();
}

// Times of entries that wait are set right by this; who reads them on the device's own clock should know.
if (Math.abs(ahead) > 60000 && document.querySelector('form[data-send]')) {
  const minutes = Math.round(Math.abs(ahead) / 60000);
  const words = `This device's clock is ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} ${ahead > 0 ? 'ahead of' : 'behind'} the server's. Entries are kept with the server's time.`;
  document.getElementById('main').append(made('p', words, { className: 'note warn' }));
}
