#!/usr/bin/env bash
# The questions of health/daily_health_check asked the way the old runbook asks them: the AWS CLI and curl, one after
# the other. Only here to be measured against; it judges nothing. Needs the exports of `runbook sandbox env`.
set -u
hour_ago=$(( ($(date +%s) - 3600) * 1000 ))
for function in lambda_router structured_data_processor rag_query_processor timestream_loader; do
  aws lambda get-function-configuration --function-name "$function" --query '[State,LastUpdateStatus]' --output text
  aws lambda get-alias --function-name "$function" --name LIVE --query FunctionVersion --output text
  for metric in Invocations Errors Throttles; do
    aws cloudwatch get-metric-statistics --namespace AWS/Lambda --metric-name "$metric" \
      --dimensions "Name=FunctionName,Value=$function" --period 3600 --statistics Sum \
      --start-time "$(date -u -d '1 hour ago' +%Y-%m-%dT%H:%M:%SZ)" --end-time "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --output text
  done
  aws logs filter-log-events --log-group-name "/aws/lambda/$function" --start-time "$hour_ago" \
    --filter-pattern SUCCESS --query 'events[*].message' --output table
done
api_id=$(aws apigateway get-rest-apis --query 'items[?name==`ons-data-platform-api`].id' --output text)
curl -s -o /dev/null -w '%{http_code} %{time_total}\n' "$(sed "s/{api_id}/$api_id/; s/{stage}/prod/" <<<"$RUNBOOK_API_ENDPOINT")/health"
aws s3 ls s3://ons-data-platform-raw-prod/ >/dev/null && echo raw
aws s3 ls s3://ons-data-platform-processed-prod/ >/dev/null && echo processed
curl -s "$INFLUXDB_V2_URL/health"; curl -s "$INFLUXDB_V2_URL/ready"
curl -s "$INFLUXDB_V2_URL/api/v2/query?org=$INFLUXDB_V2_ORG" -H "Authorization: Token $INFLUXDB_V2_TOKEN" \
  -H 'Content-Type: application/vnd.flux' \
  -d 'from(bucket:"energy_data") |> range(start: -6h) |> filter(fn: (r) => r._measurement == "generation_data") |> last()'
aws cloudwatch describe-alarms --state-value ALARM --query 'MetricAlarms[*].AlarmName' --output text
