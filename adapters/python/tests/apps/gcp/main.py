"""A Google Cloud Function, guarded by a decorator."""

import functions_framework
from buckler import GcpRASP

rasp = GcpRASP()


@functions_framework.http
@rasp.register
def shop(request):
    if request.path == "/gone":
        return "no such thing", 404
    if request.path == "/echo":
        return request.get_data(), {"Content-Type": "application/octet-stream"}
    return "welcome"


@rasp.register
def shop_with_context(event, context):
    return "welcome"


@rasp.register
def stored(event, context):
    print("stored", event["name"], flush=True)


@rasp.register
def stored_event(cloud_event):
    print("stored", cloud_event.data["name"], flush=True)
