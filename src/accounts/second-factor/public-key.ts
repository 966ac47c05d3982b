import { cose, decodeCredentialPublicKey } from '@simplewebauthn/server/helpers';
import type { JWK } from 'jose';

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('base64url');

/** The public key of a passkey (COSE, RFC 9053 §7) as a JWK (RFC 7517), for whoever verifies its signatures elsewhere. */
export function jwkOfPasskey(publicKey: Uint8Array<ArrayBuffer>): JWK {
  const key = decodeCredentialPublicKey(publicKey);
  if (cose.isCOSEPublicKeyEC2(key)) {
    const crv = { [cose.COSECRV.P256]: 'P-256', [cose.COSECRV.P384]: 'P-384', [cose.COSECRV.P521]: 'P-521' }[
      Number(key.get(cose.COSEKEYS.crv))
    ];
    return { kty: 'EC', crv: crv ?? 'P-256', x: text(key.get(cose.COSEKEYS.x)), y: text(key.get(cose.COSEKEYS.y)) };
  }
  if (cose.isCOSEPublicKeyRSA(key)) return { kty: 'RSA', n: text(key.get(cose.COSEKEYS.n)), e: text(key.get(cose.COSEKEYS.e)) };
  if (cose.isCOSEPublicKeyOKP(key)) return { kty: 'OKP', crv: 'Ed25519', x: text(key.get(cose.COSEKEYS.x)) };
  throw new TypeError('a passkey of an unknown kind of key');
}
