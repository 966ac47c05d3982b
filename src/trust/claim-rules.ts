/** What a claim must say, exactly: `pointer` (RFC 6901) leads to a text, a number or a truth value that is one of `values`. */
export interface ClaimRule {
  readonly pointer: string;
  readonly values: readonly string[];
}

/** RFC 6901 §3: empty, or parts that begin with a slash; a tilde is written `~0`, a slash `~1`. */
export const JSON_POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/;

/** The value a pointer leads to; undefined when it leads nowhere (RFC 6901 §4). Members of prototypes are not there. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function isOneOf(value: unknown, { values }: ClaimRule): boolean {
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isPlain && values.includes(String(value));
}

/** Events of a repository that anybody can cause who may open a pull request. */
const FOREIGN_EVENT = /^pull_request/;

/**
 * Whether the claims satisfy every rule, letter by letter: no prefixes, no patterns. A run that a pull request started is let in
 * only by a rule that names `/event_name`: its code may be a stranger's.
 */
export function matchesAll(claims: object, rules: readonly ClaimRule[]): boolean {
  const event = valueAt(claims, '/event_name');
  if (typeof event === 'string' && FOREIGN_EVENT.test(event) && !rules.some(({ pointer }) => pointer === '/event_name')) return false;
  return rules.every((rule) => isOneOf(valueAt(claims, rule.pointer), rule));
}

/** Claims of GitHub Actions that say which code ran. */
const GITHUB_RUN = ['/job_workflow_ref', '/workflow_ref', '/ref', '/environment', '/sub'];

/**
 * What is weak about the rules of a workload, in sentences for whoever wrote them: names that somebody else can come to have.
 * Empty when nothing is.
 */
export function weaknessesOf({ issuer, rules }: { readonly issuer: string; readonly rules: readonly ClaimRule[] }): readonly string[] {
  const pointers = new Set(rules.map(({ pointer }) => pointer));
  const isGithub = issuer.startsWith('https://token.actions.githubusercontent.com') || pointers.has('/repository');
  const isKubernetes =
    [...pointers].some((pointer) => pointer.startsWith('/kubernetes.io/')) ||
    rules.some(({ values }) => values.some((value) => value.startsWith('system:serviceaccount:')));
  const found: string[] = [];
  if (isGithub && !pointers.has('/repository_id'))
    found.push('Only names are matched. A repository can be renamed and its name taken by somebody else: match /repository_id too.');
  if (isGithub && !GITHUB_RUN.some((pointer) => pointers.has(pointer)))
    found.push('Any branch of the repository is let in. Match /job_workflow_ref, /ref or /environment too.');
  if (isKubernetes && !pointers.has('/kubernetes.io/serviceaccount/uid'))
    found.push(
      'Only names are matched. A service account can be deleted and its name made again: match /kubernetes.io/serviceaccount/uid too.',
    );
  return found;
}
