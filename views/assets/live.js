// Tells, politely, that a page has become old. It never moves what is under somebody's thumb: the person presses "Show".
const source = document.querySelector('[data-live]');
const toast = document.querySelector('[data-live-toast]');
if (source && toast) {
  const events = new EventSource(source.dataset.live);
  events.addEventListener('change', () => {
    toast.hidden = false;
    toast.querySelector('[role=status]').textContent = source.dataset.liveWords;
  });
  addEventListener('pagehide', () => events.close());
}
