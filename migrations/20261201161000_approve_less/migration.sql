-- What was asked, where somebody approved less of it; null where all of it was approved, or nothing.
ALTER TABLE "approvals" ADD COLUMN "asked_details" JSONB,
ADD COLUMN "asked_scope" TEXT;
