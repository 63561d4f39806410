"""A function behind API Gateway, guarded by a decorator."""

from buckler import LambdaRASP

rasp = LambdaRASP()


@rasp.register
def handler(event, context):
    context_of = event["requestContext"]
    path = event.get("rawPath") or event.get("path")
    if path == "/gone":
        return {"statusCode": 404, "body": "no such thing"}
    if path == "/echo":
        encoded = event.get("isBase64Encoded", False)
        headers = {"content-type": "application/octet-stream"}
        body = event.get("body")
        return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": encoded}
    return {"statusCode": 200, "body": f"welcome {context_of['requestId']}"}
