#!/usr/bin/env node
// Says offline who approved what, from a receipt of Behalf and its public keys alone (RFC 7515, RFC 7517, RFC 8785).
//   curl -s $ISSUER/jwks/receipts > keys.json
//   node verify-receipt.mjs https://issuer.example receipt.jwt keys.json [access-token.jwt]
import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';

const [issuer, receiptFile, keysFile, tokenFile] = process.argv.slice(2);
if (keysFile === undefined) {
  console.error('Usage: verify-receipt.mjs <issuer> <receipt.jwt> <keys.json> [access-token.jwt]');
  process.exit(64);
}
const read = (file) => readFileSync(file, 'utf8').trim();

/** The JSON Canonicalization Scheme (RFC 8785): members in order, nothing between them. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(',')}}`;
}
const hashOf = (value) => `sha-256:${createHash('sha256').update(canonical(value)).digest('base64url')}`;

/** Ends with 1 and the reason when something does not hold. */
function holds(fact, otherwise) {
  if (fact) return;
  console.error(`NOT VALID: ${otherwise}`);
  process.exit(1);
}

const keys = createLocalJWKSet(JSON.parse(read(keysFile)));
const rules = { issuer, typ: 'approval-receipt+jwt', algorithms: ['ES256'] };
const { payload: receipt } = await jwtVerify(read(receiptFile), keys, rules).catch((error) => holds(false, error.message));
holds(hashOf(receipt.shown) === receipt.shown_hash, 'what was shown is not what the receipt covers');
holds(hashOf(receipt.authorization_details) === receipt.details_hash, 'the details are not those that were decided');
holds(receipt.shown.detailsHash === receipt.details_hash, 'other details were shown than decided');

// what the approver's passkey signed: its challenge is the hash of what was shown (WebAuthn Level 3, section 7.2)
const { approver, shown } = receipt;
if (approver.assertion) {
  const { client_data, authenticator_data, signature, public_key } = approver.assertion;
  const [said, data, signed] = [client_data, authenticator_data, signature].map((text) => Buffer.from(text, 'base64url'));
  const covers = Buffer.concat([data, createHash('sha256').update(said).digest()]);
  const key = createPublicKey({ key: public_key, format: 'jwk' });
  holds(verify(public_key.kty === 'OKP' ? null : 'sha256', covers, key, signed), 'the passkey did not sign this');
  const { type, challenge } = JSON.parse(said);
  holds(type === 'webauthn.get' && (data[32] & 4) !== 0, 'the passkey did not check who held it');
  holds(`sha-256:${challenge}` === receipt.shown_hash, 'the passkey signed something else');
}

// the token's own signature is the resource server's business; here it only says which approval it stands on
const approval = tokenFile && decodeJwt(read(tokenFile)).approval;
if (tokenFile) {
  holds(approval?.id === receipt.jti && approval.details_hash === receipt.details_hash, 'the token stands on another approval');
  holds(approval.approved_by === receipt.approver.approved_by, 'somebody else approved what the token stands on');
}

const at = (seconds) => new Date(seconds * 1000).toISOString();
console.log(`${shown.personName} (${approver.sub}) ${receipt.decision} at ${at(receipt.iat)}, ${approver.assertion ? 'with a passkey' : `signed in as ${approver.acr ?? 'not said'}`}`);
console.log(`asked by ${shown.agentName} (${receipt.act.sub}), owned by ${shown.ownerName}`);
for (const detail of shown.details) console.log(`  ${detail.headline}`);
console.log(`under the rules ${receipt.policy_version}${receipt.approved_until ? `, until ${at(receipt.approved_until)}` : ''}`);
