"""Doors of the API. Each translates, calls one service or selector, and answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.files.base import File
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as translate
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.parsers import BaseParser, FormParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from apps.common import clock
from apps.common.parsers import LimitedJSONParser
from apps.grids.models import Tier
from apps.grids.selectors import locate, tree
from apps.issues.api import bodies
from apps.issues.models import Card, Category, PositionSource, State
from apps.issues.pictures import SMALL, photo_response
from apps.issues.selectors.arithmetic import clock_sums
from apps.issues.selectors.catalogue import catalogue
from apps.issues.selectors.detail import detail, detail_by_id
from apps.issues.selectors.duplicates import Here, similar_issues
from apps.issues.selectors.numbers import issue_by_number
from apps.issues.selectors.queue import Filters, newest_page
from apps.issues.selectors.targets import TargetRefused
from apps.issues.serializers import (
    CategoryOut,
    ClocksOut,
    DetailOut,
    ErrorOut,
    ListIn,
    MoveIn,
    MoveWithPhotosIn,
    PageOut,
    PhotoOut,
    PhotosIn,
    ReceiptOut,
    ReportIn,
    ReportWithPhotosIn,
    SimilarIn,
    SimilarOut,
    SupportIn,
    SupportOut,
    SupportWithPhotosIn,
)
from apps.issues.services.filing import Report, UnknownCategory, UnknownCell, file_report
from apps.issues.services.moves import IssueNotFound, MoveFields, add_photos, make_move
from apps.issues.services.supporting import Seen, support
from apps.issues.workflow import MOVES, Give
from apps.staff.models import Department, User
from apps.staff.selectors import Scope, scope_of

REFUSAL = OpenApiResponse(ErrorOut, description="Refused, with a sentence in the reader's language.")
REFUSALS: dict[Any, Any] = {400: REFUSAL, 401: REFUSAL, 413: REFUSAL, 415: REFUSAL}
NUMBER = OpenApiParameter("number", OpenApiTypes.STR, OpenApiParameter.PATH, description="E.g. 20130208-000123.")
MOVE = OpenApiParameter("move", OpenApiTypes.STR, OpenApiParameter.PATH, enum=list(MOVES))
KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Sent again under the same key, the same report is filed once: first 201, then 200 with the same body.",
)


REPORT_IN: Final = ReportWithPhotosIn()  # keeps nothing of a request; a new one would copy all its fields for each


class Door(APIView):
    """What all doors of the API share."""

    parser_classes: Sequence[type[BaseParser]] = (LimitedJSONParser, MultiPartParser, FormParser)

    def person(self) -> User:
        """Who asks; IsAuthenticated has looked."""
        assert isinstance(self.request.user, User)
        return self.request.user

    def scope(self) -> Scope:
        """What this person is now."""
        return scope_of(self.person().id, clock.now())


class IssuesDoor(Door):
    """`/api/v1/issues/`"""

    @extend_schema(
        operation_id="issues_file",
        parameters=[KEY],
        request={"application/json": ReportIn, "multipart/form-data": ReportWithPhotosIn},
        responses={201: ReceiptOut, 200: OpenApiResponse(ReceiptOut, description="Replay."), 409: REFUSAL, **REFUSALS},
    )
    def post(self, request: Request) -> Response:
        """File a report."""
        filed = file_report(reporter=self.person(), report=_report(request), now=clock.now())
        code = status.HTTP_201_CREATED if filed.created else status.HTTP_200_OK
        body = bodies.receipt(filed.issue, filed.notice)
        return Response(body, status=code, headers={"Location": body["url"]})

    @extend_schema(operation_id="issues_list", parameters=[ListIn], responses={200: PageOut, **REFUSALS})
    def get(self, request: Request) -> Response:
        """What the reader may see, the newest first."""
        now, asked = clock.now(), _valid(ListIn(data=request.query_params))
        page = newest_page(self.scope(), _filters(asked), at=now, after=asked["cursor"], size=asked["size"])
        return Response({"results": [bodies.row(issue, now) for issue in page.rows], "next": page.next_cursor})


class SimilarDoor(Door):
    """`/api/v1/issues/similar/`"""

    @extend_schema(
        operation_id="issues_similar", parameters=[SimilarIn], responses={200: SimilarOut(many=True), **REFUSALS}
    )
    def get(self, request: Request) -> Response:
        """What may be the same as a report about to be filed: same minor class, near, and recent."""
        asked = _valid(SimilarIn(data=request.query_params))
        here, viewer = _here(asked), self.scope()
        found = similar_issues(category_id=_category(asked).id, here=here, at=clock.now(), viewer=viewer)
        return Response([bodies.similar(one) for one in found])


class SupportDoor(Door):
    """`/api/v1/issues/support/`"""

    @extend_schema(
        operation_id="issues_support",
        request={"application/json": SupportIn, "multipart/form-data": SupportWithPhotosIn},
        responses={
            201: SupportOut,
            200: OpenApiResponse(SupportOut, description="It was supported before."),
            409: REFUSAL,
            **REFUSALS,
        },
    )
    def post(self, request: Request) -> Response:
        """Say that one has seen the same, instead of reporting it again."""
        asked = _valid(SupportWithPhotosIn(data=request.data))
        seen = Seen(_category(asked).id, _here(asked), asked["text"], _files(asked))
        made = support(supporter=self.person(), ref=asked["ref"], seen=seen, now=clock.now())
        code = status.HTTP_201_CREATED if made.created else status.HTTP_200_OK
        return Response({"number": made.issue.number if made.issue else None}, status=code)


class IssueDoor(Door):
    """`/api/v1/issues/<number>/`"""

    @extend_schema(
        operation_id="issues_read", parameters=[NUMBER], responses={200: DetailOut, 404: REFUSAL, **REFUSALS}
    )
    def get(self, request: Request, number: str) -> Response:
        """One issue with its history."""
        now = clock.now()
        found = detail(number, self.scope(), now)
        if found is None:
            raise IssueNotFound
        return Response(bodies.whole(found, now))


class ClockDoor(Door):
    """`/api/v1/issues/<number>/clock/`"""

    @extend_schema(
        operation_id="issues_clock", parameters=[NUMBER], responses={200: ClocksOut, 404: REFUSAL, **REFUSALS}
    )
    def get(self, request: Request, number: str) -> Response:
        """The arithmetic of every due time the issue has had, the newest first."""
        found = issue_by_number(number, self.scope())
        if found is None:
            raise IssueNotFound
        return Response({"clocks": [bodies.clock_sum(one) for one in clock_sums(found)]})


class MoveDoor(Door):
    """`/api/v1/issues/<number>/moves/<move>/`"""

    @extend_schema(
        operation_id="issues_move",
        parameters=[NUMBER, MOVE],
        request={"application/json": MoveIn, "multipart/form-data": MoveWithPhotosIn},
        responses={200: DetailOut, 403: REFUSAL, 404: REFUSAL, 409: REFUSAL, **REFUSALS},
    )
    def post(self, request: Request, number: str, move: str) -> Response:
        """Make a move; 409 with what happened if somebody was faster."""
        now, scope = clock.now(), self.scope()
        asked = _valid(MoveWithPhotosIn(data=request.data))
        issue = make_move(
            move=move,
            issue_id=_id_of(number, scope),
            version=asked["version"],
            actor=self.person(),
            fields=_move_fields(asked),
            now=now,
        )
        found = detail_by_id(issue.id, scope, now)
        # a department that has returned an issue of another one no longer sees where it went
        return Response(bodies.whole(found, now) if found else bodies.receipt(issue))


class PhotosDoor(Door):
    """`/api/v1/issues/<number>/photos/`"""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="issues_add_photos",
        parameters=[NUMBER],
        request={"multipart/form-data": PhotosIn},
        responses={201: PhotoOut(many=True), 403: REFUSAL, 404: REFUSAL, **REFUSALS},
    )
    def post(self, request: Request, number: str) -> Response:
        """Add photos."""
        asked = _valid(PhotosIn(data=request.data))
        issue = add_photos(
            issue_id=_id_of(number, self.scope()), actor=self.person(), files=asked["photos"], now=clock.now()
        )
        photos = issue.photos.order_by("id")
        return Response([bodies.photo(photo) for photo in photos], status=status.HTTP_201_CREATED)


class PhotoDoor(Door):
    """`/api/v1/photos/<id>/`"""

    @extend_schema(
        operation_id="photos_read",
        parameters=[OpenApiParameter("size", OpenApiTypes.STR, enum=[SMALL], description="320 px.")],
        responses={(200, "image/jpeg"): OpenApiTypes.BINARY, 401: REFUSAL, 404: REFUSAL},
    )
    def get(self, request: Request, photo_id: int) -> HttpResponseBase:
        """A picture."""
        is_small = request.query_params.get("size") == SMALL
        return photo_response(request._request, self.scope(), photo_id, is_small=is_small)


class CategoriesDoor(Door):
    """`/api/v1/categories/`"""

    @extend_schema(operation_id="categories_list", responses={200: CategoryOut(many=True), 401: REFUSAL})
    def get(self, request: Request) -> Response:
        """The minor classes that may be reported."""
        return Response([bodies.minor_class(category) for category in catalogue().minor_classes()])


class NowhereDoor(Door):
    """Every other address below `/api/`."""

    permission_classes = (AllowAny,)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whatever the method: there is nothing here."""
        raise NotFound(translate("Nothing is kept at this address."))


