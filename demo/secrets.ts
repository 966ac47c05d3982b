const SECRET_NAMES = new Set([
  'access_token',
  'refresh_token',
  'id_token',
  'subject_token',
  'actor_token',
  'registration_access_token',
  'client_secret',
  'token',
  'code',
  'code_verifier',
  'auth_req_id',
  'authorization',
  'cookie',
  'password',
  'csrf',
]);
const SHOWN = 8;

/** The beginning of a secret: enough to recognise it further down, too little to use it. */
function shortened(secret: string): string {
  const [scheme, credentials] = secret.split(' ');
  if (credentials !== undefined) return `${scheme} ${shortened(credentials)}`;
  return secret.length <= SHOWN ? '…' : `${secret.slice(0, SHOWN)}…`;
}

/** A copy of a value with every secret in it shortened. */
export function withoutSecrets(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return SECRET_NAMES.has(name.toLowerCase()) ? shortened(value) : value;
  if (Array.isArray(value)) return value.map((each) => withoutSecrets(each, name));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withoutSecrets(each, key)]));
}

/** An address with the secrets of its query shortened. */
export function addressWithoutSecrets(address: string): string {
  const url = new URL(address);
  for (const [name, value] of url.searchParams) if (SECRET_NAMES.has(name)) url.searchParams.set(name, shortened(value));
  return url.href;
}
