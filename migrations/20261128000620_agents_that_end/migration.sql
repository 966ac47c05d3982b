-- AlterTable
ALTER TABLE "agents" ADD COLUMN     "status_before" TEXT,
ADD COLUMN     "ttl_minutes" INTEGER;

-- AlterTable
ALTER TABLE "initial_access_tokens" ADD COLUMN     "agent_ttl_minutes" INTEGER;

-- An agent that was made for a while always has an end, and the while is a minute to thirty days.
ALTER TABLE "agents" ADD CONSTRAINT "agents_ttl" CHECK ("ttl_minutes" IS NULL OR ("ttl_minutes" BETWEEN 1 AND 43200 AND "valid_until" IS NOT NULL));
ALTER TABLE "initial_access_tokens" ADD CONSTRAINT "initial_access_tokens_ttl" CHECK ("agent_ttl_minutes" BETWEEN 1 AND 43200);

-- What ends next: the job that ends agents asks every few seconds, and most agents never end by themselves.
CREATE INDEX "agents_ending" ON "agents"("valid_until") WHERE "valid_until" IS NOT NULL AND "status" <> 'retired';

-- What an owner answers for now. Agents made for a while pile up as retired records, and no look at an owner should read them.
CREATE INDEX "agents_owned_living" ON "agents"("owner_id", "id") WHERE "status" <> 'retired';
