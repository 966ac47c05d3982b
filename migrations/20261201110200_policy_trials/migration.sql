-- What a draft of the policies would have decided about the requests of a period. Kept for a week.
-- CreateTable
CREATE TABLE "policy_trials" (
    "id" TEXT NOT NULL,
    "base_version" INTEGER NOT NULL,
    "policies" JSONB NOT NULL,
    "draft" JSONB NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,
    "state" TEXT NOT NULL,
    "position" TEXT NOT NULL,
    "result" JSONB NOT NULL,
    "started_by" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "touched_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "policy_trials_pkey" PRIMARY KEY ("id")
);
ALTER TABLE "policy_trials" ADD CONSTRAINT "policy_trials_state" CHECK ("state" IN ('running', 'done', 'failed'));
