-- Software that is let in without anybody asking an administrator first: what is known of it, whoever registers it and how often.
-- CreateTable
CREATE TABLE "software" (
    "id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "proof" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "is_bound" BOOLEAN NOT NULL,
    "agent_ids" TEXT[] NOT NULL,
    "resources" JSONB,
    "refused_at" TIMESTAMPTZ(3),
    "refused_by" TEXT,
    "registrations" INTEGER NOT NULL,
    "first_seen_at" TIMESTAMPTZ(3) NOT NULL,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "software_pkey" PRIMARY KEY ("id")
);

-- AlterTable
ALTER TABLE "clients" ADD COLUMN     "software_id" TEXT,
ADD COLUMN     "admitted_at" TIMESTAMPTZ(3),
ADD COLUMN     "reaped_at" TIMESTAMPTZ(3);

-- CreateIndex
CREATE UNIQUE INDEX "software_key_key" ON "software"("key");

-- CreateIndex
CREATE INDEX "software_last_seen_at_id_idx" ON "software"("last_seen_at", "id");

-- CreateIndex
CREATE INDEX "clients_software_id_created_at_idx" ON "clients"("software_id", "created_at");

ALTER TABLE "software" ADD CONSTRAINT "software_proof" CHECK ("proof" IN ('document', 'statement', 'redirect_host', 'claimed'));
ALTER TABLE "software" ADD CONSTRAINT "software_refused" CHECK (("refused_at" IS NULL) = ("refused_by" IS NULL));

-- Registrations that nobody has let in yet, and those that were and rest: the jobs that clear away look for them.
CREATE INDEX "clients_waiting" ON "clients"("created_at") WHERE "software_id" IS NOT NULL AND "admitted_at" IS NULL;
CREATE INDEX "clients_resting" ON "clients"((COALESCE("last_used_at", "admitted_at"))) WHERE "software_id" IS NOT NULL AND "admitted_at" IS NOT NULL AND "reaped_at" IS NULL;

-- Software that waits for somebody's first yes is no fault: the doctor does not name it.
CREATE OR REPLACE VIEW "clients_without_agent" AS
SELECT client."client_id"
FROM "clients" client
WHERE client."status" = 'active' AND client."purpose" = 'agent' AND client."software_id" IS NULL
  AND NOT EXISTS (SELECT 1 FROM "agent_clients" link WHERE link."client_id" = client."client_id");
