-- CreateTable
CREATE TABLE "token_ledger" (
    "jti" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "subject_profile" TEXT NOT NULL,
    "account_id" TEXT,
    "agent_id" TEXT,
    "agent_ids" TEXT[],
    "actor_source" TEXT,
    "grant_hash" BYTEA,
    "parent_jti" TEXT,
    "root_jti" TEXT NOT NULL,
    "depth" INTEGER NOT NULL,
    "resource" TEXT NOT NULL,
    "scope" TEXT NOT NULL,
    "details" JSONB,
    "act" JSONB,
    "cnf" JSONB,
    "acr" TEXT,
    "auth_time" TIMESTAMPTZ(3),
    "approval" JSONB,
    "approval_id" TEXT,
    "decision_id" TEXT,
    "snapshot" TEXT NOT NULL,
    "issued_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "end_cause" TEXT,

    CONSTRAINT "token_ledger_pkey" PRIMARY KEY ("jti")
);

-- CreateTable
CREATE TABLE "token_cutoffs" (
    "key" TEXT NOT NULL,
    "transaction_id" TEXT NOT NULL,
    "ended_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "token_cutoffs_pkey" PRIMARY KEY ("key")
);

-- CreateIndex
CREATE INDEX "token_ledger_client_id_idx" ON "token_ledger"("client_id");

-- CreateIndex
CREATE INDEX "token_ledger_resource_idx" ON "token_ledger"("resource");

-- CreateIndex
CREATE INDEX "token_ledger_expires_at_idx" ON "token_ledger"("expires_at");

-- CreateIndex
CREATE INDEX "token_cutoffs_ended_at_idx" ON "token_cutoffs"("ended_at");

-- Most tokens have no person, grant or parent: only those that have one pay for the index.
CREATE INDEX "token_ledger_account_id_idx" ON "token_ledger"("account_id") WHERE "account_id" IS NOT NULL;

CREATE INDEX "token_ledger_agent_id_idx" ON "token_ledger"("agent_id") WHERE "agent_id" IS NOT NULL;

CREATE INDEX "token_ledger_grant_hash_idx" ON "token_ledger"("grant_hash") WHERE "grant_hash" IS NOT NULL;

CREATE INDEX "token_ledger_parent_jti_idx" ON "token_ledger"("parent_jti") WHERE "parent_jti" IS NOT NULL;
