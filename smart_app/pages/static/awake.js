// The screen stays on while a session runs. A browser takes that back whenever the page is out of sight.
const wake = () => { if (!document.hidden && document.querySelector('form[data-send]')) navigator.wakeLock?.request('screen').catch(() => {}); };
document.addEventListener('visibilitychange', wake);
wake();
