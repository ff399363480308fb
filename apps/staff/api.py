"""A token for a program, by the same check and the same pause after wrong tries as the sign-in page."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.staff.forms import ACCOUNT_LENGTH, PASSWORD_LENGTH, SignInForm


class TokenIn(serializers.Serializer[Any]):
    """Staff number or phone, and password."""

    username = serializers.CharField(max_length=ACCOUNT_LENGTH)
    password = serializers.CharField(max_length=PASSWORD_LENGTH, trim_whitespace=False)


class TokenOut(serializers.Serializer[Any]):
    """Send it as `Authorization: Token …`."""

    token = serializers.CharField()


class TokenDoor(APIView):
    """`/api/v1/token/`"""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get_authenticate_header(self, request: Request) -> str:
        """Wrong number or password is 401, as everywhere; without a scheme DRF would make it 403."""
        return "Token"

    @extend_schema(
        operation_id="token_get",
        request=TokenIn,
        responses={
            200: TokenOut,
            401: OpenApiResponse(description="Number or password is wrong."),
            429: OpenApiResponse(description="Too many wrong tries: wait."),
        },
    )
    def post(self, request: Request) -> Response:
        """Exchange number and password for a token."""
        asked = TokenIn(data=request.data)
        asked.is_valid(raise_exception=True)
        form = SignInForm(request._request, data=asked.validated_data)
        if not form.is_valid():
            message = " ".join(str(error) for errors in form.errors.values() for error in errors)
            raise Throttled(detail=message) if form.paused_until else AuthenticationFailed(message)
        token, _created = Token.objects.get_or_create(user=form.get_user())
        return Response({"token": token.key})
