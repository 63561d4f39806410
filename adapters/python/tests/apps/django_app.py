"""A shop in Django, guarded by a line in its middleware; for WSGI and for ASGI."""

import os

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["buckler.DjangoRASP"],
)
django.setup()


def index(request):
    return HttpResponse("welcome")


def item(request, number):
    return HttpResponse(f"item {number}")


def login(request):
    return HttpResponse("a form")


def missing(request):
    return HttpResponse("no such thing", status=404)


def broken(request):
    raise RuntimeError("as it happens")


def worker(request):
    return HttpResponse(str(os.getpid()))


def echo(request):
    return HttpResponse(request.body, content_type="application/octet-stream")


def form(request):
    files = {name: sent.read().decode() for name, sent in request.FILES.items()}
    return JsonResponse(request.POST.dict() | files)


urlpatterns = [
    path("", index),
    path("items/<int:number>", item),
    path("login", login),
    path("missing", missing),
    path("broken", broken),
    path("worker", worker),
    path("echo", echo),
    path("form", form),
]

wsgi = get_wsgi_application()
asgi = get_asgi_application()
