"""What the screens share: page frame, project and reviewer, job progress, tables, error texts."""
