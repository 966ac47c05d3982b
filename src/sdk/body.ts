import type { IncomingMessage } from 'node:http';
import { AccessRefused } from './refusal.ts';

/** Largest body that is read if nothing is said: 4 MiB. */
export const usualMaxBodyBytes = 4 * 1024 * 1024;

async function readBytes(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer> {
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.byteLength;
    if (length > maxBytes) throw new AccessRefused('invalid_request', 'the request is too large');
    kept.push(chunk);
  }
  return Buffer.concat(kept);
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new AccessRefused('invalid_request', 'the request is no JSON', { cause });
  }
}

/** What a parser of text or bytes left is parsed here: a call must not slip through because it is still text. */
function ifText(body: unknown): unknown {
  return typeof body === 'string' || body instanceof Uint8Array ? parse(Buffer.from(body)) : body;
}

/**
 * The JSON of a POST, or what a framework has parsed before; undefined for other methods.
 * @throws AccessRefused 400 when it is no JSON or longer than `maxBytes`.
 */
export async function readNodeBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  if ('body' in request && request.body !== undefined) return ifText(request.body);
  return request.method === 'POST' ? parse(await readBytes(request as AsyncIterable<Buffer>, maxBytes)) : undefined;
}

/**
 * The JSON of a POST, and the request with its body to be read again. Other methods keep their request; their body is undefined.
 * @throws AccessRefused 400 as above.
 */
export async function readWebBody(request: Request, maxBytes: number): Promise<{ readonly request: Request; readonly body: unknown }> {
  if (request.method !== 'POST') return { request, body: undefined };
  const bytes = await readBytes(request.body ?? (async function* () {})(), maxBytes);
  const { url, method, headers, signal } = request;
  return { request: new Request(url, { method, headers, signal, body: new Uint8Array(bytes) }), body: parse(bytes) };
}
