import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { PublicKeyCredentialCreationOptionsJSON, PublicKeyCredentialRequestOptionsJSON } from '@simplewebauthn/server';

/** What a test may bend. */
export interface Bend {
  /** The page the browser believes to be on. */
  readonly origin?: string;
  /** Whether the device checked who holds it; true unless said otherwise. */
  readonly userVerified?: boolean;
  /** The signature counter to claim instead of the next one. */
  readonly counter?: number;
}

/** A passkey in software (WebAuthn Level 3, attestation "none"), with the JSON that a browser would post. */
export interface SoftwareAuthenticator {
  /** Answers `navigator.credentials.create`. */
  register(options: PublicKeyCredentialCreationOptionsJSON, bend?: Bend): string;
  /** Answers `navigator.credentials.get` with the passkey made last. */
  authenticate(options: PublicKeyCredentialRequestOptionsJSON, bend?: Bend): string;
}

type Cbor = number | string | Buffer | Map<number | string, Cbor>;

/** Type and length of a CBOR item (RFC 8949 §3). */
function head(major: number, length: number): Buffer {
  if (length < 24) return Buffer.from([(major << 5) | length]);
  if (length < 0x100) return Buffer.from([(major << 5) | 24, length]);
  return Buffer.from([(major << 5) | 25, length >> 8, length & 0xff]);
}

function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  return Buffer.concat([head(5, value.size), ...[...value].flat().map(cbor)]);
}

/** COSE_Key of a P-256 public key (RFC 9053 §7.1.1), algorithm ES256. */
function coseKey(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const entries: [number, Cbor][] = [
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, Buffer.from(x, 'base64url')],
    [-3, Buffer.from(y, 'base64url')],
  ];
  return cbor(new Map(entries));
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest();
const PRESENT = 0x01;
const VERIFIED = 0x04;
const ATTESTED = 0x40;

/** Authenticator data (WebAuthn Level 3 §6.1). */
function authenticatorData(rpId: string, flags: number, counter: number): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(counter);
  return Buffer.concat([sha256(rpId), Buffer.from([flags]), count]);
}

/** A device that holds passkeys for the given site. */
export function createSoftwareAuthenticator(site: { readonly origin: string; readonly rpId: string }): SoftwareAuthenticator {
  let held: { id: string; privateKey: KeyObject; userHandle: string; counter: number } | undefined;
  const clientData = (type: string, challenge: string, origin: string) =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  const flagsOf = (bend: Bend) => PRESENT | (bend.userVerified === false ? 0 : VERIFIED);
  const answer = (id: string, response: Readonly<Record<string, unknown>>) =>
    JSON.stringify({ id, rawId: id, type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: {}, response });
  return {
    register(options, bend = {}) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const idBytes = randomBytes(32);
      held = { id: idBytes.toString('base64url'), privateKey, userHandle: options.user.id, counter: bend.counter ?? 0 };
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, idBytes.length]), idBytes, coseKey(publicKey)]);
      const authData = Buffer.concat([authenticatorData(site.rpId, flagsOf(bend) | ATTESTED, held.counter), attested]);
      const attestation = cbor(
        new Map<string, Cbor>([
          ['fmt', 'none'],
          ['attStmt', new Map()],
          ['authData', authData],
        ]),
      );
      return answer(held.id, {
        clientDataJSON: clientData('webauthn.create', options.challenge, bend.origin ?? site.origin).toString('base64url'),
        attestationObject: attestation.toString('base64url'),
        transports: ['internal'],
      });
    },
    authenticate(options, bend = {}) {
      if (held === undefined) throw new Error('this authenticator holds no passkey yet');
      held.counter = bend.counter ?? held.counter + 1;
      const authData = authenticatorData(site.rpId, flagsOf(bend), held.counter);
      const data = clientData('webauthn.get', options.challenge, bend.origin ?? site.origin);
      const signature = sign('sha256', Buffer.concat([authData, sha256(data)]), held.privateKey);
      return answer(held.id, {
        clientDataJSON: data.toString('base64url'),
        authenticatorData: authData.toString('base64url'),
        signature: signature.toString('base64url'),
        userHandle: held.userHandle,
      });
    },
  };
}
