"""Demo pictures with known truth: rendered scenes, real photographs, and web-like shards made of both."""
