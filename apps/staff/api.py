"""A token for a program, by the same check and the same pause after wrong tries as the sign-in page."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.staff.forms import ACCOUNT_LENGTH, PASSWORD_LENGTH, SignInForm
from apps.staff.tokens import QuickTokenAuthentication


class TokenIn(serializers.Serializer[Any]):
    """Staff number or phone, and password."""

    username = serializers.CharField(max_length=ACCOUNT_LENGTH)
    password = serializers.CharField(max_length=PASSWORD_LENGTH, trim_whitespace=False)


class TokenOut(serializers.Serializer[Any]):
    """Send it as `Authorization: Token …`."""

    token = serializers.CharField()


class TokenDoor(APIView):
    """`/api/v1/token/`"""

    authentication_classes = (QuickTokenAuthentication,)

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Signing in asks for no token, and a wrong one in its headers is no reason to refuse it."""
        return super().get_authenticators() if self._is_signing_out() else []

    def get_permissions(self) -> Sequence[Any]:
        """Only who has a token can give it back."""
        return super().get_permissions() if self._is_signing_out() else [AllowAny()]

    def _is_signing_out(self) -> bool:
        return getattr(self.request, "method", "") == "DELETE"  # the schema is drawn without a request

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

    @extend_schema(
        operation_id="token_end",
        responses={
            204: OpenApiResponse(description="The token opens nothing any more."),
            401: OpenApiResponse(description="No valid token was sent."),
        },
    )
    def delete(self, request: Request) -> Response:
        """Sign out: end the token that is sent along."""
        Token.objects.filter(key=request.auth).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
