import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { openBrowser } from '../support/browser.ts';

test('the browser of the tests runs scripts, keeps web security on and draws text', async () => {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<h1>Behalf</h1>')).listen(
    0,
    '127.0.0.1',
  );
  const other = createServer((_request, response) => response.end('secret')).listen(0, '127.0.0.1');
  const address = (of: typeof server) => `http://127.0.0.1:${(of.address() as AddressInfo).port}/`;
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(address(server));
    expect(await page.evaluate<number>("document.querySelector('h1').getBoundingClientRect().height")).toBeGreaterThan(10);
    const foreign = await page.evaluate<string>(`fetch('${address(other)}').then((r) => r.text(), (e) => e.name)`);
    expect(foreign).toBe('TypeError');
  } finally {
    await browser.close();
    server.close();
    other.close();
  }
});
