"""The outbox on its way into the EHR: sent, read back, compared, told."""
