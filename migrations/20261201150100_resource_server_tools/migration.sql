-- The tools of a resource server, as administrators describe them: a list of {name, title, description, risk, scope}, and whether
-- others may be asked for as well. Nullable: a row of before knows none.
ALTER TABLE "resource_servers"
  ADD COLUMN "tools" JSONB,
  ADD COLUMN "tools_open" BOOLEAN;
