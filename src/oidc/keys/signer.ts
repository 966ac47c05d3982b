import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { JWK } from 'jose';
import { ExternalSigningKey } from 'oidc-provider';

/**
 * A P-256 key that signs where it is asked to. The engine's own way hands each signature to another thread, which costs more
 * than the signature (30 µs); and this is the seam by which a key may later live in a KMS. RFC 7518 §3.4: R and S, not DER.
 */
class EllipticSigner extends ExternalSigningKey {
  readonly #privateKey: KeyObject;
  readonly #publicKey: KeyObject;

  constructor(jwk: JWK) {
    super();
    this.#privateKey = createPrivateKey({ key: { ...jwk }, format: 'jwk' });
    this.#publicKey = createPublicKey(this.#privateKey);
    Object.assign(this, { kid: jwk.kid, alg: jwk.alg });
  }

  override keyObject(): KeyObject {
    return this.#publicKey;
  }

  override async sign(data: Uint8Array): Promise<Uint8Array> {
    return sign('sha256', data, { key: this.#privateKey, dsaEncoding: 'ieee-p1363' });
  }
}

/** A key as the engine takes it. RSA stays with the engine: one signature would hold every other request back for a millisecond. */
export function signerOf(jwk: JWK): JWK | ExternalSigningKey {
  return jwk.alg === 'ES256' ? new EllipticSigner(jwk) : jwk;
}
