import type { HttpExchange } from '../test/support/http-exchange.ts';
import type { TokenAnswer } from '../test/support/agent-client.ts';
import { addressWithoutSecrets, withoutSecrets } from './secrets.ts';

/** One thing that happened in a step, as it is told. */
export type Event =
  | { readonly kind: 'request'; readonly method: string; readonly url: string; readonly headers: unknown; readonly body: unknown }
  | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  | { readonly kind: 'token'; readonly of: string; readonly header: unknown; readonly claims: unknown }
  | { readonly kind: 'note'; readonly words: string }
  | { readonly kind: 'check'; readonly words: string; readonly held: boolean; readonly seen?: unknown };

/** A step of the story and everything that happened in it. */
export interface Step {
  readonly number: number;
  readonly title: string;
  readonly about: string;
  readonly events: readonly Event[];
}

/** Who listens to the story. */
export interface Audience {
  step(step: Omit<Step, 'events'>): void;
  event(event: Event): void;
}

/** Tells the story step by step and keeps what was told. */
export interface Narrator {
  readonly steps: readonly Step[];
  /** What did not hold, with the step it belongs to. */
  readonly failures: readonly { readonly step: number; readonly words: string }[];
  /** Plays one step; what it throws counts as a check that failed, and is thrown on: later steps stand on it. */
  step<T>(title: string, about: string, play: () => Promise<T>): Promise<T>;
  /** A request and its answer. */
  exchange(exchange: HttpExchange): void;
  /** What is inside a token. */
  token(of: string, answer: Pick<TokenAnswer, 'header' | 'claims'>): void;
  note(words: string): void;
  /** `seen` is shown when it does not hold. */
  check(words: string, held: boolean, seen?: unknown): void;
}

const SHOWN_HEADERS = new Set(['authorization', 'dpop']);

function shownHeaders(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => SHOWN_HEADERS.has(name.toLowerCase())));
}

function sentBody({ request }: HttpExchange): unknown {
  if (request.form !== undefined) return Object.fromEntries(new URLSearchParams(request.form));
  return request.json;
}

/** JSON inside a form field is shown as what it says. */
function readable(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('authorization_details' in body)) return body;
  const { authorization_details: details } = body;
  return typeof details === 'string' ? { ...body, authorization_details: JSON.parse(details) } : body;
}

/** A narrator for one audience. */
export function createNarrator(audience: Audience): Narrator {
  const steps: (Step & { readonly events: Event[] })[] = [];
  const failures: { step: number; words: string }[] = [];
  const tell = (event: Event) => {
    steps.at(-1)?.events.push(event);
    audience.event(event);
  };
  const check = (words: string, held: boolean, seen?: unknown) => {
    if (!held) failures.push({ step: steps.length, words });
    tell({ kind: 'check', words, held, ...(held ? {} : { seen: withoutSecrets(seen) }) });
  };
  return {
    steps,
    failures,
    async step(title, about, play) {
      const step = { number: steps.length + 1, title, about, events: [] };
      steps.push(step);
      audience.step(step);
      try {
        return await play();
      } catch (error) {
        check(`the step "${title}" comes to its end`, false, error instanceof Error ? error.message : error);
        throw error;
      }
    },
    exchange(exchange) {
      const { method, url, headers } = exchange.request;
      const body = withoutSecrets(readable(sentBody(exchange)));
      tell({ kind: 'request', method, url: addressWithoutSecrets(url), headers: withoutSecrets(shownHeaders(headers)), body });
      tell({ kind: 'answer', status: exchange.status, body: withoutSecrets(exchange.body) });
    },
    token: (of, { header, claims }) => tell({ kind: 'token', of, header, claims }),
    note: (words) => tell({ kind: 'note', words }),
    check,
  };
}
