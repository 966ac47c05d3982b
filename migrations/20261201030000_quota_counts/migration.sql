-- What is counted on all servers together, in the shape in which rate-limiter-flexible asks for it: key, points, end (ms since 1970).
CREATE TABLE "quota_counts" (
    "key" TEXT NOT NULL,
    "points" INTEGER NOT NULL,
    "expire" BIGINT,

    CONSTRAINT "quota_counts_pkey" PRIMARY KEY ("key")
);

CREATE INDEX "quota_counts_expire_idx" ON "quota_counts"("expire");
