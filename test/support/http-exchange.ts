/** What is asked of a server; `form` is sent as such, `json` as JSON. */
export interface HttpRequest {
  readonly method?: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>> | URLSearchParams;
  readonly json?: unknown;
}

/** A request and what came back. */
export interface HttpExchange {
  readonly request: HttpRequest & { readonly method: string };
  readonly status: number;
  readonly headers: Headers;
  /** The body as text. */
  readonly text: string;
  /** The members of a JSON object; empty for any other body. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Asks and waits; redirects are answers like any other. */
export type Send = (request: HttpRequest) => Promise<HttpExchange>;

function bodyOf({ form, json }: HttpRequest): { body?: string; headers: Record<string, string> } {
  if (form !== undefined)
    return { body: new URLSearchParams(form).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  if (json !== undefined) return { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } };
  return { headers: {} };
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A way to ask; `observe` sees every exchange in its order. */
export function createSend(observe: (exchange: HttpExchange) => void = () => undefined): Send {
  return async (request) => {
    const { body, headers } = bodyOf(request);
    const method = request.method ?? (body === undefined ? 'GET' : 'POST');
    const response = await fetch(request.url, {
      method,
      headers: { accept: 'application/json', ...headers, ...request.headers },
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const exchange = { request: { ...request, method }, status: response.status, headers: response.headers, text, body: objectIn(text) };
    observe(exchange);
    return exchange;
  };
}
