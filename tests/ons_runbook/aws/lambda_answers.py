"""Lambda with function `rag`, its alias LIVE and what is kept warm of it, as its answers tell."""

from .answering import answer, refusal


class Lambda:
    """Function `rag` with alias LIVE on version 7; changed at will before it is asked."""

    def __init__(self):
        self.alias = {"FunctionVersion": "7"}
        self.config = {"MemorySize": 1024, "Architectures": ["x86_64"]}
        self.warm = {}
        self.reserved = {}
        self.limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}
        self.others = []

    def on(self, session):
        def missing(code="ResourceNotFoundException"):
            return refusal(session, "lambda", code, 404)

        def warm(FunctionName, Qualifier):
            there = FunctionName == "rag" and Qualifier == "LIVE"
            if not there:
                return missing()
            return self.warm or missing("ProvisionedConcurrencyConfigNotFoundException")

        def of_rag(found):
            return lambda FunctionName, **_: found() if FunctionName == "rag" else missing()

        return answer(
            session,
            "lambda",
            GetAlias=lambda FunctionName, Name: (
                self.alias if (FunctionName, Name) == ("rag", "LIVE") else missing()
            ),
            ListAliases={"Aliases": [{"Name": "LIVE"}]},
            ListFunctions={"Functions": [{"FunctionName": "rag"}, {"FunctionName": "router"}]},
            GetFunctionConfiguration=of_rag(lambda: self.config),
            GetFunctionConcurrency=of_rag(lambda: self.reserved),
            GetProvisionedConcurrencyConfig=warm,
            ListProvisionedConcurrencyConfigs=lambda **_: {"ProvisionedConcurrencyConfigs": self.others},
            GetAccountSettings=lambda: {"AccountLimit": self.limits},
        )


def provisioned(count, status="READY", **more):
    return {"RequestedProvisionedConcurrentExecutions": count, "Status": status, **more}


def other(alias, count):
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:rag:{alias}"
    return {"FunctionArn": arn, "RequestedProvisionedConcurrentExecutions": count}
