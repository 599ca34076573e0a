"""Each path is answered by service.answer, with the factory of the process."""

from django.http import JsonResponse
from django.urls import re_path
from service import answer

from django_splitio import get_factory


def view(request):
    return JsonResponse(answer(get_factory, request.path, request.GET.get("key", "")))


urlpatterns = [re_path("", view)]
