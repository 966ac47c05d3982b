-- AlterTable
ALTER TABLE "agents" ADD COLUMN     "max_child_depth" INTEGER,
ADD COLUMN     "max_children" INTEGER,
ADD COLUMN     "stopped_with" TEXT;

-- AlterTable
ALTER TABLE "initial_access_tokens" ADD COLUMN     "agent_until" TIMESTAMPTZ(3),
ADD COLUMN     "parent_client" TEXT,
ADD COLUMN     "parent_id" TEXT;

ALTER TABLE "agents" ADD CONSTRAINT "agents_max_children" CHECK ("max_children" BETWEEN 0 AND 1000);
ALTER TABLE "agents" ADD CONSTRAINT "agents_max_child_depth" CHECK ("max_child_depth" BETWEEN 0 AND 4);

-- What each client in use may ask for; NULL: anything. No agent below another may have more than the clients of that one.
CREATE VIEW "client_reach" AS
SELECT "client_id", "bounds"->'resources' AS "resources", "scopes", "metadata"->'grant_types' AS "grant_types",
  "metadata"->'authorization_details_types' AS "detail_types"
FROM "clients" WHERE "status" = 'active';

-- The tokens by which agents enrol others are many and soon over: found for being forgotten.
CREATE INDEX "initial_access_tokens_of_agents" ON "initial_access_tokens"("expires_at") WHERE "parent_id" IS NOT NULL;
