"""Photos, to whom may see their issue. Files never have an address of their own."""

from django.contrib.auth.decorators import login_required
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from apps.issues.models import Photo
from apps.issues.selectors.visibility import visible_issues
from apps.issues.services.photos import small_name
from apps.staff.access import scope_of_request


@require_GET
@login_required
@cache_control(private=True, max_age=3600, immutable=True)
def photo(request: HttpRequest, photo_id: int) -> HttpResponseBase:
    """The picture; `?small=1` its small copy. 404 for an unknown one and for one the reader may not see."""
    visible = visible_issues(scope_of_request(request))
    found = Photo.objects.filter(pk=photo_id, issue__in=visible).first()
    if found is None:
        raise Http404
    name = str(found.file.name)
    if request.GET.get("small"):
        name = small_name(name)
    try:
        return FileResponse(default_storage.open(name), content_type="image/jpeg")
    except FileNotFoundError as missing:
        raise Http404 from missing
