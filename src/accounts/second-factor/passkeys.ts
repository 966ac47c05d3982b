import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import type { JWK } from 'jose';
import { z } from 'zod';
import { hashOf } from '../../oidc/index.ts';
import { type Clock, secondsAfter } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/db.ts';
import { AppError } from '../../platform/errors.ts';
import type { Ids } from '../../platform/ids.ts';
import { constantTimeEqual } from '../../platform/vault.ts';
import type { Account } from '../account.ts';
import { jwkOfPasskey } from './public-key.ts';
import { createPasskeyStore, type StoredPasskey } from './store.ts';

/** A passkey as its owner sees it. */
export interface Passkey {
  readonly id: string;
  readonly label: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | undefined;
}

/** A proof by passkey that held. */
export interface PasskeyProof {
  readonly accountId: string;
  readonly passkeyId: string;
  /** RFC 8176: `hwk` the key cannot leave its device, `swk` it is synchronised; `user` presence; `mfa` because the device checked its user. */
  readonly amr: readonly ['hwk' | 'swk', 'user', 'mfa'];
}

/** What a passkey signed, for whoever verifies it later (WebAuthn Level 3 §7.2): bytes in base64url, the key as a JWK. */
export interface PasskeyAssertion {
  readonly client_data: string;
  readonly authenticator_data: string;
  readonly signature: string;
  readonly public_key: JWK;
}

/** What a challenge is tied to: the interaction or session it was made for, and the account if that is known already. */
export interface Ceremony {
  readonly binding: string;
  readonly accountId: string | undefined;
}

/** Registration and use of passkeys (WebAuthn Level 3), user verification always required. */
export interface Passkeys {
  list(accountId: string): Promise<Passkey[]>;
  /** Options for `navigator.credentials.create`, good once and for five minutes. */
  beginRegistration(account: Account, binding: string): Promise<PublicKeyCredentialCreationOptionsJSON>;
  /** Stores the new passkey; `credential` is the browser's answer as JSON text. @throws {AppError} `invalid_input` when it does not hold. */
  finishRegistration(account: Account, answer: { binding: string; credential: string; label: string }): Promise<Passkey>;
  /** Options for `navigator.credentials.get`; without an account any passkey of this server may answer. */
  beginAuthentication(ceremony: Ceremony): Promise<PublicKeyCredentialRequestOptionsJSON>;
  /** Undefined when the answer does not hold, for whatever reason: unknown key, used or foreign challenge, no user verification. */
  finishAuthentication(ceremony: Ceremony, credential: string): Promise<PasskeyProof | undefined>;
  /**
   * Options for agreeing to exactly one thing: the challenge is its SHA-256 (`covers`), so that the signature says what was agreed to. It is
   * kept nowhere: what it is given for must happen once.
   */
  beginConfirmation(accountId: string, covers: Buffer): Promise<PublicKeyCredentialRequestOptionsJSON>;
  /** Undefined when the answer does not hold, as in `finishAuthentication`. */
  finishConfirmation(
    accountId: string,
    agreed: { readonly covers: Buffer; readonly credential: string },
  ): Promise<(PasskeyProof & { readonly assertion: PasskeyAssertion }) | undefined>;
  /** False when there is no such passkey. */
  remove(accountId: string, passkeyId: string): Promise<boolean>;
  removeAll(accountId: string): Promise<void>;
  purge(): Promise<void>;
}

const CHALLENGE_SECONDS = 300;
const CHALLENGE_BYTES = 32;
const MAX_PASSKEYS = 20;
const MAX_CREDENTIAL = 16_384;
const MAX_LABEL = 60;
const PURGE_BATCH = 500;

const base64url = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/)
  .max(MAX_CREDENTIAL);
const credentialShape = z.object({
  id: base64url.max(1_400),
  rawId: base64url.max(1_400),
  type: z.literal('public-key'),
  response: z.looseObject({ clientDataJSON: base64url, transports: z.array(z.string().max(32)).max(8).optional() }),
});
const clientDataShape = z.object({ challenge: base64url });

interface Answer<Response> {
  readonly response: Response;
  readonly challenge: string;
}

