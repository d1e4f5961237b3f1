"""Errors of Python functions under the names that Lambda gives them.

MiniStack calls every exception `Runtime.HandlerError` and drops its stack, so that neither a caller nor a
`Catch` of Step Functions can tell one from another. Here the error document is the runtime's: errorType is
the exception's class, `Runtime.ImportModuleError`, `Runtime.HandlerNotFound`, `Runtime.ExitError`,
`Runtime.OutOfMemory` or `Sandbox.Timedout`. The function's memory limit holds. A throttled task fails as
`Lambda.TooManyRequestsException`.

https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
"""

import inspect
from typing import Any

from ons_sandbox.mends import lambda_bootstrap, mended, require

Record = dict[str, Any]


def install() -> None:
    """Run Python functions in environments of our own, and name their errors as AWS does."""
    runtime = mended(
        "ministack.core.lambda_runtime",
        *("_PYTHON_WORKER_SCRIPT", "INVOKE_DEPTH_BOOTSTRAP", "INVOKE_DEPTH_ENV", "DURABLE_ENV_VARS"),
        *("_worker_class_for", "acquire_worker", "release_worker", "invalidate_worker"),
        *("Worker._spawn", "Worker._drain_stderr", "Worker.invoke"),
    )
    service = mended(
        "ministack.services.lambda_svc",
        *("_execute_function_warm", "_ensure_reaper_thread", "_xray_trace_id_for_invocation"),
        *("_invoke_depth", "_durable_env_overlay"),
    )
    require(
        '{"status": "ready"' in runtime._PYTHON_WORKER_SCRIPT
        and "def _ms_install_invoke_depth" in runtime.INVOKE_DEPTH_BOOTSTRAP,
        "the worker script says that it is ready in one JSON line",
    )
    require(
        list(inspect.signature(service._execute_function_warm).parameters) == ["func", "event", "request_id"],
        "_execute_function_warm takes func, event and request_id",
    )
    runtime._PYTHON_WORKER_SCRIPT = (
        f"{runtime.INVOKE_DEPTH_BOOTSTRAP}\n"
        f"{inspect.getsource(lambda_bootstrap)}\n"
        "run(_ms_install_invoke_depth)\n"
    )
    _use_environments(runtime)
    _execute_in_environments(runtime, service)
    _name_throttles()


def _is_python(config: Record) -> bool:
    return str(config.get("Runtime", "")).startswith("python")


def _use_environments(runtime: Any) -> None:
    from ons_sandbox.mends.lambda_environment import Environment

    class_for = runtime._worker_class_for
    runtime._worker_class_for = lambda config: Environment if _is_python(config) else class_for(config)


def _execute_in_environments(runtime: Any, service: Any) -> None:
    original = service._execute_function_warm

    def execute(func: Record, event: Any, request_id: str) -> Record:
        config = func.get("config") or func
        if not _is_python(config) or not func.get("code_zip"):
            answer: Record = original(func, event, request_id)
            return answer
        service._ensure_reaper_thread()
        environment, _ = runtime.acquire_worker(
            config["FunctionName"], config, func["code_zip"], qualifier=config.get("Version", "$LATEST")
        )
        try:
            invocation = environment.invoke(
                event,
                request_id,
                trace_id=service._xray_trace_id_for_invocation(config),
                depth=service._invoke_depth.get(),
                durable=service._durable_env_overlay(),
                invoked_function_arn=config.get("FunctionArn", ""),
            )
        finally:
            runtime.release_worker(environment)
        return {
            "body": invocation.fault or invocation.result,
            "error": invocation.fault is not None,
            "log": "".join(text for _, text in invocation.events),
            # MiniStack hands this on to the writer of the log: there the whole invocation is needed.
            "log_source": invocation,
        }

    service._execute_function_warm = execute


def _name_throttles() -> None:
    """MiniStack fails a throttled task as Lambda.Unknown; retriers know Lambda.TooManyRequestsException."""
    stepfunctions = mended("ministack.services.stepfunctions", "_call_lambda", "_ExecutionError")
    original = stepfunctions._call_lambda

    def call_lambda(func_ref: str, event: Any) -> Any:
        try:
            return original(func_ref, event)
        except stepfunctions._ExecutionError as error:
            if error.error == "Lambda.Unknown" and '"TooManyRequestsException"' in error.cause:
                name = "Lambda.TooManyRequestsException"
                raise stepfunctions._ExecutionError(name, error.cause) from error
            raise

    stepfunctions._call_lambda = call_lambda
