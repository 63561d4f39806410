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
