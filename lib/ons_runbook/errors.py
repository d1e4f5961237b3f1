"""Every error of the library, one tree, so that callers catch as widely or as narrowly as they need.

    RunbookError                 anything this project raises on purpose
    ├── PlatformError            settings: unknown key, wrong type, missing file, endpoint that is not allowed
    │   └── SandboxNotRunning    the platform `sandbox` has no endpoint to talk to
    ├── CredentialsError         missing, expired or refused credentials
    ├── AccountMismatch          the credentials belong to another account than the platform's
    ├── ChangeNotApproved        the guard stopped a changing call
    ├── ChangeRefused            a plan that is not made, or not applied: nothing was changed
    │   ├── TooManyActions       more changes at once than the platform allows
    │   ├── Protected            a name that the platform's settings protect
    │   ├── NotThisPlan          the approval is of another plan, of none that was shown, or too old
    │   ├── Drifted              the platform is not as it was when the plan was made
    │   └── LockHeld             somebody else is changing the platform
    ├── ChangeFailed             a change that was tried and did not succeed, or nobody knows
    ├── JournalError             a journal that is not there, cannot be read or was edited
    ├── WindowError              a time window that cannot be read, is reversed or lies in the future
    ├── ParameterError           a procedure's parameter: unknown name, wrong type, out of range
    ├── ProcedureNotFound        no notebook of that name
    └── ReadError                a reading call that gave no answer
        ├── AccessDenied         the identity may not make this call
        ├── NotFound             the resource is not there
        ├── Throttled            the service refused the pace, retries included
        ├── Unreachable          nothing answered at the endpoint
        ├── NoAnswerInTime       something accepted the call and did not answer before the deadline
        └── UnexpectedAnswer     an answer that cannot be understood, or an ambiguous one

Each message names the resource and the call; `hint` says what to do next. `str(error)` is both.
"""


class RunbookError(Exception):
    """Base of the tree: a message, and in `hint` what to do next (empty when nothing can be said)."""

    def __init__(self, message: str, hint: str = "") -> None:
        # Both go to Exception.args: errors cross thread and process borders, and pickle rebuilds from args.
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class PlatformError(RunbookError):
    """A setting is missing, unknown, of the wrong type, or not allowed on this platform."""


class SandboxNotRunning(PlatformError):
    """The platform `sandbox` has no endpoint: not started, or its variables are not seen here."""


class CredentialsError(RunbookError):
    """Credentials are missing, expired or refused."""


class AccountMismatch(RunbookError):
    """The credentials belong to another AWS account than the platform expects."""


class ChangeNotApproved(RunbookError):
    """The guard stopped a call that changes something, before anything left the machine."""

    def __init__(self, service: str, operation: str, hint: str = "") -> None:
        self.service = service
        self.operation = operation
        super().__init__(
            f"{service}:{operation} changes the platform, and no approved plan is being applied.",
            hint or "Nothing was sent. Put the change into a plan, read it, and apply it with its id.",
        )

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.service, self.operation, self.hint)


class ChangeRefused(RunbookError):
    """A plan that is not made or not applied, and why; nothing was changed."""


class TooManyActions(ChangeRefused):
    """More changes at once than the platform's settings allow."""


class Protected(ChangeRefused):
    """A change to something that the platform's settings protect by name."""


class NotThisPlan(ChangeRefused):
    """The approval is of another plan, of one that was never shown here, or of one shown too long ago."""


class Drifted(ChangeRefused):
    """The platform is not as it was when the plan was made."""


class LockHeld(ChangeRefused):
    """Somebody else is changing the platform."""


class ChangeFailed(RunbookError):
    """A change that was tried and did not succeed, or of which nobody knows whether it did."""


class JournalError(RunbookError):
    """A journal that is not there, cannot be read, or was edited."""


class WindowError(RunbookError):
    """A time window that cannot be read, is reversed, empty or in the future."""


class ParameterError(RunbookError):
    """A parameter of a procedure: unknown, of the wrong type, or out of range."""


class ProcedureNotFound(RunbookError):
    """There is no procedure of that name."""


class ReadError(RunbookError):
    """A reading call gave no answer: whatever it was asked about is unknown, never healthy."""


class AccessDenied(ReadError):
    """The identity may not make this call."""


class NotFound(ReadError):
    """The resource is not there."""


class Throttled(ReadError):
    """The service refused the pace of calls, bounded retries included."""


class Unreachable(ReadError):
    """Nothing answered at the endpoint."""


class NoAnswerInTime(ReadError):
    """The call was accepted and not answered before its deadline."""


class UnexpectedAnswer(ReadError):
    """The answer cannot be understood, or is ambiguous."""
