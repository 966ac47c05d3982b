import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openBrowser } from '../support/browser.ts';
import { type Gallery, openGallery } from './gallery.ts';
import { samples } from './samples.ts';
import { type Sample, times } from './shapes.ts';

const CREATION = {
  challenge: 'c2FtcGxlLWNoYWxsZW5nZQ',
  rp: { id: 'localhost', name: 'Behalf' },
  user: { id: 'dXNyXzE', name: 'mira@acme.test', displayName: 'Mira Köhler' },
  pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
  authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
};
const REQUEST = { challenge: 'c2FtcGxlLWNoYWxsZW5nZQ', rpId: 'localhost', userVerification: 'required' };

function sample(template: string, model: object = {}): Sample {
  const found = samples.find((each) => each.template === template) as Sample;
  return { ...found, model: { ...found.model, ...model } };
}

const PAGES = [
  sample('sign-in/enrol', { passkey: { action: '/tenant/enrol', options: JSON.stringify(CREATION) } }),
  sample('approvals/approval', { passkey: { options: JSON.stringify(REQUEST) } }),
  sample('console/overview'),
  sample('console/agent'),
  sample('me/agent'),
  sample('sign-in/login', { passkey: { action: '/tenant/passkey', options: JSON.stringify(REQUEST) } }),
];

let browser: Browser;
let gallery: Gallery;

beforeAll(async () => {
  browser = await openBrowser();
  gallery = await openGallery(PAGES);
});

afterAll(async () => {
  await browser.close();
  await gallery.close();
});

function address(index: number): string {
  return `http://localhost:${gallery.port}/${index}`;
}

async function withAuthenticator(): Promise<Page> {
  const page = await browser.newPage();
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return page;
}

describe('with script', () => {
  test('a passkey is created, approves at the click, and the forms carry its answers', async () => {
    const page = await withAuthenticator();
    await page.goto(address(0));
    await page.click('text=Create the passkey');
    await page.waitForURL('**/enrol');
    expect(JSON.parse(gallery.sent.at(-1)?.get('credential') ?? '')).toMatchObject({
      type: 'public-key',
      response: { attestationObject: expect.any(String) },
    });
    expect(gallery.sent.at(-1)?.get('csrf')).toBe('csrf-token');
    await page.goto(address(1));
    await page.click('text=Approve with passkey');
    await page.waitForURL('**/apr_1');
    expect(gallery.sent.at(-1)?.get('decision')).toBe('approve');
    expect(JSON.parse(gallery.sent.at(-1)?.get('credential') ?? '')).toMatchObject({ response: { signature: expect.any(String) } });
    await page.close();
  });

  test('denying asks for no passkey', async () => {
    const page = await browser.newPage();
    await page.goto(address(1));
    await page.getByRole('button', { name: 'Deny' }).click();
    await page.waitForURL('**/apr_1');
    expect(gallery.sent.at(-1)?.get('decision')).toBe('deny');
    expect(gallery.sent.at(-1)?.get('credential')).toBe('');
    await page.close();
  });

  test('a page that became old says so and moves nothing', async () => {
    const page = await browser.newPage();
    await page.goto(address(2));
    const before = await page.locator('h1').boundingBox();
    await page.getByText('Something changed.').waitFor();
    expect(await page.locator('h1').boundingBox()).toEqual(before);
    await page.close();
  });

  test('how soon an agent ends stays true', async () => {
    const page = await browser.newPage();
    await page.clock.install({ time: new Date(new Date(times.later.iso).getTime() - 20 * 60_000) });
    await page.goto(address(4));
    const end = page.locator('time[data-time=in]');
    expect(await end.textContent()).toBe('in 20 minutes');
    for (const [seconds, words] of [
      [31, 'in 19 minutes'],
      [1_140, 'in less than a minute'],
      [60, 'now'],
    ] as const) {
      await page.clock.runFor(seconds * 1_000);
      expect(await end.textContent()).toBe(words);
    }
    await page.close();
  });

  test('an identifier is copied whole', async () => {
    const page = await browser.newPage();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.goto(address(3));
    const button = page.locator('[data-copy]').first();
    await button.click();
    await page.getByText('Copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(await button.getAttribute('data-copy'));
    await page.close();
  });
});

describe('without script', () => {
  test('the menu of the console opens on a phone', async () => {
    const page = await browser.newPage({ javaScriptEnabled: false, viewport: { width: 360, height: 740 } });
    await page.goto(address(3));
    expect(await page.getByRole('link', { name: 'Settings' }).isVisible()).toBe(false);
    await page.getByRole('button', { name: /Menu/ }).click();
    expect(await page.getByRole('link', { name: 'Settings' }).isVisible()).toBe(true);
    await page.close();
  });

  test('nothing is offered that would need one', async () => {
    const page = await browser.newPage({ javaScriptEnabled: false });
    await page.goto(address(5));
    expect(await page.getByRole('button').allTextContents()).toEqual(['Sign in', 'Go back without signing in']);
    await page.close();
  });

  test('sign-in sends email and password', async () => {
    const page = await browser.newPage({ javaScriptEnabled: false });
    await page.goto(address(5));
    await page.fill('[name=email]', 'mira@acme.test');
    await page.fill('[name=password]', 'correct horse battery');
    await page.getByRole('button', { name: 'Sign in' }).click();
    expect(Object.fromEntries(gallery.sent.at(-1) ?? [])).toEqual({
      csrf: 'csrf-token',
      email: 'mira@acme.test',
      password: 'correct horse battery',
    });
    await page.close();
  });
});
