"""The package of a version is that version's own.

MiniStack's GetFunction gives every version the same Code.Location, where the newest code is. On AWS it leads
to the package of the version that was asked for, whose hash is CodeSha256.

https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
"""

import inspect
from contextvars import ContextVar
from typing import Any

from ons_sandbox.mends import mended, require

_Answer = tuple[int, dict[str, str], bytes]
# Of the GetFunction under way; where the address is written nothing tells which version it is for.
_asked: ContextVar[str] = ContextVar("asked", default="")


def install() -> None:
    """Put the version into the address, and serve its package there."""
    service = mended(
        "ministack.services.lambda_svc",
        "_get_function",
        "_get_func_record_for_qualifier",
        "_presigned_code_url",
        "serve_function_code",
        "_functions",
    )
    require(
        "_presigned_code_url(name)" in inspect.getsource(service._get_function),
        "_get_function calls _presigned_code_url(name)",
    )
    get_function, address, serve = (
        service._get_function,
        service._presigned_code_url,
        service.serve_function_code,
    )

    def of_version(name: str, qualifier: str | None = None) -> Any:
        _, configuration = (
            service._get_func_record_for_qualifier(name, qualifier)
            if name in service._functions
            else (None, None)
        )
        token = _asked.set(str((configuration or {}).get("Version", "")))
        try:
            return get_function(name, qualifier)
        finally:
            _asked.reset(token)

    def address_of_version(name: str) -> str:
        return str(address(f"{name}:{_asked.get()}"))

    def serve_version(name: str, account_id: str | None = None, region: str | None = None) -> _Answer:
        name, _, version = name.partition(":")
        function = service._functions.get_scoped(account_id, region, name)
        published = (function or {}).get("versions", {}).get(version)
        if published is None:
            answer: _Answer = serve(name, account_id=account_id, region=region)
            return answer
        return 200, {"Content-Type": "application/zip"}, published.get("code_zip") or b""

    service._get_function = of_version
    service._presigned_code_url = address_of_version
    service.serve_function_code = serve_version
