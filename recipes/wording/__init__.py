"""The language part of the rules: small modules over plain text, English only."""
