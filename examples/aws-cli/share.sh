#!/bin/sh
# Asks AWS, as the function's role, about the file that arrived, and makes a link to it: who made it, what the file is, the link.
set -eu

# The variable is set on machines that stand in for AWS. Newer versions of the AWS CLI read it themselves.
call() { aws ${AWS_ENDPOINT_URL:+--endpoint-url "$AWS_ENDPOINT_URL"} "$@"; }

key=$STORAGE_OBJECT_KEY
{
  call sts get-caller-identity --query Arn --output text
  call s3api head-object --bucket "$BUCKET" --key "$key" --query '[ContentLength, ETag]' --output text
  call s3 presign "s3://$BUCKET/$key" --expires-in 3600
} >"$TMP_OUTPUT_DIR/$(basename "$key").txt" # and not to the log, whose readers could open the link

# The role may read below in/ and write below links/. It has no right to remove anything.
if refusal=$(call s3api delete-object --bucket "$BUCKET" --key "$key" 2>&1); then
  echo "the role may remove $key" >&2
  exit 1
fi
case $refusal in
  *AccessDenied*) ;;
  *) echo "$refusal" >&2; exit 1 ;;
esac
