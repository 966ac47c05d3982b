import { endOf, momentOf } from '../../platform/http/moment.ts';
import type { StoredDocument } from './store.ts';

function stateOf({ read, failing }: StoredDocument, now: Date) {
  if (failing !== undefined) return { word: failing.kind === 'unreachable' ? 'Host does not answer' : 'Not valid', tone: 'stop' };
  if (read === undefined) return { word: 'Not read yet', tone: 'wait' };
  return now < read.freshUntil ? { word: 'Fresh', tone: 'yes' } : { word: 'To be read again', tone: '' };
}

/** A metadata document as the page of its client shows it. */
export function presentDocument(document: StoredDocument, now: Date) {
  const { url, read, failing, change } = document;
  const moment = (at: Date) => momentOf(at, now);
  return {
    url,
    state: stateOf(document, now),
    ...(read === undefined ? {} : { readAt: moment(read.at), freshness: endOf(read.freshUntil, now) }),
    ...(failing === undefined ? {} : { fault: { words: failing.words, since: moment(failing.since) } }),
    ...(change === undefined ? {} : { change: { words: change.words, at: moment(change.at) } }),
    isApproved: document.isApproved,
  };
}
