// What the pages gain with a script; they work without it. Each part is a file of its own.
import './page.js';
import './waiting.js';
import './saving.js';
import './queue.js';
import './leaving.js';
import './online.js';
import './timers.js';
import './focus.js';
import './paper.js';
import './awake.js';
