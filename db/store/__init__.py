"""What can be asked of and told to the database, by noun; every function takes a session first."""
