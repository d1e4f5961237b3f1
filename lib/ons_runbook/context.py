"""What a notebook starts and ends with: `begin`, and on what it gives `ask`, `check`, `plan`, `finish`.

    rb = begin("health/daily_health_check", platform=platform, window=window, until=until)
    answers = rb.ask(functions=lambda: lambdas.health(rb.session, names, rb.window, alias="LIVE"))
    rb.check(lambdas.judge, answers.functions, …)
    proposal = rb.plan(rollback.changes, rb.session, answers.functions, function=function)
    rb.apply(proposal)
    rb.finish()

Works in JupyterLab, under papermill and in plain Python alike.
https://papermill.readthedocs.io/en/latest/usage-parameterize.html
"""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ons_runbook import kernel, show
from ons_runbook.calls import Outcome, side_by_side
from ons_runbook.checkout import commit
from ons_runbook.checks import Check, Verdict, names_covered, severity, unknown, worst
from ons_runbook.errors import ParameterError, ReadError, RunbookError
from ons_runbook.plan import Changes, Who
from ons_runbook.platform import Platform, load_platform
from ons_runbook.proposal import Proposal
from ons_runbook.result import RESULT_MIME, CheckResult, ContactResult, Result, WindowResult
from ons_runbook.session import Session
from ons_runbook.window import Window, utc_now

#: Seconds until a question that has no answer yet is given up.
DEADLINE = 30.0

Rule = Callable[..., Check | list[Check]]


@dataclass(frozen=True)
class Answer:
    """What came of one question: a value or an error, and the evidence (calls, seconds, when)."""

    name: str
    value: Any
    error: Exception | None
    evidence: str
    seconds: float

    def reason(self) -> str:
        """Why there is no value, in one sentence; empty when there is one."""
        if self.error is None:
            return ""
        return (
            str(self.error)
            if isinstance(self.error, RunbookError)
            else f"{type(self.error).__name__}: {self.error}"
        )

    def shown(self) -> show.Shown:
        """The answer as its table, or as the sentence that says why there is none."""
        if self.error is not None:
            return show.note(f"{show.heading(self.name)} could not be read: {self.reason()}")
        return show.value(self.value)

    def view(self, of: Callable[..., Any], **options: Any) -> "Answer":
        """The same answer seen otherwise: `of` makes another table of its value; an error stays."""
        return self if self.error is not None else replace(self, value=of(self.value, **options))

    def chart(self, draw: Callable[..., show.Shown], **options: Any) -> show.Shown:
        """The value as a chart drawn by `draw`, or the sentence that says why there is none."""
        return self.shown() if self.error is not None else draw(self.value, **options)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.shown()._repr_mimebundle_()

    def __str__(self) -> str:
        return str(self.shown())


