-- What software with an enrolment token is recognised by: a suspension holds for whoever registers as the same software again.
-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "software_key" TEXT;

-- CreateIndex
CREATE INDEX "clients_software_key_idx" ON "clients"("software_key");

-- Clients whose agent somebody suspended, for registration (it asks whether the same software was stopped before).
CREATE VIEW "suspended_clients" AS
SELECT link."client_id", agent."id" AS "agent_id", agent."owner_id"
FROM "agent_clients" link JOIN "agents" agent ON agent."id" = link."agent_id"
WHERE agent."status" = 'suspended';
