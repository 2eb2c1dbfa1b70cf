"""A session's note as a document: XHTML always, a tagged PDF where typst is installed."""
