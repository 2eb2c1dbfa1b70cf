// Where the keyboard is: a problem first, else the first field of the reading form; links to something folded open it.
import { all } from './page.js';

const problem = document.querySelector('[data-problems]');
if (problem) problem.focus();
else if (!location.hash) document.querySelector('form[data-send][data-first] input[type=text]')?.focus({ preventScroll: true });
document.addEventListener('click', event => {
  const link = event.target.closest?.('[data-problems] a');
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  field.closest('details')?.setAttribute('open', '');
  field.scrollIntoView({ block: 'center' });
  field.focus();
});
const unfold = () => document.getElementById(location.hash.slice(1))?.closest('details')?.setAttribute('open', '');
addEventListener('hashchange', unfold);
unfold();
