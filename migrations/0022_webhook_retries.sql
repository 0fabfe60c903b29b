-- Finds the deliveries of an endpoint that took more than one attempt, of which there are few.
CREATE INDEX webhook_deliveries_retried ON webhook_deliveries (endpoint_id, id) WHERE attempts > 1;
