"""After the course: boosters, maintenance, and doses that the patient takes alone."""
