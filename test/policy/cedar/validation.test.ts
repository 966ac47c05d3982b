import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { openCedar } from '../../../src/policy/cedar/cedar.ts';
import { checkPolicy } from '../../../src/policy/cedar/validation.ts';
import { policyExamples } from '../../../src/policy/policy-set/console/examples.ts';

const cedar = await openCedar();
const OWN = 'https://behalf.test/api/v1';
const faultsOf = (text: string) => {
  const checked = checkPolicy(cedar, text, [OWN]);
  return checked.ok ? [] : checked.faults;
};
const forbid = (annotations: string) => `@id("p") ${annotations} forbid(principal, action, resource);`;

test('every example, in the editor and in the guide, can be saved as it stands', () => {
  const guide = readFileSync('docs/guides/write-policies.md', 'utf8');
  const blocks = [...guide.matchAll(/```cedar\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n\n'));
  expect(blocks.length).toBeGreaterThan(6);
  for (const text of [...policyExamples.map((example) => example.text), ...blocks]) expect([text, faultsOf(text)]).toEqual([text, []]);
});

test.each([
  ['nothing', '  \n', /Write a policy/],
  ['two policies', `${forbid('')} @id("q") permit(principal, action, resource);`, /one policy at a time/],
  ['a template', '@id("p") forbid(principal == ?principal, action, resource);', /template/],
  ['no name', 'forbid(principal, action, resource);', /@id/],
  ['a name that is an address', '@id("what-if") forbid(principal, action, resource);', /uses itself/],
  ['a name with capitals', '@id("No") forbid(principal, action, resource);', /lower-case/],
  ['an annotation nobody knows', forbid('@aproval("owner")'), /@aproval is not known/],
  ['an approver nobody is', forbid('@approval("manager")'), /manager is none of/],
  ['nobody to approve', forbid('@approval("")'), /names who may approve/],
  ['a sign-in nobody can do', forbid('@step_up("gold")'), /this server knows/],
  ['an age without a sign-in', forbid('@max_age("60")'), /beside @step_up/],
  ['an age that is none', forbid('@step_up("phr") @max_age("soon")'), /number of seconds/],
  ['another default', forbid('@default("allow")'), /one value: deny/],
  ['a default that waits', forbid('@default("deny") @approval("owner")'), /two policies/],
  ['a permit that waits', '@id("p") @approval("owner") permit(principal, action, resource);', /nothing to lift/],
  ['a reason of two lines', forbid('@reason("one\\ntwo")'), /one line/],
  ['this server itself', `@id("p") forbid(principal, action, resource == ResourceServer::"${OWN}");`, /locks administrators out/],
  ['a type that is none', '@id("p") forbid(principal is Robot, action, resource);', /Robot/],
  ['a member that is none', '@id("p") forbid(principal, action, resource) when { context.amount > 3 };', /amount/],
  ['a member without asking for it', '@id("p") forbid(principal, action, resource) when { context.network.isLoopback() };', /has network/],
  ['a text for a number', '@id("p") forbid(principal, action, resource) when { context.hour > "3" };', /Long/],
  ['what can never be', '@id("p") forbid(principal, action == Action::"issue_token", resource is Thing);', /applicable/],
  ['what is too long', forbid(`@description("${'x'.repeat(9_000)}")`), /8192 bytes/],
  ['half a character', forbid('@description("\ud800")'), /characters that are none/],
])('refuses %s', (_title, text, words) => {
  expect(
    faultsOf(text)
      .map(({ message }) => message)
      .join(' '),
  ).toMatch(words);
});

test('a place is counted in lines and characters, not in bytes', () => {
  const text = '@id("p")\n@reason("Größe 🙂") forbid(principal, action, resource)\nwhen { "🙂ö" == "" || context.hoour == 3 };';
  expect(faultsOf(text)).toEqual([{ line: 3, column: 22, message: expect.stringContaining('hour') }]);
});