/** The browser's answer and the challenge it claims to answer; undefined when it is not one. */
function readAnswer<Response extends RegistrationResponseJSON | AuthenticationResponseJSON>(text: string): Answer<Response> | undefined {
  if (text.length > MAX_CREDENTIAL) return undefined;
  try {
    const response = JSON.parse(text) as Response;
    const { response: inner } = credentialShape.parse(response);
    const clientData: unknown = JSON.parse(Buffer.from(inner.clientDataJSON, 'base64url').toString());
    return { response: { ...response, clientExtensionResults: {} }, challenge: clientDataShape.parse(clientData).challenge };
  } catch {
    return undefined;
  }
}

/** The verification, or undefined: the library throws for every way in which an answer may be wrong. */
async function attempt<T extends { verified: boolean }>(verify: () => Promise<T>): Promise<T | undefined> {
  try {
    const result = await verify();
    return result.verified ? result : undefined;
  } catch {
    return undefined;
  }
}

function readLabel(label: string): string {
  const clean = label.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '').trim();
  return [...clean].slice(0, MAX_LABEL).join('') || 'Passkey';
}

function toPasskey({ id, label, createdAt, lastUsedAt }: StoredPasskey): Passkey {
  return { id, label, createdAt, lastUsedAt };
}

function bytes(buffer: Buffer): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer);
}

/** What ceremonies share: the server's own name, and challenges that are kept until one answer takes them out. */
function createChallenges(deps: { store: ReturnType<typeof createPasskeyStore>; clock: Clock; ids: Pick<Ids, 'bytes'> }) {
  const { store, clock, ids } = deps;
  return {
    async make(purpose: 'registration' | 'authentication', { binding, accountId }: Ceremony): Promise<Uint8Array<ArrayBuffer>> {
      const challenge = ids.bytes(CHALLENGE_BYTES);
      await store.insertChallenge({
        challengeHash: hashOf(challenge.toString('base64url')),
        purpose,
        bindingHash: hashOf(binding),
        accountId,
        expiresAt: secondsAfter(clock.now(), CHALLENGE_SECONDS),
      });
      return bytes(challenge);
    },
    /** Whether the challenge was made for this ceremony and not answered before. */
    async take(challenge: string, purpose: 'registration' | 'authentication', { binding, accountId }: Ceremony): Promise<boolean> {
      const record = await store.takeChallenge(hashOf(challenge));
      if (record === undefined || record.purpose !== purpose || record.accountId !== accountId) return false;
      return record.expiresAt > clock.now() && constantTimeEqual(record.bindingHash, hashOf(binding));
    },
  };
}

