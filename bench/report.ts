import type { Figure } from './load.ts';
import type { PolicyFigures } from './policies.ts';

/** Everything one run measured. `engine` and `signer` are what the others are compared with. */
export interface Figures {
  readonly clientCredentials: Figure;
  readonly exchange: Figure;
  /** At the third hop, with a detail narrowed. */
  readonly exchangeHop3: Figure;
  readonly introspection: Figure;
  /** Single accesses, each with the token it was asked for with. */
  readonly evaluation: Figure;
  readonly engine: Figure;
  readonly signer: Figure;
  readonly coldStartMs: number;
  readonly policies: PolicyFigures;
}

/** A promise about a figure, and whether it was kept. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly bar: string;
  readonly isHeld: boolean;
}

const LEAST = { clientCredentials: 0.5, exchange: 0.3, exchangeHop3: 0.35, evaluationsPerSecond: 3_000 };
const MOST = { rssMb: 250, coldStartMs: 3_000, evaluationP99: 10, policyMicros: 150 };

/** The bars of this run. Memory is left out where the system does not tell. */
export function barsOf(figures: Figures): readonly Bar[] {
  const { clientCredentials, exchange, exchangeHop3, introspection, evaluation, engine, coldStartMs, policies } = figures;
  const ratio = (name: string, figure: Figure, least: number): Bar => {
    const value = figure.perSecond / engine.perSecond;
    return { name: `${name} / bare engine`, value, bar: `>= ${least}`, isHeld: value >= least };
  };
  const rssMb = [clientCredentials, exchange, exchangeHop3, introspection, evaluation]
    .map((figure) => figure.rssMb)
    .filter((value) => value !== undefined);
  const memory = rssMb.length === 0 ? undefined : Math.max(...rssMb);
  return [
    ratio('client_credentials', clientCredentials, LEAST.clientCredentials),
    ratio('token exchange', exchange, LEAST.exchange),
    ratio('token exchange at hop 3', exchangeHop3, LEAST.exchangeHop3),
    {
      name: 'access evaluation, req/s',
      value: evaluation.perSecond,
      bar: `>= ${LEAST.evaluationsPerSecond}`,
      isHeld: evaluation.perSecond >= LEAST.evaluationsPerSecond,
    },
    {
      name: 'access evaluation, p99 ms',
      value: evaluation.p99,
      bar: `<= ${MOST.evaluationP99}`,
      isHeld: evaluation.p99 <= MOST.evaluationP99,
    },
    ...(memory === undefined ? [] : [{ name: 'memory, MB', value: memory, bar: `<= ${MOST.rssMb}`, isHeld: memory <= MOST.rssMb }]),
    { name: 'cold start, ms', value: coldStartMs, bar: `<= ${MOST.coldStartMs}`, isHeld: coldStartMs <= MOST.coldStartMs },
    policyBar(policies),
  ];
}

function policyBar({ policies, p50Micros }: PolicyFigures): Bar {
  const name = `a decision under ${policies} policies, p50 us`;
  return { name, value: p50Micros, bar: `<= ${MOST.policyMicros}`, isHeld: p50Micros <= MOST.policyMicros };
}

const HEAD = ['', 'req/s', '/ engine', '/ signer', 'CPU us/req', 'CPU / engine', 'p50 ms', 'p99 ms', 'RSS MB'];

/** The figures as lines of text for a terminal. */
export function textOf(figures: Figures, about: { readonly seconds: number; readonly rounds: number; readonly isPinned: boolean }): string {
  const { clientCredentials, exchange, exchangeHop3, introspection, evaluation, engine, signer, policies } = figures;
  const times = (value: number | undefined, digits = 2) => (value === undefined || Number.isNaN(value) ? '-' : value.toFixed(digits));
  const row = (name: string, figure: Figure): string[] => [
    name,
    times(figure.perSecond, 0),
    times(figure.perSecond / engine.perSecond),
    times(figure.perSecond / signer.perSecond),
    times(figure.cpuMicros, 0),
    times((engine.cpuMicros ?? Number.NaN) / (figure.cpuMicros ?? Number.NaN)),
    times(figure.p50, 0),
    times(figure.p99, 0),
    times(figure.rssMb, 0),
  ];
  const rows = [
    HEAD,
    row('client_credentials', clientCredentials),
    row('token exchange, hop 2', exchange),
    row('hop 3, 50 policies, a detail narrowed', exchangeHop3),
    row('introspection', introspection),
    row('access evaluation', evaluation),
    row('(a) bare engine', engine),
    row('(b) bare signer', signer),
  ];
  const widths = HEAD.map((_name, column) => Math.max(...rows.map((cells) => (cells[column] ?? '').length)));
  const table = rows.map((cells) =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  '),
  );
  const bars = barsOf(figures).map(
    ({ name, value, bar, isHeld }) => `${isHeld ? 'held  ' : 'MISSED'}  ${name}: ${times(value, value < 10 ? 2 : 0)} (bar ${bar})`,
  );
  const where = about.isPinned ? 'server on core 0, PostgreSQL and load on core 1' : 'not pinned to cores: taskset is not here';
  return [
    `16 connections, ${about.rounds} rounds of ${about.seconds} s in turn, the middle figure of each; ${where}; private_key_jwt and JWTs with ES256.`,
    '(a) client_credentials at the engine with its in-memory storage; (b) node:http that signs one JWT per request.',
    '"CPU / engine" compares processor time per request: it stays true when other programs use the machine.',
    '',
    ...table,
    '',
    `A decision under ${policies.policies} policies: p50 ${times(policies.p50Micros, 0)} us, p99 ${times(policies.p99Micros, 0)} us; asked again ${times(policies.againMicros, 0)} us; all policies at once ${times(policies.wholeMicros, 0)} us.`,
    '',
    ...bars,
  ].join('\n');
}
