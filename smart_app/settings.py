"""Environment and site file into Settings."""
