-- AlterTable
ALTER TABLE "accounts" ADD COLUMN     "removed_at" TIMESTAMPTZ(3),
ADD COLUMN     "successor_id" TEXT;

-- A removed person is a name in the audit trail and never signs in again, whatever code says.
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_removed_is_disabled" CHECK ("removed_at" IS NULL OR "status" = 'disabled');
ALTER TABLE "accounts" ADD CONSTRAINT "accounts_successor_is_another" CHECK ("successor_id" <> "id");

-- Groups that can answer for something: those of this server itself, and those with somebody alive in them. LIMIT keeps the
-- look-up one by key, whatever the size of the tables was when the plan was made, and ends it at the first person who is alive.
CREATE VIEW "live_groups" AS
SELECT owners."id" AS "group_id"
FROM "groups" owners
WHERE owners."is_built_in" OR (
  SELECT count(*) FROM (
    SELECT 1 FROM "group_members" member, "live_accounts" account
    WHERE member."group_id" = owners."id" AND account."account_id" = member."account_id" LIMIT 1
  ) AS living
) > 0;

-- Agents that may act: let run, and somebody alive answers for them. Whoever reads compares valid_until with the time.
CREATE OR REPLACE VIEW "live_agents" AS
SELECT agent."id" AS "agent_id", agent."valid_until"
FROM "agents" agent
WHERE agent."status" = 'active'
  AND (
    (agent."owner_kind" = 'user' AND EXISTS (SELECT 1 FROM "live_accounts" account WHERE account."account_id" = agent."owner_id"))
    OR (agent."owner_kind" = 'group' AND EXISTS (SELECT 1 FROM "live_groups" owners WHERE owners."group_id" = agent."owner_id"))
  );
