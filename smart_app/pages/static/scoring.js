// A questionnaire: digits answer the item that has the focus, and the total so far. What counts is what the server adds up.
const form = document.querySelector('form[data-score]');
const rows = form ? [...form.querySelectorAll('[data-item]')] : [];
const place = form?.querySelector('[data-sum]');
const groups = form ? JSON.parse(form.dataset.groups) : [];
const answer = row => row.querySelector(':checked');
function tell() {
  if (!place || !groups.length) return;
  const score = number => Number(answer(rows[number - 1])?.value ?? 0);
  const total = groups.reduce((sum, group) => sum + Math.max(...group.map(score)), 0);
  place.textContent = `Total so far: ${total} of ${form.dataset.highest}. ${rows.filter(answer).length} of ${rows.length} items answered.`;
}
form?.addEventListener('change', tell);
form?.addEventListener('keydown', event => {
  const row = event.target.closest('[data-item]');
  if (!row || event.ctrlKey || event.altKey || event.metaKey || !/^\d$/.test(event.key)) return;
  const radio = row.querySelector(`input[value="${event.key}"]`);
  if (!radio) return;
  event.preventDefault();
  radio.checked = true;
  for (const kind of ['input', 'change']) radio.dispatchEvent(new Event(kind, { bubbles: true }));
  const next = rows[rows.indexOf(row) + 1];
  (next ? answer(next) ?? next.querySelector('input') : form.querySelector('button')).focus();
});
tell();
