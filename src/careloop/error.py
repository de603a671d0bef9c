"""What can go wrong, as one small tree.

    CareloopError            anything raised on purpose by this package       exit code 1
    ├── InputError           data from outside is wrong: where, what, how to mend it   3
    ├── ConfigError          a mapping, dictionary, rule or setting is wrong           4
    ├── MissingExtra         an optional dependency is needed: which extra, what for   5
    └── NotValidated         something unproven was asked for without saying so        6

The command line shows these without a traceback. Their texts may hold a patient's value (they are
meant for the user's own screen and for the file of rejected rows) and so must never be logged.
"""


class CareloopError(Exception):
    """Base of every error raised on purpose."""

    exit_code = 1


class InputError(CareloopError):
    """Data from outside breaks a rule.

    Parameters
    ----------
    problem
        The rule that is broken and the value found.
    where
        File, row, column: as near to the fault as is known.
    remedy
        What the user can do about it.
    """

    exit_code = 3

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        self.problem, self.where, self.remedy = problem, where, remedy
        head = f"{where}: {problem}" if where else problem
        super().__init__(f"{head}\n  → {remedy}" if remedy else head)


class ConfigError(InputError):
    """A mapping, dictionary file, rule or setting is wrong (same parts as `InputError`)."""

    exit_code = 4


class MissingExtra(CareloopError):
    """An optional dependency is not installed; the text names the extra and what it is for."""

    exit_code = 5


class NotValidated(CareloopError):
    """Something unproven was asked for without saying so explicitly."""

    exit_code = 6
