"""A course of treatment: enrolment, what opens and holds it, and the messages of its care plan."""
