-- Whoever acts for itself without being an agent, as long as its client may ask for tokens.
CREATE VIEW "live_services" AS
SELECT "service_id", "client_id" FROM "clients" WHERE "status" = 'active' AND "service_id" IS NOT NULL;
