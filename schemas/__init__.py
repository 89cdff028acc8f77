"""The records that flow through Pairwright. This package knows no other of ours."""
