-- CreateTable
CREATE TABLE "agent_cards" (
    "agent_id" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "content_hash" TEXT NOT NULL,
    "etag" TEXT,
    "card" JSONB NOT NULL,
    "read_at" TIMESTAMPTZ(3) NOT NULL,
    "next_read_at" TIMESTAMPTZ(3) NOT NULL,
    "failures" INTEGER NOT NULL,
    "failing_since" TIMESTAMPTZ(3),
    "failure" TEXT,
    "previous" JSONB,
    "changed_at" TIMESTAMPTZ(3),
    "changed_members" TEXT[],

    CONSTRAINT "agent_cards_pkey" PRIMARY KEY ("agent_id")
);

-- CreateIndex
CREATE INDEX "agent_cards_url_idx" ON "agent_cards"("url");

-- CreateIndex
CREATE INDEX "agent_cards_next_read_at_idx" ON "agent_cards"("next_read_at");

-- AddForeignKey
ALTER TABLE "agent_cards" ADD CONSTRAINT "agent_cards_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;
