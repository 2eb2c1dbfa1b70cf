// Shown in place of a page that could not be loaded: how many entries wait on this device, which nobody can read here.
import { counted } from './box.js';

const count = await counted();
if (count !== null) {
  document.querySelector('[data-waiting]').textContent = count
    ? `${count === 1 ? '1 sealed entry waits' : `${count} sealed entries wait`} on this device. Sent when whoever typed here opens the app again for the same patient.`
    : 'Nothing waits on this device.';
}
const again = () => location.replace(location.href);
addEventListener('online', again);
setTimeout(again, 30000);
