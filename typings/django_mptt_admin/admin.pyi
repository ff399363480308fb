from typing import Any, TypeVar

from django.contrib.admin import ModelAdmin
from django.db import models
from django.http import HttpRequest, HttpResponse

_M = TypeVar("_M", bound=models.Model)

class DjangoMpttAdmin(ModelAdmin[_M]):
    tree_auto_open: bool | int
    change_tree_template: str
    tree_load_on_demand: int
    def move_view(self, request: HttpRequest, object_id: str) -> HttpResponse: ...
    def filter_tree_queryset(
        self, queryset: models.QuerySet[_M], request: HttpRequest
    ) -> models.QuerySet[_M]: ...
    def get_admin_url(self, name: str, args: Any = ...) -> str: ...
