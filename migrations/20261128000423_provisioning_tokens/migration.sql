-- CreateTable
CREATE TABLE "provisioning_tokens" (
    "id" TEXT NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "client_id" TEXT NOT NULL,
    "ends_in" TEXT NOT NULL,
    "may_write" BOOLEAN NOT NULL,
    "addresses" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "last_used_from" TEXT,
    "refused_at" TIMESTAMPTZ(3),
    "refused_from" TEXT,
    "refusal" TEXT,

    CONSTRAINT "provisioning_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "provisioning_tokens_token_hash_key" ON "provisioning_tokens"("token_hash");

-- CreateIndex
CREATE INDEX "provisioning_tokens_client_id_id_idx" ON "provisioning_tokens"("client_id", "id");

-- AddForeignKey
ALTER TABLE "provisioning_tokens" ADD CONSTRAINT "provisioning_tokens_client_id_fkey" FOREIGN KEY ("client_id") REFERENCES "clients"("client_id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- Nobody pastes a secret that outlives a year; refused here too, whoever asks.
ALTER TABLE "provisioning_tokens" ADD CONSTRAINT "provisioning_tokens_lifetime_check"
CHECK ("expires_at" > "created_at" AND "expires_at" <= "created_at" + interval '365 days');

-- What the doctor asks: tokens that an identity provider may show, unless they ran out.
CREATE VIEW "usable_provisioning_tokens" AS
SELECT token."id", client."name", token."ends_in", token."expires_at", COALESCE(token."last_used_at", token."created_at") AS "idle_since"
FROM "provisioning_tokens" token JOIN "clients" client USING ("client_id")
WHERE token."revoked_at" IS NULL AND client."status" = 'active' AND client."is_management";
