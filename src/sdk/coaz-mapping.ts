import type { AccessQuestion, AccessQuestions } from './access-client.ts';
import { CelFault, type CelExpression, compileCel } from './cel.ts';
import { isJsonObject, type JsonObject } from './claims.ts';

/** What a mapping may speak of (COAZ-MCP, information model): the parameters of the call and the claims of the verified token. */
export interface MappingVariables {
  readonly params: JsonObject;
  readonly token: JsonObject;
}

/** The request that a mapping made. */
export type MappedRequest =
  | { readonly api: 'evaluation'; readonly request: AccessQuestion }
  | { readonly api: 'evaluations'; readonly request: AccessQuestions };

/** No valid request can be made of a mapping and a call: the call is refused (COAZ framework, mapping error). */
export class MappingFault extends Error {
  override readonly name = 'MappingFault';
}

/** Marks a member that is left out. */
const absent = Symbol('absent');
const mostExpressions = 1_000;
const deepest = 20;
const entityMembers = ['type', 'id', 'properties'];
const questionMembers = ['subject', 'action', 'resource', 'context'];

/** Resolves mappings; compiled expressions are kept. */
export interface MappingResolver {
  /** @throws MappingFault */
  resolve(mapping: unknown, variables: MappingVariables): Promise<MappedRequest>;
}

/** The one member of an object. */
function envelopeOf(mapping: unknown): readonly [name: string, template: unknown] {
  const entries = isJsonObject(mapping) ? Object.entries(mapping) : [];
  const [only] = entries;
  if (only === undefined || entries.length > 1) throw new MappingFault('the mapping is not one envelope');
  return only;
}

function onlyMembers(value: JsonObject, members: readonly string[], what: string): void {
  const stranger = Object.keys(value).find((name) => !members.includes(name));
  if (stranger !== undefined) throw new MappingFault(`${what} has the member ${stranger}`);
}

function requireText(value: unknown, what: string): asserts value is string {
  if (typeof value !== 'string' || value === '') throw new MappingFault(`${what} is missing or no text`);
}

function checkEntity(value: unknown, what: string): void {
  if (!isJsonObject(value)) throw new MappingFault(`${what} is missing`);
  onlyMembers(value, entityMembers, what);
  requireText(value['type'], `${what}.type`);
  requireText(value['id'], `${what}.id`);
  if (value['properties'] !== undefined && !isJsonObject(value['properties'])) throw new MappingFault(`${what}.properties is no object`);
}

function checkQuestion(value: JsonObject): void {
  checkEntity(value['subject'], 'subject');
  checkEntity(value['resource'], 'resource');
  const action = value['action'];
  if (!isJsonObject(action)) throw new MappingFault('action is missing');
  onlyMembers(action, ['name', 'properties'], 'action');
  requireText(action['name'], 'action.name');
  if (value['context'] !== undefined && !isJsonObject(value['context'])) throw new MappingFault('context is no object');
}

/** The subject of a request: `sub` of the token whatever the mapping leaves out, and never another one (COAZ-MCP, declared mappings). */
function anchored(subject: unknown, token: JsonObject): JsonObject {
  if (subject !== undefined && !isJsonObject(subject)) throw new MappingFault('subject is no object');
  const whole = { type: 'identity', id: token['sub'], ...subject };
  requireText(token['sub'], 'the claim sub');
  if (whole.id !== token['sub']) throw new MappingFault('subject.id is not the subject of the token');
  return whole;
}

/** One question of a list with its defaults, only to be checked: the defaults are sent as they are. */
function checkEntry(entry: unknown, defaults: JsonObject): void {
  if (!isJsonObject(entry)) throw new MappingFault('an evaluation is no object');
  onlyMembers(entry, questionMembers, 'an evaluation');
  if (Object.hasOwn(entry, 'subject')) throw new MappingFault('an evaluation must not have a subject of its own');
  checkQuestion({ ...defaults, ...entry });
}

/** Makes a resolver. */
export function createMappingResolver(): MappingResolver {
  const compiled = new Map<string, Promise<CelExpression>>();
  const expressionOf = (text: string): Promise<CelExpression> => {
    const known = compiled.get(text);
    if (known) return known;
    if (compiled.size >= mostExpressions) compiled.clear();
    const made = compileCel(text);
    compiled.set(text, made);
    made.catch(() => compiled.delete(text));
    return made;
  };
  const evaluate = async (text: string, variables: MappingVariables): Promise<unknown> => {
    try {
      const outcome = (await expressionOf(text))({ ...variables });
      return 'absent' in outcome ? absent : outcome.value;
    } catch (error) {
      if (error instanceof CelFault) throw new MappingFault(`the expression '$${text}' failed: ${error.message}`);
      throw error;
    }
  };
  /** Strings that begin with `$` are expressions, `$$` is a `$`; everything else stands for itself. */
  const filled = async (template: unknown, variables: MappingVariables, depth = 0): Promise<unknown> => {
    if (depth > deepest) throw new MappingFault('the mapping is nested too deeply');
    if (typeof template === 'string') {
      if (template.startsWith('$$')) return template.slice(1);
      return template.startsWith('$') ? evaluate(template.slice(1), variables) : template;
    }
    if (Array.isArray(template)) {
      const items = await Promise.all(template.map((item) => filled(item, variables, depth + 1)));
      return items.filter((item) => item !== absent);
    }
    if (!isJsonObject(template)) return template;
    const members = await Promise.all(
      Object.entries(template).map(async ([name, value]) => [name, await filled(value, variables, depth + 1)] as const),
    );
    return Object.fromEntries(members.filter(([, value]) => value !== absent));
  };
  return {
    async resolve(mapping, variables) {
      const [api, template] = envelopeOf(mapping);
      if (api !== 'evaluation' && api !== 'evaluations') throw new MappingFault(`the envelope ${api} is not known`);
      const body = await filled(template, variables);
      if (!isJsonObject(body)) throw new MappingFault('the envelope holds no request');
      const request: JsonObject = { ...body, subject: anchored(body['subject'], variables.token) };
      if (api === 'evaluation') {
        onlyMembers(request, questionMembers, 'the evaluation');
        checkQuestion(request);
        return { api, request: request as unknown as AccessQuestion };
      }
      onlyMembers(request, [...questionMembers, 'evaluations'], 'the evaluations');
      const { evaluations, ...defaults } = request;
      if (!Array.isArray(evaluations) || evaluations.length === 0) throw new MappingFault('there are no evaluations');
      for (const entry of evaluations) checkEntry(entry, defaults);
      return { api, request: request as unknown as AccessQuestions };
    },
  };
}
