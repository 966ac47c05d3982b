import type { TextFault } from '../../platform/errors.ts';
import type { CedarFault, CedarLanguage } from './cedar.ts';
import { faultsOfAnnotations } from './annotations.ts';
import { POLICY_SCHEMA } from './schema.ts';

/** A policy that may be kept, or what is wrong with it. */
export type Checked =
  | { readonly ok: true; readonly id: string; readonly effect: 'permit' | 'forbid'; readonly isDefault: boolean; readonly text: string }
  | { readonly ok: false; readonly faults: readonly TextFault[] };

/** Bytes of one policy. */
export const MAX_POLICY_BYTES = 8_192;
const MAX_FAULTS = 20;

/** Cedar counts bytes. */
function placeOf(text: string, byte: number): { line: number; column: number } {
  const before = Buffer.from(text).subarray(0, byte).toString().split('\n');
  return { line: before.length, column: [...(before.at(-1) ?? '')].length + 1 };
}

/** The words without what Cedar says of ours: names of policies, and of the action, where the same holds for all of them. */
function wordsOf({ message, help }: CedarFault): string {
  const plain = message
    .replace(/^failed to parse polic(?:y with id `[^`]*`|ies) from string: /, '')
    .replace(/^for policy `[^`]*`, /, '')
    .replace(/ for Action::"[^"]*"/, '');
  const sentence = help === null || help === undefined ? plain : `${plain}: ${help}`;
  return `${sentence.slice(0, 1).toUpperCase()}${sentence.slice(1)}${/[.?]$/.test(sentence) ? '' : '.'}`;
}

function faultOf(text: string, fault: CedarFault): TextFault {
  return { ...placeOf(text, fault.sourceLocations?.[0]?.start ?? 0), message: wordsOf(fault) };
}

function distinct(faults: readonly TextFault[]): readonly TextFault[] {
  return [...new Map(faults.map((fault) => [JSON.stringify(fault), fault])).values()].slice(0, MAX_FAULTS);
}

const failed = (faults: readonly TextFault[]): Checked => ({ ok: false, faults: distinct(faults) });
const atStart = (message: string): TextFault => ({ line: 1, column: 1, message });

function annotationFault(text: string, message: string): TextFault {
  const [name] = message.match(/^@[a-z_]+/) ?? [];
  const at = name === undefined ? -1 : text.indexOf(name);
  return at < 0 ? atStart(message) : { ...placeOf(text, Buffer.byteLength(text.slice(0, at))), message };
}

/** The interfaces of this server itself are bound by roles and invariants alone: nobody locks administrators out (security rule R8). */
function ownFault(text: string, ownResources: readonly string[]): TextFault | undefined {
  const own = ownResources.find((resource) => text.includes(`ResourceServer::"${resource}"`));
  if (own === undefined) return undefined;
  const at = Buffer.byteLength(text.slice(0, text.indexOf(`ResourceServer::"${own}"`)));
  return {
    ...placeOf(text, at),
    message: 'Policies are never asked about this server’s own interfaces, so that nobody locks administrators out.',
  };
}

/** Checks one policy: that it is one, that it speaks of what the schema knows, and what its annotations say. Never throws. */
export function checkPolicy(cedar: CedarLanguage, text: string, ownResources: readonly string[]): Checked {
  if (text.trim() === '') return failed([atStart('Write a policy.')]);
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) return failed([atStart(`A policy has at most ${MAX_POLICY_BYTES} bytes.`)]);
  if (!text.isWellFormed() || text.includes('\0')) return failed([atStart('The text holds characters that are none.')]);
  const parsed = cedar.checkParsePolicySet({ staticPolicies: text });
  if (parsed.type === 'failure') return failed(parsed.errors.map((error) => faultOf(text, error)));
  const parts = cedar.policySetTextToParts(text);
  if (parts.type === 'failure') return failed(parts.errors.map((error) => faultOf(text, error)));
  if (parts.policy_templates.length > 0) return failed([atStart('Templates are not supported: write ?principal and ?resource out.')]);
  if (parts.policies.length !== 1) return failed([atStart('Write one policy at a time.')]);
  const tree = cedar.policyToJson(text);
  if (tree.type === 'failure') return failed(tree.errors.map((error) => faultOf(text, error)));
  const { effect, annotations = {} } = tree.json;
  const own = ownFault(text, ownResources);
  const faults = [
    ...faultsOfAnnotations(annotations, effect).map((message) => annotationFault(text, message)),
    ...(own === undefined ? [] : [own]),
  ];
  const validated = cedar.validate({ schema: POLICY_SCHEMA, policies: { staticPolicies: { policy: text } } });
  if (validated.type === 'failure') return failed(validated.errors.map((error) => faultOf(text, error)));
  faults.push(...validated.validationErrors.map(({ error }) => faultOf(text, error)));
  // what can never match is a mistake: a misspelt type, a condition that contradicts itself
  faults.push(...validated.validationWarnings.map(({ error }) => faultOf(text, error)));
  if (faults.length > 0) return failed(faults);
  return { ok: true, id: annotations['id'] ?? '', effect, isDefault: annotations['default'] === 'deny', text };
}
