"""The calls that change who may do what, as CloudTrail names them: category and why each group matters.

Each group names the page of AWS that lists its operations. Calls that only look are left out, and so are
those that change what a resource does without changing who reaches it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Calls of one service that change access in one way. `everywhere`: recorded in us-east-1 only."""

    category: str
    source: str
    reason: str
    page: str
    everywhere: bool
    names: tuple[str, ...]


_IAM = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html"


def _group(
    category: str, source: str, reason: str, page: str, names: str, *, everywhere: bool = False
) -> Group:
    return Group(category, source, reason, page, everywhere, tuple(names.split()))


def _iam(category: str, reason: str, names: str) -> Group:
    return _group(category, "iam", reason, _IAM, names, everywhere=True)


GROUPS: tuple[Group, ...] = (
    _iam(
        "policy",
        "what a user, group or role may do",
        "PutUserPolicy PutGroupPolicy PutRolePolicy DeleteUserPolicy DeleteGroupPolicy DeleteRolePolicy "
        "AttachUserPolicy AttachGroupPolicy AttachRolePolicy DetachUserPolicy DetachGroupPolicy "
        "DetachRolePolicy CreatePolicy DeletePolicy CreatePolicyVersion DeletePolicyVersion "
        "SetDefaultPolicyVersion PutUserPermissionsBoundary PutRolePermissionsBoundary "
        "DeleteUserPermissionsBoundary DeleteRolePermissionsBoundary",
    ),
    _iam(
        "access key",
        "a credential that works from anywhere",
        "CreateAccessKey UpdateAccessKey DeleteAccessKey CreateServiceSpecificCredential "
        "ResetServiceSpecificCredential UpdateServiceSpecificCredential UploadSSHPublicKey "
        "UpdateSSHPublicKey UploadSigningCertificate UpdateSigningCertificate",
    ),
    _iam(
        "user or group",
        "who there is, and what they inherit",
        "CreateUser UpdateUser DeleteUser CreateGroup UpdateGroup DeleteGroup AddUserToGroup "
        "RemoveUserFromGroup",
    ),
    _iam(
        "role",
        "who may become whom",
        "CreateRole UpdateRole DeleteRole UpdateAssumeRolePolicy CreateServiceLinkedRole "
        "DeleteServiceLinkedRole CreateInstanceProfile AddRoleToInstanceProfile "
        "RemoveRoleFromInstanceProfile",
    ),
    _iam(
        "password or MFA",
        "how people prove who they are",
        "CreateLoginProfile UpdateLoginProfile DeleteLoginProfile ChangePassword UpdateAccountPasswordPolicy "
        "DeleteAccountPasswordPolicy CreateVirtualMFADevice EnableMFADevice DeactivateMFADevice "
        "ResyncMFADevice DeleteVirtualMFADevice",
    ),
    _iam(
        "identity provider",
        "who else may say who somebody is",
        "CreateSAMLProvider UpdateSAMLProvider DeleteSAMLProvider CreateOpenIDConnectProvider "
        "DeleteOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint "
        "AddClientIDToOpenIDConnectProvider RemoveClientIDFromOpenIDConnectProvider",
    ),
    _group(
        "organization",
        "organizations",
        "the limits above every policy of the account",
        "https://docs.aws.amazon.com/organizations/latest/APIReference/API_Operations.html",
        "CreatePolicy UpdatePolicy DeletePolicy AttachPolicy DetachPolicy DisablePolicyType "
        "LeaveOrganization",
        everywhere=True,
    ),
    _group(
        "access analyzer",
        "access-analyzer",
        "who watches for access from outside",
        "https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_Operations.html",
        "CreateAnalyzer DeleteAnalyzer CreateArchiveRule UpdateArchiveRule",
    ),
    _group(
        "audit trail",
        "cloudtrail",
        "whether all of this is recorded",
        "https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html",
        "StopLogging DeleteTrail UpdateTrail PutEventSelectors",
    ),
    _group(
        "encryption key",
        "kms",
        "who may decrypt",
        "https://docs.aws.amazon.com/kms/latest/developerguide/logging-using-cloudtrail.html",
        "PutKeyPolicy CreateGrant DisableKey ScheduleKeyDeletion",
    ),
    _group(
        "bucket",
        "s3",
        "who may read and write the files",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html",
        "PutBucketPolicy DeleteBucketPolicy PutBucketAcl PutBucketPublicAccessBlock "
        "DeleteBucketPublicAccessBlock PutAccountPublicAccessBlock "
        "DeleteAccountPublicAccessBlock PutBucketOwnershipControls PutAccessPointPolicy",
    ),
    _group(
        "security group",
        "ec2",
        "which addresses reach which ports",
        "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Operations.html",
        "CreateSecurityGroup DeleteSecurityGroup AuthorizeSecurityGroupIngress "
        "AuthorizeSecurityGroupEgress RevokeSecurityGroupIngress RevokeSecurityGroupEgress "
        "ModifySecurityGroupRules",
    ),
    _group(
        # Lambda's events carry the version of its API, and some a revision of that.
        "function",
        "lambda",
        "who may invoke a function, and as whom it runs",
        "https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html",
        "AddPermission20150331 AddPermission20150331v2 RemovePermission20150331 "
        "RemovePermission20150331v2 AddLayerVersionPermission20181031 CreateFunctionUrlConfig "
        "UpdateFunctionUrlConfig",
    ),
    _group(
        "secret",
        "secretsmanager",
        "who may read the passwords of programs",
        "https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html",
        "PutResourcePolicy DeleteResourcePolicy",
    ),
    _group(
        "API key",
        "apigateway",
        "who may call the API",
        "https://docs.aws.amazon.com/apigateway/latest/developerguide/cloudtrail.html",
        "CreateApiKey UpdateApiKey DeleteApiKey CreateUsagePlanKey DeleteUsagePlanKey",
    ),
)


def group_of(source: str, name: str) -> Group | None:
    """The group of a call by its source (`iam.amazonaws.com`) and name; None when it changes no access."""
    service = source.removesuffix(".amazonaws.com")
    return next((group for group in GROUPS if group.source == service and name in group.names), None)


def names(*, everywhere: bool) -> list[str]:
    """The names to look up for services of the whole account (`everywhere`), or for those of a region."""
    return list(dict.fromkeys(n for group in GROUPS if group.everywhere == everywhere for n in group.names))
