/** Authentication context class references we can reach, weakest first. `phr` is from OpenID EAP ACR Values 1.0 §2: phishing-resistant. */
export const ACR = { password: 'urn:behalf:acr:pwd', secondFactor: 'urn:behalf:acr:mfa', passkey: 'phr' } as const;
/** All of them, as the metadata lists them. */
export const ACR_VALUES: readonly string[] = [ACR.password, ACR.secondFactor, ACR.passkey];

/** What somebody has shown: the class it reaches and the methods used (RFC 8176). */
export interface Assurance {
  readonly acr: string;
  readonly amr: readonly string[];
}

/** A right password and nothing else. */
export const PASSWORD_ASSURANCE: Assurance = { acr: ACR.password, amr: ['pwd'] };

/** Whether `acr` is `needed` or stronger; one we do not know is weaker than all. */
export function isAtLeast(acr: string, needed: string): boolean {
  const [has, wants] = [ACR_VALUES.indexOf(acr), ACR_VALUES.indexOf(needed)];
  return wants !== -1 && has >= wants;
}

/** Two proofs of the same person in one sign-in: the stronger class, the methods of both. */
export function combine(first: Assurance, second: Assurance): Assurance {
  const acr = isAtLeast(first.acr, second.acr) ? first.acr : second.acr;
  return { acr, amr: [...new Set([...first.amr, ...second.amr])] };
}
