import { DEVICE_SECONDS } from './throttle/throttle.ts';

/** The cookie that makes a browser known to the accounts that signed in from it. It opens nothing by itself. */
export interface DeviceCookie {
  readonly name: string;
  /** For `ctx.cookies.get`. */
  readonly read: { readonly signed: true };
  /** For `ctx.cookies.set`. */
  readonly write: {
    readonly signed: true;
    readonly httpOnly: true;
    readonly sameSite: 'lax';
    readonly secure: boolean;
    readonly path: '/';
    readonly maxAge: number;
    readonly overwrite: true;
  };
}

/** The device cookie of this issuer; on https no other host can plant it (`__Host-`, RFC 6265bis §4.1.3.2). */
export function deviceCookieOf(issuer: URL): DeviceCookie {
  const secure = issuer.protocol === 'https:';
  return {
    name: secure ? '__Host-behalf_device' : 'behalf_device',
    read: { signed: true },
    write: { signed: true, httpOnly: true, sameSite: 'lax', secure, path: '/', maxAge: DEVICE_SECONDS * 1000, overwrite: true },
  };
}
