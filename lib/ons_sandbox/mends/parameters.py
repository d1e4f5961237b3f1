"""Parameter Store: a standard parameter holds 4 KB, and its history says who wrote it.

MiniStack takes a value of any size, and names root as the writer of every version.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterHistory.html
"""

from typing import Any

from ons_sandbox.mends import mended

Answer = tuple[int, dict[str, Any], bytes]

MAX_STANDARD, MAX_ADVANCED = 4096, 8192


def install() -> None:
    """Check the size of values, and note who writes them."""
    ssm: Any = mended(
        "ministack.services.ssm",
        *("_put_parameter", "_parameters", "_parameter_history", "_default_tier", "error_response_json"),
    )
    evaluator: Any = mended("ministack.core.iam_evaluator", "_verified_key", "resolve_caller_identity")
    original = ssm._put_parameter

    def put_parameter(data: dict[str, Any]) -> Answer:
        value, name = data.get("Value", ""), data.get("Name", "")
        tier = data.get("Tier") or ssm._default_tier(data, value, ssm._parameters.get(name))
        most = MAX_STANDARD if tier == "Standard" else MAX_ADVANCED
        if len(value.encode()) > most:
            message = f"{tier} tier parameters support a maximum parameter value of {most} characters."
            if tier == "Standard":
                message += " To create a larger parameter value, upgrade the parameter to use the "
                message += "advanced-parameter tier."
            refused: Answer = ssm.error_response_json("ValidationException", message, 400)
            return refused
        answer: Answer = original(data)
        caller = evaluator.resolve_caller_identity(evaluator._verified_key.get())
        if answer[0] == 200 and caller:
            ssm._parameter_history[name][-1]["LastModifiedUser"] = caller["userArn"]
        return answer

    ssm._put_parameter = put_parameter
