"""The outbox clock: delivers what is due until told to stop."""
