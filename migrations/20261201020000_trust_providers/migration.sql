-- CreateTable
CREATE TABLE "trust_providers" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "issuer" TEXT NOT NULL,
    "jwks_uri" TEXT,
    "keys" JSONB,
    "audiences" TEXT[],
    "algorithms" TEXT[],
    "domains" TEXT[],
    "is_email_authoritative" BOOLEAN NOT NULL,
    "claim_rules" JSONB NOT NULL,
    "resources" TEXT[],
    "scopes" JSONB,
    "max_ttl_seconds" INTEGER,
    "status" TEXT NOT NULL,
    "agent_id" TEXT,
    "client_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "trust_providers_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "trust_used_assertions" (
    "id_hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "trust_used_assertions_pkey" PRIMARY KEY ("id_hash")
);

-- CreateTable
CREATE TABLE "linked_subjects" (
    "issuer" TEXT NOT NULL,
    "tenant" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "linked_subjects_pkey" PRIMARY KEY ("issuer","tenant","subject")
);

-- CreateIndex
CREATE INDEX "trust_providers_issuer_kind_idx" ON "trust_providers"("issuer", "kind");

-- CreateIndex
CREATE INDEX "trust_used_assertions_expires_at_idx" ON "trust_used_assertions"("expires_at");

-- CreateIndex
CREATE INDEX "linked_subjects_account_id_idx" ON "linked_subjects"("account_id");

-- One record says how far an issuer is trusted; the workloads of one platform are many agents, and each has one record.
CREATE UNIQUE INDEX "trust_providers_issuer" ON "trust_providers"("issuer", "kind") WHERE "kind" <> 'workload';
CREATE UNIQUE INDEX "trust_providers_workload" ON "trust_providers"("issuer", "agent_id") WHERE "kind" = 'workload';
ALTER TABLE "trust_providers" ADD CONSTRAINT "trust_providers_kind" CHECK ("kind" IN ('identity_provider', 'workload', 'software'));
ALTER TABLE "trust_providers" ADD CONSTRAINT "trust_providers_status" CHECK ("status" IN ('active', 'disabled'));
ALTER TABLE "trust_providers" ADD CONSTRAINT "trust_providers_keys" CHECK (("keys" IS NULL) <> ("jwks_uri" IS NULL));
ALTER TABLE "trust_providers" ADD CONSTRAINT "trust_providers_speaks_for" CHECK (("kind" = 'workload') = ("agent_id" IS NOT NULL) AND ("agent_id" IS NULL) = ("client_id" IS NULL));
