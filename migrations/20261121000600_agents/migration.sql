-- CreateTable
CREATE TABLE "agents" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "display_name" TEXT NOT NULL,
    "description" TEXT,
    "status" TEXT NOT NULL,
    "status_reason" TEXT,
    "status_changed_by" TEXT,
    "status_changed_at" TIMESTAMPTZ(3) NOT NULL,
    "owner_kind" TEXT,
    "owner_id" TEXT,
    "purpose" TEXT NOT NULL,
    "risk_level" TEXT NOT NULL,
    "autonomy" TEXT NOT NULL,
    "data_classes" TEXT[],
    "environment" TEXT,
    "model" JSONB,
    "manifest_digest" TEXT,
    "valid_until" TIMESTAMPTZ(3),
    "max_delegation_depth" INTEGER,
    "parent_id" TEXT,
    "external_id" TEXT,
    "source" TEXT NOT NULL,
    "provisioned" JSONB NOT NULL,
    "version" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,
    "last_seen_at" TIMESTAMPTZ(3),
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "agents_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "agent_clients" (
    "client_id" TEXT NOT NULL,
    "agent_id" TEXT NOT NULL,
    "linked_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "agent_clients_pkey" PRIMARY KEY ("client_id")
);

-- CreateIndex
CREATE INDEX "agents_status_id_idx" ON "agents"("status", "id");

-- CreateIndex
CREATE INDEX "agents_owner_id_id_idx" ON "agents"("owner_id", "id");

-- CreateIndex
CREATE INDEX "agents_last_seen_at_idx" ON "agents"("last_seen_at");

-- CreateIndex
CREATE INDEX "agents_parent_id_idx" ON "agents"("parent_id");

-- CreateIndex
CREATE INDEX "agents_external_id_idx" ON "agents"("external_id");

-- CreateIndex
CREATE INDEX "agent_clients_agent_id_idx" ON "agent_clients"("agent_id");

-- AddForeignKey
ALTER TABLE "agents" ADD CONSTRAINT "agents_parent_id_fkey" FOREIGN KEY ("parent_id") REFERENCES "agents"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "agent_clients" ADD CONSTRAINT "agent_clients_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- A name is taken whatever its case, an identifier of a source once; a removed agent gives both back.
CREATE UNIQUE INDEX "agents_name_taken" ON "agents"(lower("name")) WHERE "removed_at" IS NULL;
CREATE UNIQUE INDEX "agents_external_id_taken" ON "agents"("source", "external_id") WHERE "removed_at" IS NULL;

-- Finding by the beginning of a name, whatever its case.
CREATE INDEX "agents_display_name_folded" ON "agents"(lower("display_name") text_pattern_ops);

ALTER TABLE "agents" ADD CONSTRAINT "agents_status" CHECK ("status" IN ('proposed', 'active', 'underReview', 'suspended', 'retired'));
ALTER TABLE "agents" ADD CONSTRAINT "agents_owner" CHECK (("owner_id" IS NULL) = ("owner_kind" IS NULL) AND ("owner_kind" IS NULL OR "owner_kind" IN ('user', 'group')));
ALTER TABLE "agents" ADD CONSTRAINT "agents_active_is_owned" CHECK ("status" <> 'active' OR "owner_id" IS NOT NULL);
ALTER TABLE "agents" ADD CONSTRAINT "agents_removed_is_retired" CHECK ("removed_at" IS NULL OR "status" = 'retired');
ALTER TABLE "agents" ADD CONSTRAINT "agents_risk_level" CHECK ("risk_level" IN ('low', 'medium', 'high'));
ALTER TABLE "agents" ADD CONSTRAINT "agents_autonomy" CHECK ("autonomy" IN ('interactive', 'background'));

-- Agents that may act: let run, and somebody alive answers for them. Whoever reads compares valid_until with the time.
CREATE VIEW "live_agents" AS
SELECT agent."id" AS "agent_id", agent."valid_until"
FROM "agents" agent
WHERE agent."status" = 'active'
  AND (
    (agent."owner_kind" = 'user' AND EXISTS (SELECT 1 FROM "live_accounts" account WHERE account."account_id" = agent."owner_id"))
    OR (agent."owner_kind" = 'group' AND EXISTS (SELECT 1 FROM "groups" owners WHERE owners."id" = agent."owner_id"))
  );
