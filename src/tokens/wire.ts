import { z } from 'zod';

const text = z.string().optional();
const time = z.iso.datetime();

/** The `act` claim (RFC 8693 §4.1), newest actor outermost. */
const act = z
  .object({
    iss: z.string(),
    sub: z.string(),
    sub_profile: z.string().optional(),
    get act() {
      return act.optional();
    },
  })
  .meta({ id: 'Act' });

/** A token as the management API shows it (snake_case; times RFC 3339). No value of the token itself: the ledger has none. */
export const tokenBody = z
  .object({
    jti: z.string(),
    live: z.boolean(),
    client_id: z.string(),
    sub: z.string(),
    sub_profile: z.enum(['user', 'ai_agent', 'service']),
    agent_id: text,
    account_id: text,
    actor_source: text,
    act: act.optional(),
    aud: z.string(),
    scope: z.string(),
    authorization_details: z.array(z.record(z.string(), z.unknown())).optional(),
    cnf: z.object({ jkt: text, 'x5t#S256': text }).optional(),
    acr: text,
    auth_time: time.optional(),
    approval: z.record(z.string(), z.unknown()).optional(),
    decision_id: text,
    parent_jti: text,
    root_jti: z.string(),
    depth: z.int(),
    issued_at: time,
    expires_at: time,
    ended_at: time.optional(),
    end_cause: text,
  })
  .meta({ id: 'Token' });

/** One in the list, with how many live ones were made from it. */
export const listedTokenBody = tokenBody.extend({ children: z.int() });

const scopes = z.array(z.string());

/** One step of a lineage: what became less, and by which right (R1). */
const hopBody = z
  .object({
    parent_jti: z.string(),
    jti: z.string(),
    from: z.string(),
    to: z.string(),
    handed_on: z.boolean(),
    basis: z.string().nullable(),
    delegation_id: z.string().nullable(),
    decision_id: z.string().nullable(),
    resource: z.object({ from: z.string(), to: z.string() }).nullable(),
    scopes_before: scopes,
    scopes_after: scopes,
    details: z.array(z.object({ label: z.string(), before: z.string(), after: text, left: text })),
    seconds_shorter: z.int(),
    rebound: z.boolean(),
  })
  .meta({ id: 'LineageHop' });

/**
 * A token with what it came from (`above`, from the root down), what was made beside it and from it, and the steps between them.
 * `left_out` counts, by the token they were made from, those that are not in the answer; null: more than 1,000.
 */
export const lineageBody = z
  .object({
    token: tokenBody,
    above: z.array(tokenBody),
    beside: z.array(tokenBody),
    below: z.array(tokenBody),
    hops: z.array(hopBody),
    left_out: z.array(z.object({ jti: z.string(), count: z.int().nullable() })),
  })
  .meta({ id: 'Lineage' });