class Answers:
    """Answers by the name of their question: `answers.functions`."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self._answers = answers

    def __getattr__(self, name: str) -> Answer:
        try:
            answer: Answer = self.__dict__["_answers"][name]
        except KeyError:
            raise AttributeError(
                f"nothing was asked as {name!r}; asked: {', '.join(self._answers)}"
            ) from None
        return answer

    def __iter__(self) -> Iterator[Answer]:
        return iter(self._answers.values())

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._answers]

    def __repr__(self) -> str:
        failed = [answer.name for answer in self if answer.error is not None]
        state = f"; could not be read: {', '.join(failed)}" if failed else ""
        return f"{len(self._answers)} answers: {', '.join(self._answers)}{state}"


class Runbook:
    """One run of one procedure. Made by `begin`."""

    def __init__(
        self, procedure: str, platform: Platform, window: Window, parameters: dict[str, Any]
    ) -> None:
        self.procedure = procedure
        self.platform = platform
        self.window = window
        self.parameters = parameters
        self.session = Session(platform)
        self.started = utc_now()
        self.run_id = os.environ.get("RUNBOOK_RUN_ID") or self._new_run_id()
        self.commit = commit()
        self.checks: list[Check] = []
        self.result: Result | None = None
        self.proposal: Proposal | None = None
        self._applied = 0
        self._durations: dict[str, float] = {}
        self._identity_problem = ""

    def _new_run_id(self) -> str:
        tail = self.procedure.rpartition("/")[2]
        return f"{self.started:%Y%m%dT%H%M%SZ}-{tail}-{secrets.token_hex(2)}"

    @property
    def title(self) -> str:
        """The procedure's name as people read it."""
        return self.procedure.rpartition("/")[2].replace("_", " ").capitalize()

    def ask(self, *, deadline: float = DEADLINE, **questions: Callable[[], Any]) -> Answers:
        """Ask independent questions side by side, and wait for all of them, at most `deadline` seconds.

        An exception, or no answer in time, becomes part of its answer; nothing is raised here.
        """
        outcomes = side_by_side(questions, deadline=deadline)
        answers = {name: self._answer(name, outcome) for name, outcome in outcomes.items()}
        self._durations |= {name: round(answer.seconds, 3) for name, answer in answers.items()}
        # Reading may have brought secrets to light (a token from Secrets Manager).
        kernel.protect(self.session.redactor())
        return Answers(answers)

    def _answer(self, name: str, outcome: Outcome[Any]) -> Answer:
        calls = str(outcome.calls) or "no call was answered"
        evidence = f"{calls}; {outcome.seconds:.1f} s, answered by {utc_now():%H:%M:%S} UTC"
        return Answer(name, outcome.value, outcome.error, evidence, outcome.seconds)

    def check(self, rule: Rule, answer: Answer, *, names: list[str] | None = None, **limits: Any) -> None:
        """Judge an answer by a rule, show the verdicts, and keep them for the result.

        `limits` go to the rule as they are. Without a value, or when the rule itself breaks, the checks
        that the rule covers (or `names`) are `unknown`, with the reason.
        """
        checks = self._judge(rule, answer, names, limits)
        self.checks += [check.with_evidence(answer.evidence) for check in checks]
        kernel.display(show.together(show.verdicts(checks), show.note(f"Asked: {answer.evidence}.")))

    def _judge(
        self, rule: Rule, answer: Answer, names: list[str] | None, limits: dict[str, Any]
    ) -> list[Check]:
        reason = answer.reason()
        if answer.error is None:
            try:
                made = rule(answer.value, **limits)
                return made if isinstance(made, list) else [made]
            except Exception as error:  # noqa: BLE001 - a broken rule is an unknown verdict, not the end of the run
                reason = f"The rule broke: {type(error).__name__}: {error}"
        return [unknown(name, reason) for name in names or names_covered(rule, limits)]

    def plan(self, build: Callable[..., Changes], *given: Any, **options: Any) -> Proposal:
        """The plan that a builder makes, with its id; it displays itself. Nothing is changed.

        `given` and `options` go to the builder, answers as their values. When one of them could not be read,
        or the builder refuses, the proposal says why, and there is nothing to apply.
        """

        def built() -> Changes:
            for answer in (*given, *options.values()):
                if isinstance(answer, Answer) and answer.error is not None:
                    raise ReadError(f"{show.heading(answer.name)} could not be read: {answer.reason()}")
            return build(*map(_value, given), **{name: _value(option) for name, option in options.items()})

        self.proposal = Proposal(self.session, self.procedure, built)
        self.proposal.propose(self.run_id, self._approve)
        kernel.protect(self.session.redactor())
        return self.proposal

    def apply(self, proposal: Proposal, *, take_lock: str = "") -> None:
        """Carry out a proposal when the parameter `approve` is its plan's id; show what became of it.

        `take_lock` is "owner: reason", to take the lock from a run that is known to be dead; headless it
        comes from --take-lock.
        """
        identity = self._who()[1] or ""
        self._applied += 1
        run = self.run_id if self._applied == 1 else f"{self.run_id}-{self._applied}"
        who = Who(run, self.procedure, identity, self.commit)
        proposal.apply(self._approve, who, take_lock or os.environ.get("RUNBOOK_TAKE_LOCK", ""))
        check = proposal.check()
        self.checks.append(check)
        kernel.display(show.together(show.verdicts([check]), proposal.ended()))

    @property
    def _approve(self) -> str:
        return str(self.parameters.get("approve", "")).strip()

    def verdicts(self) -> show.Shown:
        """Each check so far by name and verdict alone: the same at every run, as long as the verdicts are."""
        return show.verdicts([Check(check.name, check.verdict, "", "") for check in self.checks])

    def finish(self) -> None:
        """Show what it all comes to and whom to tell, and emit the result for programs."""
        verdict = worst(check.verdict for check in self.checks)
        told = self.platform.escalation if severity(verdict) >= severity(Verdict.UNKNOWN) else ()
        result = self._result(verdict, [ContactResult(**contact.model_dump()) for contact in told])
        self.result = Result.model_validate(self.session.redactor().redact_json(result.to_dict()))
        kernel.display(self._summary(verdict, told))
        line = f"{self.procedure} {self.run_id}: {verdict}"
        if kernel.shell() is not None:
            kernel.display(show.Shown("", line, {RESULT_MIME: self.result.to_dict()}))

    def _summary(self, verdict: Verdict, told: tuple[Any, ...]) -> show.Shown:
        passed = sum(check.verdict is Verdict.PASS for check in self.checks)
        sentence = f"{passed} of {len(self.checks)} checks pass" if self.checks else "nothing was checked"
        if self.proposal and self.proposal.status == "proposed":
            sentence += "; what is proposed waits for an approval, and nothing was changed"
        parts = [show.verdict(verdict, f"{self.title}: {sentence}.")]
        if passed < len(self.checks):
            parts.append(show.problems(self.checks))
        if told:
            rows = [(c.role, " · ".join(part for part in (c.slack, c.email, c.phone) if part)) for c in told]
            parts.append(show.facts(rows, "Whom to tell"))
        return show.together(*parts)

    def _result(self, verdict: Verdict, told: list[ContactResult]) -> Result:
        account, identity = self._who()
        return Result(
            procedure=self.procedure,
            title=self.title,
            section=self.procedure.rpartition("/")[0],
            platform=self.platform.name,
            account=account,
            region=self.platform.region,
            identity=identity,
            run_id=self.run_id,
            commit=self.commit,
            started=self.started,
            finished=utc_now(),
            window=WindowResult(start=self.window.start, end=self.window.end),
            parameters=self.parameters,
            verdict=verdict,
            checks=[CheckResult.of(check) for check in self.checks],
            plan=self.proposal.result() if self.proposal else None,
            whom_to_tell=told,
            durations=self._durations,
        )

    def _who(self) -> tuple[str | None, str | None]:
        try:
            identity = self.session.identity
        except ReadError as error:
            self._identity_problem = str(error)
            return None, None
        return identity.account, identity.arn

    def banner(self) -> show.Shown:
        """Which procedure runs on what, as whom, over which window; asks for the identity."""
        account, arn = self._who()
        return show.banner(
            self.title,
            [
                ("platform", self.platform.name),
                ("account", account or "not known: every call to AWS will be refused"),
                ("region", self.platform.region),
                ("identity", arn or self._identity_problem),
                ("window", str(self.window)),
                ("commit", self.commit or "not known"),
                ("mode", self._mode()),
            ],
        )

    def _mode(self) -> str:
        if "approve" not in self.parameters:
            return "READ ONLY: nothing can be changed from here"
        if not self._approve:
            return "PLAN: shows what would be changed, and changes nothing"
        return f"APPLY: changes what plan {self._approve} says, if that is still the plan"


