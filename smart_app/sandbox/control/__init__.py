"""For tests only (--control): faults on demand, the raw store, a log of requests without tokens."""