def _report(request: Request) -> Report:
    asked = REPORT_IN.run_validation(request.data)
    return Report(
        category_id=_category(asked).id,
        text=asked["text"],
        lon=asked["lon"],
        lat=asked["lat"],
        accuracy_m=asked["accuracy_m"],
        grid_id=_cell_id(asked["cell"]),
        position_source=PositionSource(asked["position_source"]),
        is_urgent=asked["is_urgent"],
        is_self_handled=asked["is_self_handled"],
        result=asked["result"],
        seen_at=asked["seen_at"],
        client_key=request.META.get("HTTP_IDEMPOTENCY_KEY"),
        photos=_files(asked),
    )


def _category(asked: Mapping[str, Any]) -> Category:
    """Raises UnknownCategory."""
    category = catalogue().by_code.get(asked["category"])
    if category is None:
        raise UnknownCategory
    return category


def _move_fields(asked: Mapping[str, Any]) -> MoveFields:
    return MoveFields(
        text=asked["text"],
        to_grid_id=_cell_id(asked["cell"]),
        to_department_id=_department_id(asked["department"]),
        photos=_files(asked),
        given=_given(asked),
    )


def _given(asked: Mapping[str, Any]) -> dict[Give, Any]:
    """What else was sent along, departments by id."""
    found = {give: asked[give.value] for give in Give if give.value in asked}
    if Give.CO_DEPARTMENTS in found:
        found[Give.CO_DEPARTMENTS] = [_department_id(code) for code in found[Give.CO_DEPARTMENTS]]
    return found