def _value(given: Any) -> Any:
    return given.value if isinstance(given, Answer) else given


def begin(procedure: str, /, **parameters: Any) -> Runbook:
    """Begin a run: check the parameters, load the platform, find out who is calling, and show the banner.

    `procedure` is the notebook's path under notebooks/ without suffix; `parameters` are all of its
    parameters, of which `platform`, `window` and `until` are understood here. Raises ParameterError for a
    value of another type than the notebook's annotation, WindowError, PlatformError, CredentialsError,
    AccountMismatch. An endpoint that does not answer raises nothing: what is asked of it will be unknown.
    """
    _check_types(parameters)
    platform = load_platform(str(parameters.get("platform", "sandbox")))
    window = Window.parse(parameters.get("window", "1h"), parameters.get("until", "now"))
    rb = Runbook(procedure, platform, window, parameters)
    kernel.protect(rb.session.redactor())
    kernel.display(rb.banner())
    return rb


def _check_types(parameters: dict[str, Any]) -> None:
    # The parameters cell annotates its names; what papermill injects after it has no annotation of its own.
    annotations = getattr(sys.modules.get("__main__"), "__annotations__", {})
    for name, value in parameters.items():
        if name not in annotations:
            continue
        try:
            TypeAdapter(annotations[name]).validate_python(value, strict=True)
        except ValidationError:
            wanted = getattr(annotations[name], "__name__", None) or str(annotations[name])
            raise ParameterError(
                f"Parameter {name} is {value!r}, which is {type(value).__name__}; it must be {wanted}.",
                "With papermill, -r passes text as it is, and -y 'name: value' a typed value.",
            ) from None
