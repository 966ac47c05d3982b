-- CreateTable
CREATE TABLE "proof_keys" (
    "kid" TEXT NOT NULL,
    "purpose" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "private_jwk" BYTEA,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "retired_at" TIMESTAMPTZ(3),

    CONSTRAINT "proof_keys_pkey" PRIMARY KEY ("kid")
);

-- CreateIndex
CREATE INDEX "proof_keys_purpose_created_at_idx" ON "proof_keys"("purpose", "created_at");

-- One key signs for a purpose; two servers that make the first one at the same time end up with the same.
CREATE UNIQUE INDEX "proof_keys_current" ON "proof_keys"("purpose") WHERE "retired_at" IS NULL;
ALTER TABLE "proof_keys" ADD CONSTRAINT "proof_keys_private" CHECK (("retired_at" IS NULL) = ("private_jwk" IS NOT NULL));

-- What whoever decided can be held to: signed in the transaction of the decision.
ALTER TABLE "approvals" ADD COLUMN "receipt" TEXT;
