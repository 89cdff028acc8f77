"""What to ask: one file a method, each with its prompt, its reply's schema and its checks."""
