import { spawn } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { createNarrator } from '../../demo/narrator.ts';
import { createPrinter } from '../../demo/printing.ts';

interface Transcript {
  readonly held: boolean;
  readonly failures: readonly { readonly step: number; readonly words: string }[];
  readonly steps: readonly { readonly title: string; readonly events: readonly { readonly kind: string }[] }[];
}

function runDemo(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--no-warnings', 'demo/demo.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

test('npm run demo: every step of the story is there and every check holds', async () => {
  const { code, output } = await runDemo(['--json']);
  const { failures, steps } = JSON.parse(output) as Transcript;
  expect(failures).toEqual([]);
  expect(code).toBe(0);
  expect(steps.map(({ title }) => title)).toEqual([
    'A pipeline signs in',
    'An MCP server is registered',
    'A person is invited',
    'An enrolment token is made',
    'Three agents enrol',
    'Mira consents',
    'A token with authorization details',
    'The MCP server decides',
    'Two agents take over, one after the other',
    'Mira approves a payment',
    'The assistant is suspended',
    'Mira leaves',
  ]);
  expect(steps.every(({ events }) => events.some(({ kind }) => kind === 'check'))).toBe(true);
  // R16, R19: what is printed can be shown around
  expect(output).not.toMatch(/eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+|Basic [A-Za-z0-9+/=]{20,}|behalf_iat_/);
}, 180_000);

test('npm run demo -- --help says what it does', async () => {
  const { code, output } = await runDemo(['--help']);
  expect(code).toBe(0);
  expect(output).toContain('--json');
});

test('a check that does not hold, and a step that breaks off, are failures; what was seen is shown without its secrets', async () => {
  let printed = '';
  const narrator = createNarrator(createPrinter({ write: (text: string) => (printed += text) }));
  await narrator.step('One', 'that goes wrong', async () => narrator.check('it holds', false, { access_token: 'a-secret-nobody-sees' }));
  const broken = narrator.step('Two', 'that breaks off', () => Promise.reject(new Error('no answer')));
  await expect(broken).rejects.toThrow('no answer');
  expect(narrator.failures).toEqual([
    { step: 1, words: 'it holds' },
    { step: 2, words: 'the step "Two" comes to its end' },
  ]);
  expect(printed).toContain('✗ it holds\n     seen: { "access_token": "a-secret…" }');
  expect(printed).not.toContain('\u001b');
});
