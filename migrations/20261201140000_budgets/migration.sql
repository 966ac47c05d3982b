-- CreateTable
CREATE TABLE "budgets" (
    "id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "unit" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "detail" JSONB NOT NULL,
    "resource" TEXT NOT NULL,
    "account_id" TEXT,
    "agent_id" TEXT,
    "client_id" TEXT NOT NULL,
    "approval_id" TEXT,
    "limit_quantity" DECIMAL(30,0),
    "per" TEXT,
    "lowered" DECIMAL(30,0),
    "lowered_per" TEXT,
    "ended_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "budgets_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "budget_counters" (
    "budget_id" TEXT NOT NULL,
    "node" TEXT NOT NULL,
    "per" TEXT NOT NULL,
    "window_start" TIMESTAMPTZ(3) NOT NULL,
    "window_end" TIMESTAMPTZ(3),
    "used" DECIMAL(30,0) NOT NULL,

    CONSTRAINT "budget_counters_pkey" PRIMARY KEY ("budget_id","node","per","window_start")
);

-- CreateTable
CREATE TABLE "budget_holds" (
    "receipt_id" TEXT NOT NULL,
    "budget_id" TEXT NOT NULL,
    "node" TEXT NOT NULL,
    "per" TEXT NOT NULL,
    "window_start" TIMESTAMPTZ(3) NOT NULL,
    "window_end" TIMESTAMPTZ(3),
    "quantity" DECIMAL(30,0) NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "budget_holds_pkey" PRIMARY KEY ("receipt_id","node","per")
);

-- CreateTable
CREATE TABLE "budget_receipts" (
    "id" TEXT NOT NULL,
    "budget_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "idempotency_key" TEXT NOT NULL,
    "request_hash" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "jti" TEXT NOT NULL,
    "detail_index" INTEGER NOT NULL,
    "type" TEXT NOT NULL,
    "unit" TEXT NOT NULL,
    "quantity" DECIMAL(30,0) NOT NULL,
    "settled" DECIMAL(30,0),
    "resource" TEXT NOT NULL,
    "agent_id" TEXT,
    "hold_until" TIMESTAMPTZ(3),
    "answer" JSON,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "budget_receipts_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "budgets_account_id_idx" ON "budgets"("account_id");

-- CreateIndex
CREATE INDEX "budgets_agent_id_idx" ON "budgets"("agent_id");

-- CreateIndex
CREATE UNIQUE INDEX "budgets_key_key" ON "budgets"("key");

-- CreateIndex
CREATE INDEX "budget_counters_window_end_idx" ON "budget_counters"("window_end");

-- CreateIndex
CREATE INDEX "budget_holds_budget_id_idx" ON "budget_holds"("budget_id");

-- CreateIndex
CREATE INDEX "budget_receipts_budget_id_id_idx" ON "budget_receipts"("budget_id", "id");

-- CreateIndex
CREATE INDEX "budget_receipts_created_at_idx" ON "budget_receipts"("created_at");

-- CreateIndex
CREATE UNIQUE INDEX "budget_receipts_client_id_idempotency_key_key" ON "budget_receipts"("client_id", "idempotency_key");

-- What was used up only grows, and nobody sets aside or reports nothing.
ALTER TABLE "budget_counters" ADD CONSTRAINT "budget_counters_used_check" CHECK ("used" >= 0);

ALTER TABLE "budget_holds" ADD CONSTRAINT "budget_holds_quantity_check" CHECK ("quantity" > 0);

ALTER TABLE "budget_receipts" ADD CONSTRAINT "budget_receipts_quantity_check" CHECK ("quantity" > 0 AND "settled" >= 0 AND "settled" <= "quantity");
