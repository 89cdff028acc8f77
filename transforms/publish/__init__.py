"""Writing what a run leaves behind: planned shards, their index, and the checks on both."""
