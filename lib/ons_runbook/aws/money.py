"""Amounts as plans and tables say them.

AWS charges storage by the GB of 2**30 bytes:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/aws-usage-report-understand.html
"""

GB = 2**30
_CENT = 0.01


def dollars(usd: float) -> str:
    """An amount, `12.41` or `under 0.01`, with a minus when it is one."""
    if 0 < abs(usd) < _CENT:
        return "under 0.01" if usd > 0 else "less than 0.01 lost"
    return f"{usd + 0.0:,.2f}"


def size(count: int) -> str:
    """Bytes in three figures: `8.97 MB`. As AWS counts: 1 kB is 1,024 bytes."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(amount) < 999.5:
            return f"{amount:.3g} {unit}"
        amount /= 1024
    return f"{amount:,.1f} TB"