/** Passkeys for the issuer's host: a key made here answers nowhere else, and no other origin is accepted. */
export function createPasskeys(deps: { db: Db; clock: Clock; ids: Ids; issuer: URL }): Passkeys {
  const { db, clock, ids, issuer } = deps;
  const store = createPasskeyStore(db);
  const challenges = createChallenges({ store, clock, ids });
  const expected = { expectedOrigin: issuer.origin, expectedRPID: issuer.hostname, requireUserVerification: true };
  const descriptors = async (accountId: string) =>
    (await store.list(accountId)).map((key) => ({ id: key.credentialId.toString('base64url'), transports: [...key.transports] }));
  const refused = () => new AppError('invalid_input', 'The passkey was not accepted. Try again.', { member: 'credential' });

  /** The answer of a passkey of this server, of one account if it is named; the caller has seen to the challenge. */
  const verify = async ({ response, challenge }: Answer<AuthenticationResponseJSON>, accountId: string | undefined) => {
    const key = await store.findByCredential(Buffer.from(response.id, 'base64url'));
    if (key === undefined || (accountId !== undefined && key.accountId !== accountId)) return undefined;
    const publicKey = bytes(key.publicKey);
    const credential = { id: response.id, publicKey, counter: key.counter };
    const result = await attempt(() => verifyAuthenticationResponse({ response, expectedChallenge: challenge, credential, ...expected }));
    if (result === undefined || !(await store.use(key.id, result.authenticationInfo.newCounter, clock.now()))) return undefined;
    const amr = [key.deviceType === 'singleDevice' ? 'hwk' : 'swk', 'user', 'mfa'] as const;
    const proof: PasskeyProof = { accountId: key.accountId, passkeyId: key.id, amr };
    return { proof, publicKey };
  };

  return {
    list: async (accountId) => (await store.list(accountId)).map(toPasskey),
    beginRegistration: async (account, binding) =>
      generateRegistrationOptions({
        rpName: 'Behalf',
        rpID: issuer.hostname,
        userName: account.email,
        userDisplayName: account.name,
        userID: bytes(Buffer.from(account.id)),
        challenge: await challenges.make('registration', { binding, accountId: account.id }),
        timeout: CHALLENGE_SECONDS * 1000,
        attestationType: 'none',
        excludeCredentials: await descriptors(account.id),
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
      }),
    async finishRegistration(account, { binding, credential, label }) {
      const answer = readAnswer<RegistrationResponseJSON>(credential);
      if (answer === undefined) throw refused();
      const { response, challenge } = answer;
      // outside the caller's transaction: an answer that does not hold uses the challenge up all the same
      const isOurs = await db.detached(() => challenges.take(challenge, 'registration', { binding, accountId: account.id }));
      const result = await attempt(() => verifyRegistrationResponse({ response, expectedChallenge: challenge, ...expected }));
      if (!isOurs || result?.registrationInfo === undefined) throw refused();
      if ((await store.list(account.id)).length >= MAX_PASSKEYS)
        throw new AppError('conflict', `One person has at most ${MAX_PASSKEYS} passkeys.`);
      const { credential: made, credentialDeviceType } = result.registrationInfo;
      const passkey = {
        id: ids.next('cred'),
        accountId: account.id,
        credentialId: Buffer.from(made.id, 'base64url'),
        publicKey: Buffer.from(made.publicKey),
        counter: made.counter,
        transports: made.transports ?? [],
        label: readLabel(label),
        deviceType: credentialDeviceType,
        createdAt: clock.now(),
      };
      if (!(await store.insert(passkey))) throw new AppError('conflict', 'This passkey is registered already.', { member: 'credential' });
      return toPasskey({ ...passkey, lastUsedAt: undefined });
    },
    beginAuthentication: async (ceremony) =>
      generateAuthenticationOptions({
        rpID: issuer.hostname,
        challenge: await challenges.make('authentication', ceremony),
        timeout: CHALLENGE_SECONDS * 1000,
        userVerification: 'required',
        ...(ceremony.accountId === undefined ? {} : { allowCredentials: await descriptors(ceremony.accountId) }),
      }),
    async finishAuthentication(ceremony, credential) {
      const answer = readAnswer<AuthenticationResponseJSON>(credential);
      if (answer === undefined) return undefined;
      if (!(await db.detached(() => challenges.take(answer.challenge, 'authentication', ceremony)))) return undefined;
      return (await verify(answer, ceremony.accountId))?.proof;
    },
    beginConfirmation: async (accountId, covers) =>
      generateAuthenticationOptions({
        rpID: issuer.hostname,
        challenge: bytes(covers),
        timeout: CHALLENGE_SECONDS * 1000,
        userVerification: 'required',
        allowCredentials: await descriptors(accountId),
      }),
    async finishConfirmation(accountId, { covers, credential }) {
      const answer = readAnswer<AuthenticationResponseJSON>(credential);
      if (answer === undefined || !constantTimeEqual(answer.challenge, covers.toString('base64url'))) return undefined;
      const verified = await verify(answer, accountId);
      if (verified === undefined) return undefined;
      const { clientDataJSON, authenticatorData, signature } = answer.response.response;
      const signed = { client_data: clientDataJSON, authenticator_data: authenticatorData, signature };
      return { ...verified.proof, assertion: { ...signed, public_key: jwkOfPasskey(verified.publicKey) } };
    },
    remove: (accountId, passkeyId) => store.remove(accountId, passkeyId),
    removeAll: (accountId) => store.removeAll(accountId),
    async purge() {
      while ((await store.purge(clock.now(), PURGE_BATCH)) >= PURGE_BATCH);
    },
  };
}
