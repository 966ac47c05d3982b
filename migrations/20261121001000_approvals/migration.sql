-- CreateTable
CREATE TABLE "approvals" (
    "id" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "slot" SMALLINT NOT NULL,
    "client_id" TEXT NOT NULL,
    "agent_id" TEXT NOT NULL,
    "account_id" TEXT NOT NULL,
    "auth_req_hash" BYTEA NOT NULL,
    "resource" TEXT,
    "scope" TEXT NOT NULL,
    "identity_scope" TEXT NOT NULL,
    "details" JSONB NOT NULL,
    "details_hash" TEXT NOT NULL,
    "binding_message" TEXT,
    "requested_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "poll_interval_seconds" INTEGER NOT NULL,
    "last_polled_at" TIMESTAMPTZ(3),
    "decided_at" TIMESTAMPTZ(3),
    "decided_by" TEXT,
    "decision_session" TEXT,
    "decision_auth_time" TIMESTAMPTZ(3),
    "decision_acr" TEXT,
    "decision_amr" TEXT[],
    "approved_until" TIMESTAMPTZ(3),
    "max_uses" INTEGER,
    "grant_hash" BYTEA,
    "completed_at" TIMESTAMPTZ(3),

    CONSTRAINT "approvals_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "approvals_auth_req_hash_key" ON "approvals"("auth_req_hash");

-- CreateIndex
CREATE INDEX "approvals_account_id_id_idx" ON "approvals"("account_id", "id");

-- CreateIndex
CREATE INDEX "approvals_agent_id_account_id_idx" ON "approvals"("agent_id", "account_id");

-- CreateIndex
CREATE INDEX "approvals_status_id_idx" ON "approvals"("status", "id");

-- At most three questions of one agent wait for one person: three places, each taken once, whoever else inserts meanwhile.
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_slot_check" CHECK ("slot" BETWEEN 1 AND 3);
CREATE UNIQUE INDEX "approvals_pending_slot_key" ON "approvals"("agent_id", "account_id", "slot") WHERE "status" = 'pending';

ALTER TABLE "approvals" ADD CONSTRAINT "approvals_status_check" CHECK ("status" IN ('pending', 'approved', 'denied', 'expired', 'withdrawn'));
-- A decision names who made it, when and under which session; nothing else does.
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_decision_check"
  CHECK (("status" IN ('approved', 'denied')) = ("decided_at" IS NOT NULL AND "decided_by" IS NOT NULL AND "decision_session" IS NOT NULL));

-- What the job looks for that finishes what a crash left.
CREATE INDEX "approvals_unfinished_idx" ON "approvals"("decided_at") WHERE "status" IN ('approved', 'denied') AND "completed_at" IS NULL;
