-- CreateTable
CREATE TABLE "client_documents" (
    "url" TEXT NOT NULL,
    "document" JSONB,
    "digest" TEXT,
    "etag" TEXT,
    "last_modified" TEXT,
    "fetched_at" TIMESTAMPTZ(3),
    "fresh_until" TIMESTAMPTZ(3),
    "tried_at" TIMESTAMPTZ(3),
    "failing_since" TIMESTAMPTZ(3),
    "fault_kind" TEXT,
    "last_fault" TEXT,
    "changed_at" TIMESTAMPTZ(3),
    "last_change" TEXT,
    "approved_at" TIMESTAMPTZ(3),

    CONSTRAINT "client_documents_pkey" PRIMARY KEY ("url")
);

-- CreateIndex
CREATE INDEX "client_documents_fresh_until_idx" ON "client_documents"("fresh_until");

-- AddForeignKey
ALTER TABLE "client_documents" ADD CONSTRAINT "client_documents_url_fkey" FOREIGN KEY ("url") REFERENCES "clients"("client_id") ON DELETE CASCADE ON UPDATE RESTRICT;

-- A document is kept whole or not at all: one without a digest or a time could never be told to be stale.
ALTER TABLE "client_documents" ADD CONSTRAINT "client_documents_whole_check"
CHECK (("document" IS NULL) = ("digest" IS NULL) AND ("document" IS NULL) = ("fetched_at" IS NULL) AND ("document" IS NULL) = ("fresh_until" IS NULL));
