"""S3: the raw and the processed bucket, private, encrypted, versioned, telling EventBridge of each object.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html
"""

from typing import Any

from ons_sandbox.platform import names
from ons_sandbox.platform.clients import Clients

PRIVATE = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
# Of the people who run the buckets: not the runbook's to change.
RAW_RULES = [
    {
        "ID": "expire-old-versions",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    },
    {
        "ID": "abort-incomplete-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    },
]


def create(aws: Clients) -> None:
    """Create both buckets."""
    s3 = aws("s3")
    for bucket in (names.RAW_BUCKET, names.PROCESSED_BUCKET):
        _create(s3, bucket)
    rules = {"Rules": RAW_RULES}
    s3.put_bucket_lifecycle_configuration(Bucket=names.RAW_BUCKET, LifecycleConfiguration=rules)


def _create(s3: Any, bucket: str) -> None:
    s3.create_bucket(Bucket=bucket)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=PRIVATE)
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=ENCRYPTION)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    tags = [{"Key": "Project", "Value": names.PROJECT}, {"Key": "Environment", "Value": "prod"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
