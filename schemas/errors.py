"""Errors that are a user's to mend, each one readable line.

PairwrightError
├── ConfigError      the configuration or the command is wrong: exit status 2, before anything starts
└── RunError         the run cannot go on; what is committed stays: exit status 1
    ├── DropRatioError   a stage dropped more than max_drop_ratio
    └── AccountingError  in != published + dropped + failed
"""


class PairwrightError(Exception):
    """What a user can mend; the message is one line that says how."""


class ConfigError(PairwrightError):
    """The configuration or the command is wrong."""


class RunError(PairwrightError):
    """The run cannot go on."""


class DropRatioError(RunError):
    """A stage dropped more than it may."""


class AccountingError(RunError):
    """Samples were lost or counted twice: a defect of ours."""
