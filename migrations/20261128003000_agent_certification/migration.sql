-- AlterTable
ALTER TABLE "agents" ADD COLUMN     "last_confirmed_at" TIMESTAMPTZ(3),
ADD COLUMN     "last_confirmed_by" TEXT;

-- CreateTable
CREATE TABLE "certification_campaigns" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "note" TEXT NOT NULL,
    "risk_levels" TEXT[],
    "owner_id" TEXT,
    "unconfirmed_days" INTEGER,
    "due_at" TIMESTAMPTZ(3) NOT NULL,
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "closed_at" TIMESTAMPTZ(3),
    "cancelled_by" TEXT,
    "cancel_reason" TEXT,

    CONSTRAINT "certification_campaigns_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "certification_items" (
    "campaign_id" TEXT NOT NULL,
    "agent_id" TEXT NOT NULL,
    "owner_kind" TEXT,
    "owner_id" TEXT,
    "state" TEXT NOT NULL,
    "decided_by" TEXT,
    "decided_as" TEXT,
    "decided_at" TIMESTAMPTZ(3),
    "comment" TEXT,

    CONSTRAINT "certification_items_pkey" PRIMARY KEY ("campaign_id","agent_id")
);

-- CreateIndex
CREATE INDEX "certification_items_agent_id_idx" ON "certification_items"("agent_id");

-- AddForeignKey
ALTER TABLE "certification_items" ADD CONSTRAINT "certification_items_campaign_id_fkey" FOREIGN KEY ("campaign_id") REFERENCES "certification_campaigns"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- AddForeignKey
ALTER TABLE "certification_items" ADD CONSTRAINT "certification_items_agent_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE RESTRICT ON UPDATE RESTRICT;

-- A campaign that was cancelled is over, and says who ended it and why.
ALTER TABLE "certification_campaigns" ADD CONSTRAINT "certification_campaigns_cancelled" CHECK (("cancelled_by" IS NULL) = ("cancel_reason" IS NULL) AND ("cancelled_by" IS NULL OR "closed_at" IS NOT NULL));
ALTER TABLE "certification_campaigns" ADD CONSTRAINT "certification_campaigns_unconfirmed_days" CHECK ("unconfirmed_days" BETWEEN 1 AND 3650);

ALTER TABLE "certification_items" ADD CONSTRAINT "certification_items_state" CHECK ("state" IN ('open', 'confirmed', 'declined', 'expired', 'dropped'));
ALTER TABLE "certification_items" ADD CONSTRAINT "certification_items_owner" CHECK (("owner_id" IS NULL) = ("owner_kind" IS NULL));
-- What is open nobody decided yet; what somebody decided names them, and whether they answered as its owner.
ALTER TABLE "certification_items" ADD CONSTRAINT "certification_items_decided" CHECK (
  ("state" = 'open') = ("decided_at" IS NULL)
  AND ("decided_by" IS NULL) = ("decided_as" IS NULL)
  AND ("decided_as" IS NULL OR "decided_as" IN ('owner', 'administrator'))
  AND ("state" NOT IN ('confirmed', 'declined') OR "decided_by" IS NOT NULL)
  AND ("state" NOT IN ('open', 'dropped') OR "decided_by" IS NULL)
);

-- What still waits: for the job at the due date, and for the end of a campaign.
CREATE INDEX "certification_items_open" ON "certification_items"("campaign_id", "agent_id") WHERE "state" = 'open';
-- Campaigns that run are few among those that ran.
CREATE INDEX "certification_campaigns_running" ON "certification_campaigns"("due_at") WHERE "closed_at" IS NULL;
