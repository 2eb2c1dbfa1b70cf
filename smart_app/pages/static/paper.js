// Print, with everything that is folded opened.
import { all } from './page.js';

for (const button of all('[data-print]')) { button.hidden = false; button.addEventListener('click', () => print()); }
addEventListener('beforeprint', () => all('details:not([open])').forEach(each => { each.open = true; each.dataset.folded = ''; }));
addEventListener('afterprint', () => all('[data-folded]').forEach(each => { each.open = false; delete each.dataset.folded; }));
