import { z } from 'zod';
import { PURPOSES } from './client.ts';

const time = z.iso.datetime();
const texts = z.array(z.string());

/** A client as the management interface shows it. */
export const clientBody = z
  .object({
    client_id: z.string(),
    client_name: z.string(),
    kind: z.enum(['dynamic', 'open', 'document', 'admin', 'bootstrap', 'workload']),
    purpose: z.enum(PURPOSES),
    service_id: z.string().nullable(),
    status: z.enum(['active', 'disabled']),
    is_management: z.boolean(),
    has_governance: z.boolean(),
    scope: z.string().nullable(),
    resources: texts.nullable(),
    default_resource: z.string().nullable(),
    default_scope: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    has_secret: z.boolean(),
    secret_rotated_at: time.nullable(),
    previous_secret_until: time.nullable(),
    created_at: time,
    last_used_at: time.nullable(),
  })
  .meta({ id: 'Client' });

/** A new client with its secret, if it has one. */
export const newClientBody = clientBody.extend({ client_secret: z.string().optional() });

/** A rotated secret. */
export const newSecretBody = z.object({ client_id: z.string(), client_secret: z.string() });

/** Software that an administrator let in by the address of its metadata document; `fault` says why it cannot be read yet. */
export const documentBody = z.object({ client_id: z.string(), agent_id: z.string(), fault: z.string().nullable() });

/** An initial access token as the management interface shows it. */
export const initialAccessTokenBody = z
  .object({
    id: z.string(),
    name: z.string(),
    owner: z.object({ kind: z.enum(['user', 'group']), id: z.string() }),
    agent_state: z.enum(['active', 'proposed']),
    agent_ttl_minutes: z.int().nullable(),
    uses_left: z.int(),
    uses_total: z.int(),
    scopes: texts.nullable(),
    resources: texts.nullable(),
    redirect_patterns: texts.nullable(),
    grant_types: texts,
    parent_agent_id: z.string().nullable(),
    created_at: time,
    expires_at: time,
    revoked_at: time.nullable(),
  })
  .meta({ id: 'InitialAccessToken' });

/** A new one with its value. */
export const newInitialAccessTokenBody = initialAccessTokenBody.extend({ token: z.string() });
