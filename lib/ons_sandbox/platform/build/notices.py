"""SNS: the topic of deployments and alarms, and the queue in which its notices can be read.

https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
"""

import json

from ons_sandbox.platform import names
from ons_sandbox.platform.clients import Clients


def create(aws: Clients) -> None:
    """Create topic, queue and subscription."""
    topic = aws("sns").create_topic(Name=names.TOPIC)["TopicArn"]
    arn = f"arn:aws:sqs:{names.REGION}:{names.ACCOUNT}:{names.NOTICES_QUEUE}"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
            }
        ],
    }
    aws("sqs").create_queue(QueueName=names.NOTICES_QUEUE, Attributes={"Policy": json.dumps(policy)})
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
