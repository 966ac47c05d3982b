-- AlterTable
ALTER TABLE "oidc_artifacts" ADD COLUMN     "family_hash" BYTEA,
ADD COLUMN     "successor" BYTEA;

-- AlterTable
ALTER TABLE "token_ledger" ADD COLUMN     "family_hash" BYTEA;

-- CreateTable
CREATE TABLE "oidc_ended_families" (
    "family_hash" BYTEA NOT NULL,
    "ended_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "oidc_ended_families_pkey" PRIMARY KEY ("family_hash")
);

-- CreateIndex
CREATE INDEX "oidc_ended_families_expires_at_idx" ON "oidc_ended_families"("expires_at");

-- Only refresh tokens and what they lead to have a family: the others do not pay for the index.
CREATE INDEX "oidc_artifacts_family_hash_idx" ON "oidc_artifacts"("family_hash") WHERE "family_hash" IS NOT NULL;

CREATE INDEX "token_ledger_family_hash_idx" ON "token_ledger"("family_hash") WHERE "family_hash" IS NOT NULL;

-- A successor stands under the token it replaced for a minute: what is to be forgotten is found without a search.
CREATE INDEX "oidc_artifacts_successor_idx" ON "oidc_artifacts"("consumed_at") WHERE "successor" IS NOT NULL;

-- A family is one connection of one client, from the answer of a person on; who reads this view sees those that were ended.
CREATE VIEW "ended_refresh_families" AS SELECT "family_hash" FROM "oidc_ended_families";
