-- How a token came to be: the grant of the token endpoint, and for one that was made from another, by which right its holder
-- might make it (security rule R1) and under which delegation. Nullable: rows written before know nothing of it.
ALTER TABLE "token_ledger"
  ADD COLUMN "grant_type" TEXT,
  ADD COLUMN "basis" TEXT,
  ADD COLUMN "delegation_id" TEXT;
