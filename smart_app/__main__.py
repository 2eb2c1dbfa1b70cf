"""Lets `python -m smart_app` be the command line."""
