-- AlterTable
ALTER TABLE "delegations" ADD COLUMN     "hides_actor" BOOLEAN;

-- AlterTable
ALTER TABLE "trust_providers" ADD COLUMN     "token_rules" JSONB;

-- CreateTable
CREATE TABLE "delegation_requests" (
    "id" TEXT NOT NULL,
    "from_agent_id" TEXT NOT NULL,
    "to_agent_id" TEXT NOT NULL,
    "resources" TEXT[],
    "scopes" TEXT[],
    "detail_types" TEXT[],
    "until" TIMESTAMPTZ(3) NOT NULL,
    "reason" TEXT NOT NULL,
    "requested_by" TEXT NOT NULL,
    "requested_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "outcome" TEXT,
    "decided_by" TEXT,
    "decided_at" TIMESTAMPTZ(3),
    "delegation_id" TEXT,

    CONSTRAINT "delegation_requests_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "scope_mappings" (
    "id" TEXT NOT NULL,
    "from_resource" TEXT NOT NULL,
    "from_scope" TEXT NOT NULL,
    "to_resource" TEXT NOT NULL,
    "to_scope" TEXT NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "scope_mappings_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "requested_actors" (
    "code_hash" BYTEA NOT NULL,
    "client_id" TEXT NOT NULL,
    "agent_id" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "requested_actors_pkey" PRIMARY KEY ("code_hash")
);

-- CreateIndex
CREATE INDEX "delegation_requests_from_agent_id_to_agent_id_idx" ON "delegation_requests"("from_agent_id", "to_agent_id");

-- CreateIndex
CREATE INDEX "delegation_requests_to_agent_id_idx" ON "delegation_requests"("to_agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "scope_mappings_from_resource_from_scope_to_resource_to_scop_key" ON "scope_mappings"("from_resource", "from_scope", "to_resource", "to_scope");

-- CreateIndex
CREATE INDEX "requested_actors_expires_at_idx" ON "requested_actors"("expires_at");

-- What waits is few among all that was ever asked.
CREATE INDEX "delegation_requests_open" ON "delegation_requests"("expires_at") WHERE "outcome" IS NULL;
ALTER TABLE "delegation_requests" ADD CONSTRAINT "delegation_requests_outcome" CHECK ("outcome" IN ('approved', 'declined', 'expired'));
ALTER TABLE "delegation_requests" ADD CONSTRAINT "delegation_requests_decided" CHECK (("outcome" IS NULL) = ("decided_at" IS NULL) AND ("delegation_id" IS NOT NULL) = ("outcome" IS NOT DISTINCT FROM 'approved'));

-- Issuers of access tokens join those who may be trusted; only they have rules for tokens.
ALTER TABLE "trust_providers" DROP CONSTRAINT "trust_providers_kind";
ALTER TABLE "trust_providers" ADD CONSTRAINT "trust_providers_kind" CHECK ("kind" IN ('identity_provider', 'workload', 'software', 'token_issuer'));
ALTER TABLE "trust_providers" ADD CONSTRAINT "trust_providers_token_rules" CHECK (("kind" = 'token_issuer') = ("token_rules" IS NOT NULL));
