-- CreateTable
CREATE TABLE "delegations" (
    "id" TEXT NOT NULL,
    "from_agent_id" TEXT NOT NULL,
    "to_agent_id" TEXT NOT NULL,
    "resources" TEXT[],
    "scopes" TEXT[],
    "detail_types" TEXT[],
    "until" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "ended_by" TEXT,

    CONSTRAINT "delegations_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "delegations_from_agent_id_to_agent_id_idx" ON "delegations"("from_agent_id", "to_agent_id");

-- CreateIndex
CREATE INDEX "delegations_to_agent_id_idx" ON "delegations"("to_agent_id");
