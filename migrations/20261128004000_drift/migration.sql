-- AlterTable
ALTER TABLE "agents" ADD COLUMN     "acts_under_review" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "agent_drifts" (
    "id" TEXT NOT NULL,
    "agent_id" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "presented_digest" TEXT,
    "presented_model" JSONB,
    "recorded_digest" TEXT,
    "recorded_model" JSONB,
    "client_id" TEXT NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "times" INTEGER NOT NULL,
    "closed_at" TIMESTAMPTZ(3),
    "closed_by" TEXT,
    "outcome" TEXT,

    CONSTRAINT "agent_drifts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "policy_settings" (
    "name" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "changed_by" TEXT NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "policy_settings_pkey" PRIMARY KEY ("name")
);

-- CreateIndex
CREATE INDEX "agent_drifts_agent_id_closed_at_idx" ON "agent_drifts"("agent_id", "closed_at");

-- AddForeignKey
ALTER TABLE "agent_drifts" ADD CONSTRAINT "agent_drifts_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- What was presented is one row while it is open, whoever presents it and however often.
CREATE UNIQUE INDEX "agent_drifts_open" ON "agent_drifts"("agent_id", "fingerprint") WHERE "closed_at" IS NULL;
ALTER TABLE "agent_drifts" ADD CONSTRAINT "agent_drifts_presented" CHECK ("presented_digest" IS NOT NULL OR "presented_model" IS NOT NULL);
ALTER TABLE "agent_drifts" ADD CONSTRAINT "agent_drifts_outcome" CHECK (("closed_at" IS NULL) = ("outcome" IS NULL) AND "outcome" IN ('accepted', 'recordChanged', 'superseded', 'dismissed'));

-- Those who act although they are under review are few: who tightens the setting looks for them.
CREATE INDEX "agents_acting_under_review" ON "agents"("id") WHERE "acts_under_review";

ALTER TABLE "policy_settings" ADD CONSTRAINT "policy_settings_version" CHECK ("version" > 0);

-- Agents that may act: let run, or under review while the setting lets them go on; and somebody alive answers for them. Whoever
-- reads compares valid_until with the time.
CREATE OR REPLACE VIEW "live_agents" AS
SELECT agent."id" AS "agent_id", agent."valid_until"
FROM "agents" agent
WHERE (agent."status" = 'active' OR (agent."status" = 'underReview' AND agent."acts_under_review"))
  AND (
    (agent."owner_kind" = 'user' AND EXISTS (SELECT 1 FROM "live_accounts" account WHERE account."account_id" = agent."owner_id"))
    OR (agent."owner_kind" = 'group' AND EXISTS (SELECT 1 FROM "live_groups" owners WHERE owners."group_id" = agent."owner_id"))
  );
