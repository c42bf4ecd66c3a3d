"""A project's report: one file to read, print or send, as HTML or PDF."""
