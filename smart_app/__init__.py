"""The application: rules, use cases, store, pages, command line, and a sandbox EHR to try it against."""