def _files(asked: Mapping[str, Any]) -> "list[File[bytes]]":
    return list(asked["photos"])


def _valid(serializer: Serializer[Any]) -> Mapping[str, Any]:
    """The sent values by name. Raises ValidationError."""
    serializer.is_valid(raise_exception=True)
    values: Mapping[str, Any] = serializer.validated_data
    return values


def _filters(asked: Mapping[str, Any]) -> Filters:
    category = _category(asked) if asked["category"] else None
    return Filters(
        state=State(asked["state"]) if asked["state"] else None,
        grid_id=_district_id(asked["district"]),
        category_id=category.id if category else None,
        is_overdue=asked["overdue"],
        card=Card[asked["card"].upper()] if asked["card"] else None,
        words=asked["q"],
    )


def _cell_id(code: str | None) -> int | None:
    if code is None:
        return None
    cell = tree().by_code(code)
    if cell is None:
        raise UnknownCell
    return cell.id


def _here(asked: Mapping[str, Any]) -> Here:
    """The cell that was named or that holds the point. Raises UnknownCell, OutsideCity."""
    lon, lat, named = asked["lon"], asked["lat"], _cell_id(asked["cell"])
    if lon is None or lat is None:
        if named is None:
            raise UnknownCell
        return Here(named)
    return Here(named or locate(lon, lat).id, lon, lat)


def _district_id(code: str | None) -> int | None:
    if code is None:
        return None
    cell = tree().by_code(code)
    if cell is None or cell.tier != Tier.DISTRICT:
        raise UnknownCell
    return cell.id


def _department_id(code: str | None) -> int | None:
    if code is None:
        return None
    found = Department.objects.filter(code=code).values_list("id", flat=True).first()
    if found is None:
        raise TargetRefused
    return found


def _id_of(number: str, scope: Scope) -> int:
    issue = issue_by_number(number, scope)
    if issue is None:
        raise IssueNotFound
    return issue.id
