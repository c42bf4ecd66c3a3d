"""What RSQA does, once for the app and the command line."""
