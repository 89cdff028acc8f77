"""What describes a published set to those who use it. This package knows only `schemas`."""
