// Keeps "3 min ago", "4 min left" and "in 20 minutes" true while a page stays open. The server wrote the first text, so nothing moves at load.
const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];
const shortWords = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });

const longWords = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'long' });

/** "in 20 minutes", "in 1 hour" for a number of seconds from now. */
function ahead(seconds) {
  if (seconds <= 0) return 'now';
  const found = units.find(([, size]) => seconds >= size);
  return found === undefined ? 'in less than a minute' : longWords.format(Math.floor(seconds / found[1]), found[0]);
}

/** "2 hr. ago", "in 3 min." for a number of seconds from now. */
function relative(seconds) {
  for (const [unit, size] of units) {
    if (Math.abs(seconds) >= size) return shortWords.format(Math.trunc(seconds / size), unit);
  }
  return seconds <= 0 ? 'just now' : 'in a moment';
}

/** "4:12 left" under an hour, "3 h left" under two days, "5 days left" above. */
function left(seconds) {
  if (seconds <= 0) return 'time is up';
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')} left`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h left`;
  return `${Math.floor(seconds / 86_400)} days left`;
}

function refresh() {
  for (const time of document.querySelectorAll('time[data-time]')) {
    const seconds = (new Date(time.dateTime).getTime() - Date.now()) / 1_000;
    const words = { left, in: ahead }[time.dataset.time] ?? relative;
    time.textContent = words(seconds);
  }
}

setInterval(refresh, document.querySelector('time[data-time=left]') ? 1_000 : 30_000);
