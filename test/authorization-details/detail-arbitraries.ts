import fc from 'fast-check';
import { type AuthorizationDetail, createDetailTypes, validateDetails } from '../../src/authorization-details/index.ts';

export const detailTypes = createDetailTypes();

const subsetOf = (items: readonly string[]) => fc.subarray([...items], { minLength: 1 });
const decimal = fc
  .tuple(fc.integer({ min: 0, max: 30 }), fc.constantFrom('', '.5', '.50', '.05'))
  .map(([whole, fraction]) => `${whole}${fraction}`);
const bound = fc.oneof(fc.integer({ min: -20, max: 20 }), decimal);

const constraint = fc.oneof(
  fc.record({ min: bound, max: bound, equals: bound }, { requiredKeys: ['max'] }),
  fc.record({ prefix: fc.constantFrom('a', 'ab', 'abc'), oneOf: subsetOf(['a', 'ab', 'abc', 'abcd']) }, { requiredKeys: ['prefix'] }),
  fc.record({ oneOf: subsetOf(['a', 'b', 'abc']) }),
);

const toolCall = fc.record(
  {
    type: fc.constant('mcp_tool_call' as const),
    tools: subsetOf(['read', 'pay', 'send']),
    arguments: fc.dictionary(fc.constantFrom('amount', 'to'), constraint, { minKeys: 1, noNullPrototype: true }),
    max_calls: fc.integer({ min: 1, max: 9 }),
    locations: subsetOf(['https://mcp.example/a', 'https://mcp.example/b']),
  },
  { requiredKeys: ['type', 'tools'], noNullPrototype: true },
);

const apiCall = fc.record(
  {
    type: fc.constant('api_call' as const),
    actions: subsetOf(['GET', 'POST', 'DELETE']),
    paths: subsetOf(['/*', '/invoices/*', '/invoices/7', '/invoices/2026/*', '/people/*']),
    max_amount: fc.record({ amount: decimal, currency: fc.constantFrom('EUR', 'USD') }, { noNullPrototype: true }),
  },
  { requiredKeys: ['type', 'actions'], noNullPrototype: true },
);

/** Details that validation accepts: contradictions are left out by the server's own check. */
export const validDetail: fc.Arbitrary<AuthorizationDetail> = fc
  .oneof(toolCall, apiCall)
  .map((detail) => JSON.parse(JSON.stringify(detail)) as AuthorizationDetail)
  .filter((detail) => validateDetails(detailTypes, [detail]).ok);

/** The compiled type of a detail. */
export function typeOf(detail: AuthorizationDetail) {
  const type = detailTypes.find(detail.type);
  if (type === undefined) throw new Error(`no type ${detail.type}`);
  return type;
}
