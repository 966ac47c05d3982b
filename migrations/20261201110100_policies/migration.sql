-- The administrators' policies. Every save is a version of the whole set: what was in force at a time can be read, asked again, and put back.
-- CreateTable
CREATE TABLE "policy_versions" (
    "version" INTEGER NOT NULL,
    "policies" JSONB NOT NULL,
    "summary" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "changed_by" TEXT NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,
    "restores" INTEGER,

    CONSTRAINT "policy_versions_pkey" PRIMARY KEY ("version")
);
ALTER TABLE "policy_versions" ADD CONSTRAINT "policy_versions_counted" CHECK ("version" >= 1);

-- The version that is in force, for the ledger: a token is written only if it was decided under this one (security rule R13).
CREATE VIEW "policies_in_force" AS SELECT coalesce(max("version"), 0) AS "version" FROM "policy_versions";
