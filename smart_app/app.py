"""The one composition root: everyone is known here and nowhere else."""
