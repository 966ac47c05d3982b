-- What the doctor asks across capabilities; nothing else reads these.

-- Agents that were let run while nobody alive answers for them: they get no token.
CREATE VIEW "agents_without_owner" AS
SELECT agent."id" AS "agent_id"
FROM "agents" agent
WHERE agent."status" = 'active'
  AND NOT EXISTS (SELECT 1 FROM "live_agents" live WHERE live."agent_id" = agent."id");

-- Software of agents that stands for none: it gets no token.
CREATE VIEW "clients_without_agent" AS
SELECT client."client_id"
FROM "clients" client
WHERE client."status" = 'active' AND client."purpose" = 'agent'
  AND NOT EXISTS (SELECT 1 FROM "agent_clients" link WHERE link."client_id" = client."client_id");

-- Since when the sealer leaves events without a place in the chain.
CREATE VIEW "unsealed_audit_tail" AS
SELECT count(*)::int AS "events", min("occurred_at") AS "oldest_at"
FROM "audit_events"
WHERE "position" IS NULL;

-- How long the secret of the environment's client has been the same.
CREATE VIEW "bootstrap_secrets" AS
SELECT COALESCE("secret_rotated_at", "created_at") AS "since"
FROM "clients"
WHERE "kind" = 'bootstrap' AND "status" = 'active' AND "secret_hash" IS NOT NULL;
