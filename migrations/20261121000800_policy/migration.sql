-- CreateTable
CREATE TABLE "decisions" (
    "id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "effect" TEXT NOT NULL,
    "rule" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "remedy" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "agent_id" TEXT,
    "subject_id" TEXT,
    "resource" TEXT,
    "action" TEXT NOT NULL,
    "input" JSONB NOT NULL,
    "policy_version" TEXT NOT NULL,

    CONSTRAINT "decisions_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "decisions_agent_id_id_idx" ON "decisions"("agent_id", "id");

-- CreateIndex
CREATE INDEX "decisions_subject_id_id_idx" ON "decisions"("subject_id", "id");

-- CreateIndex
CREATE INDEX "decisions_client_id_id_idx" ON "decisions"("client_id", "id");

-- CreateIndex
CREATE INDEX "decisions_at_idx" ON "decisions"("at");
