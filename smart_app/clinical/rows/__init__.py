"""The rows of the table of rules, a file for each family; `criteria` puts them in order."""
