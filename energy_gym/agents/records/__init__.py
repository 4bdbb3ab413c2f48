"""What was played, kept: experts that record it, files that hold it, and learners' readers of it."""
